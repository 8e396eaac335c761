"""Edges of the build graph from tests to their layers and to the ``conftest.py`` files above."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pants.backend.python.dependency_inference.subsystem import PythonInferSubsystem
from pants.backend.python.target_types import PythonSourceField
from pants.engine.addresses import Addresses
from pants.engine.fs import PathGlobs
from pants.engine.internals.graph import OwnersRequest
from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.targets.layer_tests import (
    LayerTestSourceField,
    TestedLayerField,
    TestToolsField,
)


@dataclass(frozen=True)
class LayerTestDependenciesFieldSet(FieldSet):
    """The fields of tests that name layers."""

    required_fields = (LayerTestSourceField, TestedLayerField, TestToolsField)

    source: LayerTestSourceField
    layer: TestedLayerField
    tools: TestToolsField


class InferLayerTestDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The layers that a test names, and the ``conftest.py`` files above it."""

    infer_from = LayerTestDependenciesFieldSet


@rule
async def infer_layer_test_dependencies(
    request: InferLayerTestDependencies, inference: PythonInferSubsystem
) -> InferredDependencies:
    fields = request.field_set
    test = fields.address
    named = await concurrently(
        named_targets(NamedTargetsRequest(field.alias, (field.value,), test), **implicitly())
        for field in (fields.layer, fields.tools)
    )
    layers = [address for targets in named for address in targets.addresses]
    file = fields.source.file_path
    if file is None or not inference.conftests:
        return InferredDependencies(layers)
    found = await engine.path_globs_to_paths(
        PathGlobs(str(folder / "conftest.py") for folder in PurePosixPath(file).parents)
    )
    owners = await concurrently(
        engine.find_owners(OwnersRequest((conftest,))) for conftest in found.files
    )
    targets = await concurrently(engine.resolve_targets(Addresses(each)) for each in owners)
    with_code = [
        [target.address for target in each if target.has_field(PythonSourceField)]
        for each in targets
    ]
    unowned = [conftest for conftest, each in zip(found.files, with_code) if not each]
    if unowned:
        raise DefinitionError(
            "Tests cannot be run as written:",
            [
                f"{test}: no target owns {conftest}. Add `python_test_utils()` to the BUILD file "
                "beside it."
                for conftest in unowned
            ],
        )
    return InferredDependencies([*layers, *(address for each in with_code for address in each)])


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(InferDependenciesRequest, InferLayerTestDependencies),
    ]
