"""Which layers are locked when some are asked for."""

from __future__ import annotations

import logging

import pytest
from pants.core.goals.generate_lockfiles import (
    GenerateLockfilesSubsystem,
    KnownUserResolveNames,
    UserGenerateLockfiles,
)
from pants.engine.addresses import Address
from pants.engine.internals.parametrize import Parametrize
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.distribution_rules import DISTRIBUTION_RULES
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.goals import generate_lockfiles, lock_options
from venvstacks_rules.pants_backend.goals.generate_lockfiles import (
    KnownLayerResolveNames,
    RequestedLayerResolveNames,
    layers_to_lock,
    lockfile_diff,
)
from venvstacks_rules.pants_backend.goals.resolve_names import manifests_by_name, refuse_misspelt
from venvstacks_rules.pants_backend.graph import (
    layer_targets,
    layers,
    stack_files,
    stack_targets,
    stacks,
)
from venvstacks_rules.pants_backend.locks import (
    freshness,
    local_wheels,
    lockfiles,
    rivals,
    stale_below,
    uv_config,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import VenvstacksFramework
from venvstacks_rules.pants_backend.targets.manifests import VenvstacksManifest
from venvstacks_rules.pants_backend.targets.stacks import StackFramework, StackManifest

MODULES = (
    *(generate_lockfiles, layer_targets, layers, stack_files, stack_targets, stacks),
    *(lock_options, freshness, local_wheels, lockfiles, rivals, stale_below, uv_config),
)

LOWER = {"rt": (), "fw": ("rt",), "other": ("rt",), "app": ("fw",), "top": ("fw", "other")}


@pytest.mark.parametrize(
    ("asked", "locked", "expected"),
    [
        (("rt",), set(LOWER), ("app", "fw", "other", "rt", "top")),
        (("fw",), set(LOWER), ("app", "fw", "top")),
        (("app",), set(LOWER), ("app",)),
        # What has no lock yet has to come along, and what is built on that.
        (("app",), set(LOWER) - {"fw"}, ("app", "fw", "top")),
        (("app",), set(), ("app", "fw", "other", "rt", "top")),
        ((), set(), ()),
    ],
)
def test_what_is_locked_along(
    asked: tuple[str, ...], locked: set[str], expected: tuple[str, ...]
) -> None:
    assert layers_to_lock(asked, LOWER, frozenset(locked)) == expected


def test_the_layers_of_a_stack_can_be_locked_together() -> None:
    stack = Address("src", target_name="stack")
    generated = StackManifest(
        {"layers": [], "stack_file": "x.toml"}, stack.create_generated("__venvstacks__")
    )
    written = VenvstacksManifest({"layers": [":b"]}, Address("src", target_name="m"))
    layers = [
        StackFramework(
            {"files": ["x.toml"], "stack_file": "x.toml"}, stack.create_generated("framework-a")
        ),
        VenvstacksFramework({}, Address("src", target_name="b")),
    ]
    assert manifests_by_name([generated, written, *layers]) == {
        "src:stack": (generated,),
        "src:stack#__venvstacks__": (generated,),
        "src:m": (written,),
    }


def locked(**versions: str) -> Lockfile:
    return Lockfile(
        "==3.11.*",
        tuple(LockedPackage(name, version, None, None, ()) for name, version in versions.items()),
    )


def test_what_changed_in_a_lock() -> None:
    old = locked(same="1", more="1.9", less="2", gone="1")
    diff = lockfile_diff("p", "s:x", old, locked(same="1.0", more="1.10", less="1!1", new="3"))
    assert diff is not None
    assert (diff.path, diff.resolve_name) == ("p", "s:x")
    assert {name: str(version) for name, version in diff.added.items()} == {"new": "3"}
    assert {name: str(version) for name, version in diff.removed.items()} == {"gone": "1"}
    changed = {**diff.upgraded, **diff.downgraded}
    assert {name: tuple(map(str, pair)) for name, pair in changed.items()} == {
        "more": ("1.9", "1.10"),
        "less": ("2", "1!1"),
    }
    assert lockfile_diff("p", "s:x", old, old) is None


def test_nothing_is_said_of_files_that_were_not_written(
    caplog: pytest.LogCaptureFixture,
) -> None:
    caplog.set_level(logging.INFO)
    pants = logging.getLogger("pants.core.goals.generate_lockfiles")
    for path in ("no file: the layer cannot be locked", "s/pylock.toml"):
        pants.info(f"Wrote lockfile for the resolve `s:x` to {path}")
    assert caplog.messages == ["Wrote lockfile for the resolve `s:x` to s/pylock.toml"]


FILES = {
    "src/BUILD": 'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")\n'
    'venvstacks_framework(name="fw", runtime=":rt")\n'
    'venvstacks_framework(name="other", runtime=":rt")\n'
    'venvstacks_manifest(name="m", layers=[":fw"])\n',
    "toml/BUILD": 'venvstacks_stack(name="stack")\n',
    "typo/BUILD": 'venvstacks_stack(name="stack")\n',
    "toml/venvstacks.toml": "x = [",
    "typo/venvstacks.toml": "[[runtime]]",
    **{f"src/requirements/{name}/pylock.{name}.toml": "" for name in ("rt", "framework-fw")},
}


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[
            *DISTRIBUTION_RULES,
            *(rule for module in MODULES for rule in module.rules()),
            *module_rules(),
            *GenerateLockfilesSubsystem.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(KnownUserResolveNames, [KnownLayerResolveNames]),
            QueryRule(UserGenerateLockfiles, [RequestedLayerResolveNames]),
        ],
        target_types=[*target_types()],
        objects={"parametrize": Parametrize},
    )
    runner.write_files(FILES)
    return runner


def asked(runner: RuleRunner, *names: str) -> list[str]:
    """What is locked when the user asks for `names`."""
    found = runner.request(UserGenerateLockfiles, [RequestedLayerResolveNames(names)])
    return [request.resolve_name for request in found]


def test_a_manifest_stands_for_its_layers_and_those_below(runner: RuleRunner) -> None:
    assert asked(runner, "src:fw") == ["src:fw"]
    assert asked(runner, "src:m") == ["src:fw", "src:other", "src:rt"]


def test_variants(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "two/BUILD": 'venvstacks_runtime(name="rt", python_implementation=parametrize('
            'a="cpython@3.11.13", b="cpython@3.12.11"), archive_format=parametrize("zip", "tar.gz")'
            ")\n"
            'venvstacks_framework(name="fw", runtime=":rt@python_implementation=a")\n'
        }
    )
    first, second = (
        f"two:rt@archive_format=tar.gz,python_implementation={name}" for name in ("a", "b")
    )
    known = runner.request(KnownUserResolveNames, [KnownLayerResolveNames()])
    assert {"two:rt", first, first.replace("tar.gz", "zip"), second} < {*known.names}
    # Archives of one layer are locked once.
    assert asked(runner, "two:rt") == ["two:fw", first, second]
    assert asked(runner, first.replace("tar.gz", "zip")) == ["two:fw", first]
    assert asked(runner, second) == [second]
    assert asked(runner, "two:rt@python_implementation=b") == [second]
    assert asked(runner, "two:fw") == ["two:fw", first]


def test_misspelt_addresses() -> None:
    with pytest.raises(DefinitionError) as caught:
        refuse_misspelt(["src:fv", "src:fw", "src:stakc", "pytest"], ["src:fw", "src:stack"])
    assert str(caught.value) == (
        "`--generate-lockfiles-resolve` cannot be used:\n"
        "  * there is no layer or stack 'src:fv'. Did you mean 'src:fw'?\n"
        "  * there is no layer or stack 'src:stakc'. Did you mean 'src:stack'?"
    )
    # Pants knows the names of other backends, and has a message of its own.
    refuse_misspelt(["fw", "zzzz:yyyyyyy"], ["src:fw"])


@pytest.mark.parametrize(
    ("names", "message"),
    [
        (
            ("toml:stack", "src:fw"),
            "A stack file cannot be built as written:\n"
            "  * toml/venvstacks.toml: it is not TOML: Invalid value (at end of document). "
            "Correct it there.",
        ),
        (
            ("toml:stack", "typo:stack"),
            "2 stack files cannot be built as written:\n"
            "  * toml/venvstacks.toml: it is not TOML: Invalid value (at end of document). "
            "Correct it there.\n"
            "  * typo/venvstacks.toml: `runtime` is not part of a stack file. Did you mean "
            "`runtimes`?",
        ),
    ],
)
def test_broken_stack_files_are_not_unknown_names(
    runner: RuleRunner, names: tuple[str, ...], message: str
) -> None:
    known = runner.request(KnownUserResolveNames, [KnownLayerResolveNames()])
    assert {*names} <= {*known.names}
    with pytest.raises(ExecutionError) as caught:
        asked(runner, *names)
    assert [str(error) for error in caught.value.wrapped_exceptions] == [message]
