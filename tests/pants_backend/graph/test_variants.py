"""Variants of parametrized layers: their names, and which one a reference means."""

from __future__ import annotations

from textwrap import dedent

import pytest
from pants.backend.python.target_types import PythonResolveField, PythonSourceTarget
from pants.build_graph.address import AddressInput
from pants.engine.addresses import Address, Addresses
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.target import InferredDependencies, Target, Targets
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.stack_runner import (
    FILES,
    MORE,
    SKLEARN,
    fields,
    find,
    refused,
    stack_runner,
)
from venvstacks_rules.model.layers.variants import PACKING_PARAMETERS
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferLayerDependencies,
    InferManifestDependencies,
    LayerDependenciesFieldSet,
    ManifestDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.graph.layers import shared_locks
from venvstacks_rules.pants_backend.graph.variants import TargetsByName, of_resolve
from venvstacks_rules.pants_backend.targets.layers import (
    COMMON_FIELDS,
    VenvstacksApplication,
    VenvstacksFramework,
)
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField

TWO_PYTHONS = """\
venvstacks_runtime(
    name="py",
    python_implementation=parametrize(py311="cpython@3.11.13", py312="cpython@3.12.11"),
)
venvstacks_framework(
    name="fw",
    runtime=parametrize(
        py311=":py@python_implementation=py311", py312=":py@python_implementation=py312"
    ),
)
venvstacks_application(
    name="app",
    launch_module="app.py",
    frameworks=parametrize(py311=[":fw@runtime=py311"], py312=[":fw@runtime=py312"]),
)
"""
TWO_FORMATS = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")
venvstacks_framework(name="fw", runtime=":py", archive_format=parametrize("tar.zst", "zip"))
venvstacks_application(name="app", launch_module="app.py", frameworks=[":fw"])
venvstacks_application(
    name="zipped", launch_module="app.py", frameworks=[":fw"], archive_format="zip"
)
"""


@pytest.fixture
def runner() -> RuleRunner:
    return stack_runner()


def address(spec: str) -> Address:
    return AddressInput.parse(spec, description_of_origin="a test").dir_to_address()


def targets(runner: RuleRunner, spec: str) -> list[Target]:
    return list(runner.request(Targets, [Addresses([address(spec)])]))


def edges(runner: RuleRunner, spec: str) -> list[str]:
    (target,) = targets(runner, spec)
    field_set = LayerDependenciesFieldSet.create(target)
    found = runner.request(InferredDependencies, [InferLayerDependencies(field_set)])
    return [include.spec for include in found.include]


def test_a_stack_for_two_pythons(runner: RuleRunner) -> None:
    runner.write_files({"src/BUILD": TWO_PYTHONS, "src/app.py": ""})
    found = find(runner, address("src:app@frameworks=py312"))
    assert found.layer.lower == ("src:fw@runtime=py312", "src:py@python_implementation=py312")
    assert found.layer.python_version == "3.12.11"
    names = [layer.layer_name for layer in (found.layer, *found.lower)]
    assert names == ["app-app-py312", "framework-fw-py312", "py-py312"]
    assert found.lockfile(found.layer) == "src/requirements/app-app-py312/pylock.app-app-py312.toml"
    assert edges(runner, "src:app@frameworks=py312") == ["src:fw@runtime=py312"]
    owners = runner.request(Owners, [OwnersRequest(("src/app.py",))])
    assert {owner.spec for owner in owners} == {
        "src:app@frameworks=py311",
        "src:app@frameworks=py312",
    }


def test_a_reference_to_several_variants(runner: RuleRunner) -> None:
    build = TWO_PYTHONS.replace("[:fw@", "[:").replace('[":fw@runtime=py312"]', '[":fw"]')
    runner.write_files({"src/BUILD": build, "src/app.py": ""})
    problem = (
        "src:app@frameworks=py312: `{}` names ':fw', which has 2 variants. Name one of them: "
        "':fw@runtime=py311', ':fw@runtime=py312'."
    )
    assert refused(runner, address("src:app@frameworks=py312")) == (
        f"A layer definition cannot be built as written:\n  * {problem.format('frameworks[0]')}"
    )
    with pytest.raises(ExecutionError) as caught:
        edges(runner, "src:app@frameworks=py312")
    assert [str(error) for error in caught.value.wrapped_exceptions] == [
        f"Variants have to be chosen:\n  * {problem.format('frameworks')}"
    ]


def test_a_target_with_the_name_of_its_folder(runner: RuleRunner) -> None:
    build = TWO_PYTHONS.replace('name="fw"', 'name="src"').replace("[:fw@", "[:")
    build = build.replace('[":fw@runtime=py312"]', '[":src"]').replace(":fw@", ":src@")
    runner.write_files({"src/BUILD": build, "src/app.py": ""})
    assert refused(runner, address("src:app@frameworks=py312")).endswith(
        "names ':src', which has 2 variants. Name one of them: ':src@runtime=py311', "
        "':src@runtime=py312'."
    )


def test_a_variant_that_does_not_exist(runner: RuleRunner) -> None:
    build = TWO_PYTHONS.replace("implementation=py312", "implementation=py313")
    runner.write_files({"src/BUILD": build, "src/app.py": ""})
    assert refused(runner, address("src:fw@runtime=py312")) == (
        "A layer definition cannot be built as written:\n"
        "  * src:fw@runtime=py312: `runtime` names ':py@python_implementation=py313', but there "
        "is no such target. Did you mean ':py@python_implementation=py312'?"
    )


def test_layers_in_two_formats_are_one_layer(runner: RuleRunner) -> None:
    runner.write_files({"src/BUILD": TWO_FORMATS, "src/app.py": ""})
    variants = targets(runner, "src:fw@archive_format=tar.zst") + targets(
        runner, "src:fw@archive_format=zip"
    )
    names = [target.get(LayerSourcesField).layer_name for target in variants]
    assert names == ["framework-fw", "framework-fw"]
    first = address("src:fw@archive_format=tar.zst")
    assert shared_locks(reversed(variants)) == {
        "src:fw@archive_format=tar.zst": first,
        "src:fw@archive_format=zip": first,
    }
    # Any of them will do; one with the same format is preferred.
    app, zipped = (find(runner, address(f"src:{name}")) for name in ("app", "zipped"))
    assert app.layer.lower[0] == "src:fw@archive_format=tar.zst"
    assert zipped.layer.lower[0] == "src:fw@archive_format=zip"
    assert app.locked_as[app.layer.lower[0]] == first
    assert zipped.locked_as[zipped.layer.lower[0]] == first
    assert edges(runner, "src:zipped") == ["src:fw@archive_format=zip"]
    assert edges(runner, "src:app") == ["src:fw@archive_format=tar.zst"]


def test_variants_with_different_indexes(runner: RuleRunner) -> None:
    build = """\
    venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")
    venvstacks_framework(
        name="torch",
        runtime=":py",
        requirements=["torch"],
        package_indexes=parametrize(cpu={"torch": "pytorch-cpu"}, cuda={"torch": "pytorch-cu128"}),
    )
    venvstacks_application(
        name="train",
        launch_module="app.py",
        frameworks=parametrize(
            cpu=[":torch@package_indexes=cpu"], cuda=[":torch@package_indexes=cuda"]
        ),
    )
    """
    runner.write_files({"src/BUILD": dedent(build), "src/app.py": ""})
    found = find(runner, address("src:train@frameworks=cuda"))
    assert found.lower[0].layer_name == "framework-torch-cuda"
    assert found.lower[0].package_indexes == (("torch", "pytorch-cu128"),)
    assert found.layer.package_indexes == (("torch", "pytorch-cu128"),)


def test_the_fields_that_change_only_archives_are_fields() -> None:
    assert {field.alias for field in COMMON_FIELDS} > PACKING_PARAMETERS


def framework(**parameters: str) -> VenvstacksFramework:
    return VenvstacksFramework({}, Address("src", target_name="fw", parameters=parameters))


@pytest.mark.parametrize(
    ("consumer", "expected"),
    [
        ({"parametrize": "cuda"}, ["src:fw@parametrize=cuda"]),
        ({"parametrize": "rocm"}, ["src:fw@parametrize=cpu", "src:fw@parametrize=cuda"]),
        ({"runtime": "cuda"}, ["src:fw@parametrize=cpu", "src:fw@parametrize=cuda"]),
        ({}, ["src:fw@parametrize=cpu", "src:fw@parametrize=cuda"]),
    ],
)
def test_groups_of_newer_pants(consumer: dict[str, str], expected: list[str]) -> None:
    # `**parametrize("cuda", ...)`, which Pants has since 2.19.
    named = TargetsByName.of([framework(parametrize=name) for name in ("cuda", "cpu")])
    application = VenvstacksApplication(
        {"launch_module": "app.py"}, Address("top", target_name="app", parameters=consumer)
    )
    meant = named.meant(address("src:fw"), application.address, application)
    assert [found.spec for found in meant] == expected


def test_the_parameters_that_a_reference_leaves_out() -> None:
    named = TargetsByName.of(
        framework(runtime=runtime, archive_format=packed)
        for runtime in ("py311", "py312")
        for packed in ("tar.zst", "zip")
    )
    for written, consumer, expected in (
        ("src:fw@runtime=py311", {}, "src:fw@archive_format=tar.zst,runtime=py311"),
        (
            "src:fw@runtime=py311",
            {"archive_format": "zip"},
            "src:fw@archive_format=zip,runtime=py311",
        ),
        ("src:fw", {"runtime": "py312"}, "src:fw@archive_format=tar.zst,runtime=py312"),
    ):
        consumer_address = Address("top", target_name="app", parameters=consumer)
        (meant,) = named.meant(address(written), consumer_address)
        assert meant.spec == expected
    assert len(named.meant(address("src:fw"), address("top:app"))) == 4
    assert named.meant(address("src:fw@runtime=py313"), address("top:app")) == ()
    assert named.meant(None, address("top:app")) == ()


def test_fields_with_the_same_value() -> None:
    consumer = Address("top", target_name="app")
    platforms = ["linux_x86_64"]
    application = VenvstacksApplication(
        {"launch_module": "app.py", "platforms": platforms}, consumer
    )
    for field, theirs, mine, expected in (
        ("platforms", ["win_amd64"], platforms, ["src:fw@platforms=b"]),
        # What is not set is no value that they have in common.
        ("requirements", ["rich"], [], ["src:fw@requirements=a", "src:fw@requirements=b"]),
    ):
        named = TargetsByName.of(
            VenvstacksFramework(
                {field: value}, Address("src", target_name="fw", parameters={field: name})
            )
            for name, value in (("a", theirs), ("b", mine))
        )
        meant = named.meant(address("src:fw"), consumer, application)
        assert [found.spec for found in meant] == expected


def test_the_manifest_of_variants(runner: RuleRunner) -> None:
    build = TWO_PYTHONS + 'venvstacks_manifest(name="stack", layers=[":app@frameworks=py311"])\n'
    build += 'venvstacks_manifest(name="both", layers=[":app"])\n'
    runner.write_files({"src/BUILD": build, "src/app.py": ""})
    (stack,) = targets(runner, "src:stack")
    field_set = ManifestDependenciesFieldSet.create(stack)
    found = runner.request(InferredDependencies, [InferManifestDependencies(field_set)])
    assert [include.spec for include in found.include] == ["src:app@frameworks=py311"]
    (both,) = targets(runner, "src:both")
    with pytest.raises(ExecutionError) as caught:
        runner.request(
            InferredDependencies,
            [InferManifestDependencies(ManifestDependenciesFieldSet.create(both))],
        )
    assert [str(error) for error in caught.value.wrapped_exceptions] == [
        "Variants have to be chosen:\n"
        "  * src:both: `layers` names ':app', which has 2 variants. Name one of them: "
        "':app@frameworks=py311', ':app@frameworks=py312'."
    ]


def test_a_stack_file_in_two_formats(runner: RuleRunner) -> None:
    build = 'venvstacks_stack(name="stack", archive_format=parametrize("tar.xz", "zip"))\n'
    runner.write_files({**FILES, "src/BUILD": build})
    found = find(runner, address("src:stack#app-classify@archive_format=zip"))
    assert found.layer.lower == (
        "src:stack#framework-more@archive_format=zip",
        "src:stack#framework-sklearn%402@archive_format=zip",
        "src:stack#cpython-3.11@archive_format=zip",
    )
    assert found.layer.layer_name == "app-classify"
    assert fields(found.target)["frameworks"] == (MORE, SKLEARN)
    (manifest,) = targets(runner, "src:stack#__venvstacks__@archive_format=zip")
    assert manifest[ManifestLayersField].value[0] == "src:stack#cpython-3.11@archive_format=zip"


def test_layers_of_a_stack_file_that_overrides_parametrize(runner: RuleRunner) -> None:
    build = """\
    venvstacks_stack(
        name="stack",
        overrides={
            "framework-sklearn@2": {"archive_format": parametrize("zip", "tar.xz")},
            "framework-more": {"requirements": parametrize(small=[], large=["rich"])},
            "app-classify": {
                "frameworks": parametrize(
                    small=[":stack#framework-more@requirements=small"],
                    large=[":stack#framework-more@requirements=large"],
                )
            },
        },
    )
    """
    runner.write_files({**FILES, "src/BUILD": dedent(build)})
    found = find(runner, address("src:stack#app-classify@frameworks=large"))
    assert found.layer.lower == (
        "src:stack#framework-more@requirements=large",
        "src:stack#framework-sklearn%402@archive_format=tar.xz",
        "src:stack#cpython-3.11",
    )
    assert [layer.layer_name for layer in (found.layer, *found.lower)] == [
        "app-classify-large",
        "framework-more-large",
        "framework-sklearn@2",
        "cpython-3.11",
    ]
    (manifest,) = targets(runner, "src:stack#__venvstacks__")
    assert manifest[ManifestLayersField].value == (
        "src:stack#cpython-3.11",
        "src:stack#framework-sklearn%402@archive_format=tar.xz",
        "src:stack#framework-more@requirements=small",
        "src:stack#framework-more@requirements=large",
        "src:stack#app-classify@frameworks=small",
        "src:stack#app-classify@frameworks=large",
    )


def test_files_of_one_generator_are_no_variants_of_each_other() -> None:
    def source(file: str, resolve: str, *, is_variant: bool) -> Target:
        parameters = {"resolve": resolve} if is_variant else None
        address = Address("src", target_name="lib", relative_file_path=file, parameters=parameters)
        return PythonSourceTarget({"source": file, "resolve": resolve}, address)

    one, two = (source("a.py", resolve, is_variant=True) for resolve in "xy")
    other = source("b.py", "y", is_variant=False)
    assert of_resolve([one, two, other], PythonResolveField, "x") == [one, other]
    assert of_resolve([one, two, other], PythonResolveField, None) == [one, two, other]
