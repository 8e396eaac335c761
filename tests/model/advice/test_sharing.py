"""Packages that layers could share."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.support.advice import application, definitions_of, framework, linted, own, runtime
from venvstacks_rules.model.advice.findings import Finding, Ignored
from venvstacks_rules.model.advice.linted import LintedLayer
from venvstacks_rules.model.advice.sharing import sharing_findings
from venvstacks_rules.model.layers.definitions import Reference
from venvstacks_rules.model.layers.lock_choices import LockChoices
from venvstacks_rules.model.layers.requirement_entries import TargetRequirement

HEAVY = 50_000_000


def findings(layers: list[LintedLayer], *ignored: str) -> list[Finding]:
    return sharing_findings(
        layers, definitions_of(layers), heavy_size=HEAVY, ignored=Ignored(ignored)
    )


def lines(layers: list[LintedLayer], *ignored: str) -> list[str]:
    return [line for found in findings(layers, *ignored) for line in found.lines]


def test_a_package_in_two_applications_on_the_runtime() -> None:
    layers = linted(
        runtime(),
        application("a", requirements=("six>=1.16",)),
        application("b"),
        packages={"a": (own("six==1.16.0", 11_000),), "b": (own("six==1.17.0", 11_100),)},
    )
    assert lines(layers) == [
        "src:a, src:b: `six` 1.16.0 and 1.17.0 is in 2 layers beside each other, and one framework "
        "below them could hold it. This saves 11.0 kB of wheels. [duplicates]",
        '    src: venvstacks_framework(name="six", runtime=":py", requirements=["six>=1.16"])',
        '    src:a: frameworks=[":six"], in place of `runtime`',
        '    src:b: frameworks=[":six"], in place of `runtime`',
        "    if one version of `six` will do for all; locking says",
    ]


def test_layers_that_exclude_each_others_versions_share_nothing() -> None:
    packages = {"a": (own("six==1.16.0"),), "b": (own("six==1.17.0"),), "c": (own("six==1.15.0"),)}
    layers = linted(
        runtime(),
        application("a", requirements=("six<1.17",)),
        application("b", requirements=("six>=1.17",)),
        packages=packages,
    )
    assert findings(layers) == []
    # Of three, two can.
    layers = linted(
        runtime(),
        application("a", requirements=("six<1.17",)),
        application("b", requirements=("six>=1.17",)),
        application("c"),
        packages=packages,
    )
    assert lines(layers)[0].startswith("src:b, src:c: `six` 1.17.0 and 1.15.0 is in 2 layers ")


def test_a_framework_below_a_layer_with_another_version_does_not_hold_it() -> None:
    layers = linted(
        runtime(),
        framework("low"),
        application("a", "low", requirements=("six<1.17",)),
        application("b", "low", requirements=("six>=1.17",)),
        application("c", "low", requirements=("six>=1.17",)),
        packages={
            "a": (own("six==1.16.0"),),
            "b": (own("six==1.17.0"),),
            "c": (own("six==1.17.0"),),
        },
    )
    assert lines(layers)[1:] == [
        '    src: venvstacks_framework(name="six", runtime=":py", requirements=["six>=1.17"])',
        '    src:b: frameworks=[":low", ":six"]',
        '    src:c: frameworks=[":low", ":six"]',
    ]


def test_what_overrides_a_requirement_counts_in_its_place() -> None:
    layers = linted(
        runtime(),
        application("a", requirements=("six<1.17",), lock_choices=LockChoices(("six>=1.16",))),
        application("b", requirements=("six>=1.17",)),
        packages={"a": (own("six==1.16.0"),), "b": (own("six==1.17.0"),)},
    )
    assert [found.checks for found in findings(layers)] == [("duplicates",)]


def test_a_framework_that_is_there_already_holds_it() -> None:
    layers = linted(
        runtime(),
        framework("low", requirements=("numpy",)),
        framework("left", "low"),
        application("a", "left"),
        application("b", "low"),
        packages={"a": (own("six"), own("toml")), "b": (own("six"), own("toml"))},
    )
    assert lines(layers) == [
        "src:a, src:b: `six` 1.0, `toml` 1.0 are in 2 layers beside each other, and one framework "
        "below them could hold them. This saves 2.0 kB of wheels. [duplicates]",
        '    src:low: requirements=["numpy", "six", "toml"]',
    ]


def test_what_nobody_requires_comes_along_or_has_to_be_named() -> None:
    layers = linted(
        runtime(),
        application("a", requirements=("requests",)),
        application("b", requirements=("Requests[socks]", "rich", "requests")),
        packages={name: (own("idna"), own("requests"), own("urllib3")) for name in ("a", "b")},
    )
    assert lines(layers)[1:3] == [
        '    src: venvstacks_framework(name="shared", runtime=":py", '
        'requirements=["Requests[socks]"])',
        "    and by name what of `idna`, `urllib3` does not come along",
    ]


def of_targets(*pins: tuple[str, str]) -> tuple[TargetRequirement, ...]:
    return tuple(TargetRequirement(pin, origin) for pin, origin in pins)


@pytest.mark.parametrize("stack_file", [None, "src/venvstacks.toml"])
def test_requirements_of_targets_have_their_addresses(stack_file: str | None) -> None:
    of_a = of_targets(("rich[jupyter]>=13", "3rdparty:reqs#rich"), ("six", "3rdparty:six"))
    of_b = of_targets(
        ("rich[jupyter]>=13", "3rdparty:reqs#rich"), ("toml", "lib:two"), ("b", "lib:two")
    )
    packages = (own("click"), own("markdown-it-py"), own("rich"), own("six"), own("toml"))
    layers = linted(
        runtime(),
        application("a", requirements=("click>=8",), target_requirements=of_a),
        application("b", requirements=("six>1",), target_requirements=of_b),
        packages={"a": packages, "b": (*packages, own("b"))},
        stack_file=stack_file,
    )
    edit = lines(layers)[1]
    if stack_file:
        assert edit.endswith('requirements = ["click>=8", "rich[jupyter]>=13", "six>1", "toml"]')
    else:
        # The other target would bring more along.
        assert edit.endswith('requirements=["click>=8", "3rdparty:reqs#rich", "six>1", "toml"])')


def test_many_layers_are_not_all_in_the_sentence() -> None:
    names = [f"a{i}" for i in range(10)]
    layers = linted(
        runtime(),
        framework("fw"),
        *(application(name, "fw") for name in names),
        packages={name: (own("six"),) for name in names},
    )
    (found,) = findings(layers)
    assert found.text.startswith(
        f"{', '.join(f'src:{name}' for name in names[:8])} and 2 more: `six` 1.0 is in 10 layers "
    )
    assert found.saved == 9000


def test_frameworks_beside_each_other_and_a_name_that_is_taken() -> None:
    layers = linted(
        runtime(),
        framework("six"),
        framework("other"),
        application("a", "other"),
        packages={"six": (own("six"),), "other": (own("six"),), "a": (own("toml"),)},
    )
    assert lines(layers)[1:] == [
        '    src: venvstacks_framework(name="six-shared", runtime=":py", requirements=["six"])',
        '    src:other: frameworks=[":six-shared"], in place of `runtime`',
        '    src:six: frameworks=[":six-shared"], in place of `runtime`',
    ]


def test_layers_of_a_stack_file() -> None:
    layers = linted(
        runtime(),
        framework("fw"),
        application("a", "fw"),
        application("b"),
        packages={"a": (own("six"),), "b": (own("six"),)},
        stack_file="src/venvstacks.toml",
    )
    assert lines(layers)[1:] == [
        '    src/venvstacks.toml: a first table [[frameworks]]: name = "six", runtime = "py", '
        'requirements = ["six"]',
        '    src/venvstacks.toml: `app-a`: frameworks = ["fw", "six"]',
        '    src/venvstacks.toml: `app-b`: frameworks = ["six"], in place of `runtime`',
    ]


def test_a_version_beside_that_of_a_layer_below_is_left_alone() -> None:
    six = own("six==1.17.0", HEAVY)
    relaxed = linted(
        runtime(),
        framework("low"),
        application("up", "low"),
        packages={"low": (own("six==1.16.0", HEAVY),), "up": (six,)},
    )
    assert findings(relaxed) == []
    beside = linted(
        runtime(),
        framework("low"),
        application("other"),
        application("up", "low"),
        packages=dict.fromkeys(("low", "other", "up"), (six,)),
    )
    assert lines(beside)[0].startswith("src:low, src:other: `six` 1.17.0 is in 2 layers beside ")
    elsewhere = linted(
        runtime(),
        framework("low"),
        application("up", "low"),
        packages={
            "low": (own("six", 1, "linux_x86_64"),),
            "up": (own("six", HEAVY, "win_amd64"),),
        },
    )
    assert [found.checks for found in findings(elsewhere)] == [("heavy-packages",)]


def on_variants_of_a_runtime(stack_file: str | None = None) -> list[LintedLayer]:
    """Two applications, each with two variants, and a framework that has variants, too."""
    found = []
    for name in ("py39", "py311"):
        one = f"src:py@python_implementation={name}"
        below = Reference(f":{one[4:]}", one)
        stack = linted(
            runtime(address=one),
            framework("six", runtime=below, address=f"src:six@runtime={name}"),
            application("a", runtime=below, address=f"src:a@runtime={name}"),
            application("b", runtime=below, address=f"src:b@runtime={name}"),
            packages={layer: (own("six"),) for layer in ("a", "b")},
            stack_file=stack_file,
        )
        found += [
            replace(
                layer,
                definition=replace(
                    layer.definition, variant=name, variants=layer.address.partition("@")[0]
                ),
            )
            for layer in stack
        ]
    return found


def test_new_frameworks_on_variants_of_a_runtime_have_names_of_their_own() -> None:
    added = [line for line in lines(on_variants_of_a_runtime()) if "venvstacks_framework" in line]
    assert added == [
        f'    src: venvstacks_framework(name="six-{name}-shared", '
        f'runtime=":py@python_implementation={name}", requirements=["six"])'
        for name in ("py311", "py39")
    ]
    of_files = lines(on_variants_of_a_runtime("src/venvstacks.toml"))
    assert [line for line in of_files if "[[frameworks]]" in line] == 2 * [
        '    src/venvstacks.toml: a first table [[frameworks]]: name = "six-shared", '
        'runtime = "py", requirements = ["six"]'
    ]


def test_other_new_frameworks_have_other_names() -> None:
    left, right = (own("six"), own("toml")), (own("click"), own("rich"))
    layers = linted(
        runtime(),
        *map(application, "abcd"),
        packages={"a": right, "b": right, "c": left, "d": left},
    )
    assert [line for line in lines(layers) if "venvstacks_framework" in line] == [
        '    src: venvstacks_framework(name="shared", runtime=":py", '
        'requirements=["click", "rich"])',
        '    src: venvstacks_framework(name="shared-shared", runtime=":py", '
        'requirements=["six", "toml"])',
    ]


def test_other_platforms_other_runtimes_and_what_is_ignored() -> None:
    apart = linted(
        runtime(),
        application("a"),
        application("b"),
        packages={
            "a": (own("six", 1, "linux_x86_64"),),
            "b": (own("six", 1, "win_amd64"),),
        },
    )
    assert findings(apart) == []
    stacks = [
        *linted(runtime(), application("a"), packages={"a": (own("six"),)}),
        *linted(runtime("py2"), packages={"py2": (own("six"),)}),
    ]
    assert findings(stacks) == []
    twice = linted(
        runtime(),
        application("a"),
        application("b"),
        packages={name: (own("six"), own("toml")) for name in ("a", "b")},
    )
    assert "`toml`" in lines(twice, "duplicates:six")[0]
    assert "`six`" not in lines(twice, "duplicates:six")[0]
    assert findings(twice, "duplicates") == []


def test_variants_of_one_layer_are_alternatives() -> None:
    names = ("a-old", "a-new", "b")
    layers = linted(
        runtime(),
        *(application(name) for name in names),
        packages={name: (own("six"),) for name in names},
    )
    variants = [
        replace(layer, definition=replace(layer.definition, variants="src:a"))
        if layer.layer.name.startswith("a-")
        else layer
        for layer in layers
    ]
    assert findings(variants[:-1]) == []
    assert lines(variants)[2:] == [
        '    src:a: frameworks=[":six"], in place of `runtime`',
        '    src:b: frameworks=[":six"], in place of `runtime`',
    ]


@pytest.mark.parametrize("below", [True, False])
def test_a_heavy_package_of_an_application(below: bool) -> None:
    layers = linted(
        runtime(),
        framework("fw", requirements=("numpy",)),
        application("a", *(["fw"] if below else []), requirements=("torch==2.1",)),
        packages={
            "a": (own("torch==2.1.0", HEAVY), own("toml", HEAVY - 1)),
            "fw": (own("mkl", 3 * HEAVY),),
        },
    )
    edits = ['    src:fw: requirements=["numpy", "torch==2.1"]']
    if not below:
        edits = [
            '    src: venvstacks_framework(name="torch", runtime=":py", '
            'requirements=["torch==2.1"])',
            '    src:a: frameworks=[":torch"], in place of `runtime`',
        ]
    assert lines(layers) == [
        "src:a: `torch` 2.1.0 has a wheel of 50.0 MB, which no other application can share; a "
        "framework could hold it. This saves 50.0 MB of wheels for each other application that "
        "needs it. [heavy-packages]",
        *edits,
    ]
    assert findings(layers, "heavy-packages:torch") == []


def test_a_heavy_package_in_two_applications_is_one_warning() -> None:
    layers = linted(
        runtime(),
        application("a"),
        application("b"),
        packages={name: (own("torch", HEAVY),) for name in ("a", "b")},
    )
    assert [found.checks for found in findings(layers)] == [("duplicates",)]


def test_sizes_that_a_lock_does_not_have() -> None:
    layers = linted(
        runtime(),
        application("a"),
        application("b"),
        packages={name: (own("six", 0),) for name in ("a", "b")},
    )
    assert lines(layers)[0].endswith("one framework below them could hold it. [duplicates]")
