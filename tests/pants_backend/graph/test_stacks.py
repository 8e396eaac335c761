"""Manifests: the layers they comprise."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.manifest_runner import BASE, SAME_NAME, manifest_runner, refused
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferManifestDependencies,
    ManifestDependenciesFieldSet,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayers, StackLayersRequest


@pytest.fixture(scope="module")
def runner() -> RuleRunner:
    return manifest_runner()


def layers(runner: RuleRunner, *written: str, folder: str = "base") -> list[str]:
    request = StackLayersRequest(Address(folder, target_name="stack"), written)
    found = runner.request(StackLayers, [request])
    assert isinstance(found, StackLayers)
    assert [layer.address for layer in found.layers] == [a.spec for a in found.addresses]
    return [layer.address for layer in found.layers]


def test_layers_keep_their_order_and_bring_those_below(runner: RuleRunner) -> None:
    runner.write_files({"base/BUILD": BASE})
    everything = ["base:py", "base:other", "base:low", "base:high"]
    assert layers(runner, ":py", ":other", ":low", ":high") == everything
    assert layers(runner, ":high", "base:py") == ["base:py", "base:low", "base:high"]


def test_one_archive_of_a_layer_in_several(runner: RuleRunner) -> None:
    formats = 'parametrize("tar.zst", "zip")'
    runner.write_files(
        {
            "base/BUILD": BASE.replace(
                'name="low", runtime=":py"', f'name="low", runtime=":py", archive_format={formats}'
            )
        }
    )
    zst, zipped = (f"base:low@archive_format={name}" for name in ("tar.zst", "zip"))
    assert layers(runner, ":high") == ["base:py", zst, "base:high"]
    # `high` is on the first, but the stack has the one that it lists.
    assert layers(runner, ":high", zipped) == ["base:py", zipped, "base:high"]
    both = StackLayersRequest(Address("base", target_name="stack"), (zst, zipped))
    assert refused(runner, StackLayers, both) == (
        "DefinitionError: A stack cannot be built as written:\n"
        f"  * base:stack: `layers` brings together {zst} and {zipped}, which are both called "
        "`framework-low`. Rename one of them."
    )


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
        "DefinitionError: A stack cannot be built as written:\n"
        "  * top:stack: `layers` names top:stack, which is not a layer. Remove it.\n"
        "  * top:stack: `layers` brings together base:low and top:low, which are both called "
        "`framework-low`. Rename one of them."
    )
