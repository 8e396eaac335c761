"""Edges of the build graph from the fields that name other targets."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.subsystems.setup import PythonSetup
from pants.engine.internals.graph import OwnersRequest
from pants.engine.target import FieldSet, InferDependenciesRequest, InferredDependencies
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.graph.requirement_targets import (
    RequirementTargetsRequest,
    requirement_targets,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import (
    FrameworksField,
    LayerDependenciesField,
    PythonArchivesField,
    RequirementsField,
    RuntimeField,
)
from venvstacks_rules.pants_backend.targets.manifests import (
    ManifestDependenciesField,
    ManifestLayersField,
)
from venvstacks_rules.pants_backend.targets.requirement_fields import PythonResolveField


@dataclass(frozen=True)
class LayerDependenciesFieldSet(FieldSet):
    """The fields of a layer that name targets."""

    required_fields = (LayerDependenciesField,)

    runtime: RuntimeField
    frameworks: FrameworksField
    python_archives: PythonArchivesField
    requirements: RequirementsField
    python_resolve: PythonResolveField


class InferLayerDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The layers and interpreter archives that a layer names."""

    infer_from = LayerDependenciesFieldSet


@rule
async def infer_layer_dependencies(
    request: InferLayerDependencies, options: VenvstacksSubsystem
) -> InferredDependencies:
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
    required = await requirement_targets(
        RequirementTargetsRequest(
            fields.address,
            tuple(fields.requirements.value or ()),
            fields.python_resolve.chosen(options.python_resolve),
        ),
        **implicitly(),
    )
    return InferredDependencies(
        [
            *(address for targets in found for address in targets.addresses),
            *(target.address for target in required.targets),
        ]
    )


@dataclass(frozen=True)
class PythonResolveFieldSet(FieldSet):
    """The field of a layer that names a resolve."""

    required_fields = (LayerDependenciesField, PythonResolveField)

    python_resolve: PythonResolveField


class InferResolveLockfile(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The target that Pants makes for the lockfile of a resolve."""

    infer_from = PythonResolveFieldSet


@rule
async def infer_resolve_lockfile(
    request: InferResolveLockfile, options: VenvstacksSubsystem, python_setup: PythonSetup
) -> InferredDependencies:
    resolve = request.field_set.python_resolve.chosen(options.python_resolve)
    path = dict(python_setup.resolves).get(resolve) if resolve else None
    if path is None:
        return InferredDependencies([])
    owners = await engine.find_owners(OwnersRequest((path,)))
    return InferredDependencies(owners)


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
        UnionRule(InferDependenciesRequest, InferResolveLockfile),
        UnionRule(InferDependenciesRequest, InferManifestDependencies),
    ]
