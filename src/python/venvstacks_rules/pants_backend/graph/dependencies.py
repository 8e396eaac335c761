"""Edges of the build graph from the fields that name other targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.targets.layers import (
    FrameworksField,
    LayerDependenciesField,
    PythonArchivesField,
    RuntimeField,
)
from venvstacks_rules.pants_backend.targets.manifests import (
    ManifestDependenciesField,
    ManifestLayersField,
)


@dataclass(frozen=True)
class LayerDependenciesFieldSet(FieldSet):
    """The fields of a layer that name targets."""

    required_fields = (LayerDependenciesField,)

    runtime: RuntimeField
    frameworks: FrameworksField
    python_archives: PythonArchivesField


class InferLayerDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The layers and interpreter archives that a layer names."""

    infer_from = LayerDependenciesFieldSet


@rule
async def infer_layer_dependencies(request: InferLayerDependencies) -> InferredDependencies:
    fields = request.field_set
    named = {
        RuntimeField.alias: (fields.runtime.value,) if fields.runtime.value else (),
        FrameworksField.alias: fields.frameworks.value or (),
        PythonArchivesField.alias: tuple((fields.python_archives.value or {}).values()),
    }
    found = await concurrently(
        named_targets(NamedTargetsRequest(alias, values, fields.address), **implicitly())
        for alias, values in named.items()
        if values
    )
    return InferredDependencies(address for targets in found for address in targets.addresses)


@dataclass(frozen=True)
class ManifestDependenciesFieldSet(FieldSet):
    """The fields of a manifest that name targets."""

    required_fields = (ManifestLayersField, ManifestDependenciesField)

    layers: ManifestLayersField


class InferManifestDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The layers of a manifest."""

    infer_from = ManifestDependenciesFieldSet


@rule
async def infer_manifest_dependencies(request: InferManifestDependencies) -> InferredDependencies:
    fields = request.field_set
    found = await named_targets(
        NamedTargetsRequest(ManifestLayersField.alias, fields.layers.value, fields.address),
        **implicitly(),
    )
    return InferredDependencies(found.addresses)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(InferDependenciesRequest, InferLayerDependencies),
        UnionRule(InferDependenciesRequest, InferManifestDependencies),
    ]
