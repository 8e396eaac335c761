"""Manifests: the layers they comprise, and folders in which outputs would overwrite each other."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.build.output_folders import (
    OutputFolder,
    OutputFolderRequest,
    output_folder_request,
)
from venvstacks_rules.pants_backend.build.output_folders import rules as output_folder_rules
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferManifestDependencies,
    ManifestDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.graph.dependencies import rules as inference_rules
from venvstacks_rules.pants_backend.graph.layer_targets import rules as layer_target_rules
from venvstacks_rules.pants_backend.graph.layers import rules as graph_rules
from venvstacks_rules.pants_backend.graph.module_files import rules as module_rules
from venvstacks_rules.pants_backend.graph.stack_files import rules as stack_file_rules
from venvstacks_rules.pants_backend.graph.stacks import StackLayers, StackLayersRequest
from venvstacks_rules.pants_backend.graph.stacks import rules as stack_rules
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

BASE = """
venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")
venvstacks_framework(name="low", runtime=":py")
venvstacks_framework(name="high", frameworks=[":low"])
venvstacks_framework(name="other", runtime=":py")
"""
SAME_NAME = """
venvstacks_framework(name="low", runtime="base:py"{})
venvstacks_manifest(name="stack", layers=["base:low", ":low"])
"""


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *graph_rules(),
            *layer_target_rules(),
            *module_rules(),
            *stack_file_rules(),
            *inference_rules(),
            *output_folder_rules(),
            *stack_rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(StackLayers, [StackLayersRequest]),
            QueryRule(OutputFolder, [OutputFolderRequest]),
            QueryRule(InferredDependencies, [InferManifestDependencies]),
        ],
        target_types=[*target_types()],
    )


def layers(runner: RuleRunner, *written: str, folder: str = "base") -> list[str]:
    request = StackLayersRequest(Address(folder, target_name="stack"), written)
    found = runner.request(StackLayers, [request])
    assert isinstance(found, StackLayers)
    assert [layer.address for layer in found.layers] == [a.spec for a in found.addresses]
    return [layer.address for layer in found.layers]


def refused(runner: RuleRunner, output: type[object], request: object) -> str:
    with pytest.raises(ExecutionError) as caught:
        runner.request(output, [request])
    (error,) = list(caught.value.wrapped_exceptions)
    return f"{type(error).__name__}: {error}"


def test_layers_keep_their_order_and_bring_those_below(runner: RuleRunner) -> None:
    runner.write_files({"base/BUILD": BASE})
    everything = ["base:py", "base:other", "base:low", "base:high"]
    assert layers(runner, ":py", ":other", ":low", ":high") == everything
    assert layers(runner, ":high", "base:py") == ["base:py", "base:low", "base:high"]


def test_layers_are_edges_of_the_build_graph(runner: RuleRunner) -> None:
    runner.write_files(
        {"base/BUILD": BASE, "all/BUILD": 'venvstacks_manifest(name="m", layers=["base:high"])'}
    )
    target = runner.get_target(Address("all", target_name="m"))
    request = InferManifestDependencies(ManifestDependenciesFieldSet.create(target))
    found = runner.request(InferredDependencies, [request])
    assert isinstance(found, InferredDependencies)
    assert [address.spec for address in found.include] == ["base:high"]


def test_what_is_no_layer_and_names_that_occur_twice(runner: RuleRunner) -> None:
    runner.write_files({"base/BUILD": BASE, "top/BUILD": SAME_NAME.format("")})
    request = StackLayersRequest(
        Address("top", target_name="stack"), ("base:low", ":low", ":stack")
    )
    assert refused(runner, StackLayers, request) == (
        "DefinitionError: A manifest cannot be built as written:\n"
        "  * top:stack: `layers` names top:stack, which is not a layer.\n"
        "  * top:stack: `layers` brings together base:low and top:low, which are both called "
        "`framework-low`. Rename one of them."
    )


def test_outputs_that_would_overwrite_each_other(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "base/BUILD": BASE + 'venvstacks_manifest(name="one", layers=[":high"])',
            "top/BUILD": SAME_NAME.format(', output_path="base/linux_x86_64/"').replace(
                '"base:low", ', ""
            )
            + 'venvstacks_manifest(name="two", layers=["base:low"], output_path="release")\n'
            + 'venvstacks_manifest(name="three", layers=["base:other"], output_path="./release")\n',
        }
    )
    # Another target's default folder, and what a manifest brings there.
    path = "base/linux_x86_64/"
    request = output_folder_request(Address("top", target_name="low"), path, "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * top:low: it would write the archive of `framework-low` to "
        "`dist/base/linux_x86_64`, as base:low does. Set `output_path` of one of them."
    )
    request = output_folder_request(Address("top", target_name="two"), "release", "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * top:two: it would write the manifest of a stack to `dist/release`, as top:three does. "
        "Set `output_path` of one of them."
    )
    for name in ("py", "one"):
        request = output_folder_request(Address("base", target_name=name), None, "linux_x86_64")
        assert runner.request(OutputFolder, [request]) == OutputFolder("base/linux_x86_64")
    free = output_folder_request(Address("top", target_name="low"), None, "macosx_arm64")
    assert runner.request(OutputFolder, [free]) == OutputFolder("top/macosx_arm64")


def test_two_stacks_of_a_folder(runner: RuleRunner) -> None:
    stacks = [f'venvstacks_manifest(name="{name}", layers=[":high"])' for name in ("a", "b")]
    runner.write_files({"base/BUILD": BASE + "\n".join(stacks)})
    request = output_folder_request(Address("base", target_name="py"), None, "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs would overwrite each other:\n"
        "  * base:b: it would write the manifest of a stack to `dist/base/linux_x86_64`, as base:a "
        "does. Set `output_path` of one of them."
    )


def test_folders_with_dots(runner: RuleRunner) -> None:
    runner.write_files({"x.y/BUILD": BASE, "x/y/BUILD": BASE})
    request = output_folder_request(Address("x.y", target_name="py"), None, "linux_x86_64")
    assert "x/y:low: it would write the archive of `framework-low`" in refused(
        runner, OutputFolder, request
    )


@pytest.mark.parametrize(
    ("path", "problem"),
    [("../up", "the path holds `..`"), ("/tmp/x", "the path is absolute")],
)
def test_folders_that_are_not_below_dist(runner: RuleRunner, path: str, problem: str) -> None:
    runtime = 'venvstacks_runtime(name="py", python_implementation="cpython@3.11.13"{})'
    runner.write_files({"away/BUILD": runtime.format(f', output_path="{path}"')})
    request = output_folder_request(Address("away", target_name="py"), path, "linux_x86_64")
    assert refused(runner, OutputFolder, request) == (
        "DefinitionError: Outputs cannot be written:\n"
        f"  * away:py: `output_path` is {path!r}, but {problem}. Name a folder below `dist`."
    )
