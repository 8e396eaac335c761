"""Releases: the layers of a `venvstacks_release`, and all below them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.target import (
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    WrappedTargetRequest,
)
from pants.engine.unions import UnionRule

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.graph.stacks import (
    StackLayers,
    StackLayersRequest,
    stack_layers,
)
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.releases import (
    ReleaseChannelField,
    ReleaseDependenciesField,
    ReleaseLayersField,
    ReleaseNameField,
    ReleaseStackField,
    ReleaseVersionField,
)


@dataclass(frozen=True)
class ReleaseLayersFieldSet(FieldSet):
    """The fields of a release that name targets."""

    required_fields = (ReleaseLayersField, ReleaseStackField, ReleaseDependenciesField)

    layers: ReleaseLayersField
    stack: ReleaseStackField
    release_name: ReleaseNameField
    version: ReleaseVersionField
    channel: ReleaseChannelField

    @property
    def named(self) -> StackLayersRequest:
        """All targets that it names, as if they were a stack."""
        stack = () if self.stack.value is None else (self.stack.value,)
        return StackLayersRequest(self.address, (*(self.layers.value or ()), *stack))

    @property
    def problems(self) -> list[str]:
        """What is wrong with them, whatever the targets are that they name."""
        address, layers, stack = self.address, self.layers.value, self.stack.value
        found = []
        if layers and stack:
            found.append(f"{address} sets both `layers` and `stack`; remove one of them.")
        elif not layers and not stack:
            found.append(f"{address} has no layers; set `layers` or `stack`.")
        named = (self.release_name, self.version, self.channel)
        return found + [f"{address}: {field.problem}" for field in named if field.problem]


@dataclass(frozen=True)
class ReleasedLayersRequest:
    """The layers of a release."""

    fields: ReleaseLayersFieldSet


@dataclass(frozen=True)
class ReleasedLayers:
    """The layers of a release."""

    request: StackLayersRequest
    """The same layers as a stack."""
    stack: StackLayers
    name: str
    """What the release is called in the repository."""


@rule
async def released_layers(request: ReleasedLayersRequest) -> ReleasedLayers:
    fields = request.fields
    address = fields.address
    if fields.problems:
        raise DefinitionError("A release cannot be built as written:", fields.problems)
    layers, stack = fields.layers.value or (), fields.stack.value
    if not stack:
        listed = StackLayersRequest(address, layers)
        found = await stack_layers(listed, **implicitly())
        return ReleasedLayers(listed, found, _release_name(fields, found))
    named = await named_targets(
        NamedTargetsRequest(ReleaseStackField.alias, (stack,), address), **implicitly()
    )
    targets = await concurrently(
        engine.resolve_target(WrappedTargetRequest(each, description_of_origin=str(address)))
        for each in named.addresses
    )
    manifests = [each.target for each in targets if each.target.has_field(ManifestLayersField)]
    if len(manifests) != 1:
        raise DefinitionError(
            "A release cannot be built as written:",
            [
                f"{address}: `stack` is {stack!r}, which is no stack. Name a `venvstacks_stack` or "
                "a `venvstacks_manifest`, or set `layers` instead."
            ],
        )
    listed = StackLayersRequest.of(manifests[0])
    found = await stack_layers(listed, **implicitly())
    return ReleasedLayers(listed, found, _release_name(fields, found))


def _release_name(fields: ReleaseLayersFieldSet, stack: StackLayers) -> str:
    if fields.release_name.value is not None:
        return fields.release_name.value
    applications = [
        layer.layer_name for layer in stack.layers if layer.kind is LayerKind.APPLICATION
    ]
    if fields.layers.value and len(applications) == 1:
        return applications[0]
    return fields.address.generated_name or fields.address.target_name


class InferReleaseDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The layers of a release."""

    infer_from = ReleaseLayersFieldSet


@rule
async def infer_release_dependencies(request: InferReleaseDependencies) -> InferredDependencies:
    fields = request.field_set
    named = {
        ReleaseLayersField.alias: fields.layers.value or (),
        ReleaseStackField.alias: (fields.stack.value,) if fields.stack.value else (),
    }
    found = await concurrently(
        named_targets(NamedTargetsRequest(alias, values, fields.address), **implicitly())
        for alias, values in named.items()
        if values
    )
    return InferredDependencies([address for targets in found for address in targets.addresses])


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(InferDependenciesRequest, InferReleaseDependencies)]
