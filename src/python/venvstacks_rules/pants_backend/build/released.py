"""What a target publishes: its layers on the platforms of this run, and its name as a stack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.target import Target, WrappedTargetRequest

from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.publications import PublicationRequest, StackIdentity
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.releases import (
    ReleasedLayersRequest,
    ReleaseLayersFieldSet,
    released_layers,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.releases import (
    ReleaseChannelField,
    ReleaseNotesField,
    ReleaseVersionField,
)


@dataclass(frozen=True)
class TargetPublicationRequest:
    """What a layer, a manifest or a release publishes."""

    address: Address


@dataclass(frozen=True)
class TargetPublication:
    """What a layer, a manifest or a release publishes."""

    request: PublicationRequest
    stack: Optional[StackLayersRequest]
    """Its layers; None for a single layer."""
    notes: tuple[str, ...]
    """What is left out, for the user."""


@rule
async def target_publication(
    request: TargetPublicationRequest, platforms: BuildPlatforms
) -> TargetPublication:
    address = request.address
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(address, description_of_origin="publish")
    )
    target: Target = wrapped.target
    if ReleaseLayersFieldSet.is_applicable(target):
        released = await released_layers(
            ReleasedLayersRequest(ReleaseLayersFieldSet.create(target)), **implicitly()
        )
        layers: Optional[StackLayersRequest] = released.request
        identity: Optional[StackIdentity] = StackIdentity(
            released.name,
            target[ReleaseVersionField].value,
            target[ReleaseNotesField].value or "",
            target[ReleaseChannelField].value,
        )
        pairs = tuple(zip(released.stack.layers, released.stack.addresses))
    elif target.has_field(ManifestLayersField):
        layers = StackLayersRequest.of(target)
        stack = await stack_layers(layers, **implicitly())
        identity = StackIdentity(_name_of_stack(address))
        pairs = tuple(zip(stack.layers, stack.addresses))
    else:
        found = await find_layer(LayerRequest(address), **implicitly())
        identity = layers = None
        pairs = ((found.layer, address),)
    chosen, notes = complete_layers(address, pairs, platforms)
    needed = tuple(at for at, names in chosen if names)
    await required_locks(RequiredLocksRequest(needed, platforms.names), **implicitly())
    return TargetPublication(
        PublicationRequest(tuple((at, names) for at, names in chosen if names), identity),
        layers,
        notes,
    )


def complete_layers(
    address: Address, pairs: Iterable[tuple[Layer, Address]], platforms: BuildPlatforms
) -> tuple[tuple[tuple[Address, tuple[str, ...]], ...], tuple[str, ...]]:
    """The platforms of each layer on which all layers below it are published, too; and notes."""
    chosen: dict[str, tuple[str, ...]] = {}
    addresses: list[tuple[Address, tuple[str, ...]]] = []
    notes = []
    for layer, at in pairs:
        of_layer = platforms.of_layer(layer)
        names = tuple(
            name
            for name in of_layer.names
            # What is not there under its own address is there as another archive of the layer.
            if all(name in chosen.get(below, (name,)) for below in layer.lower)
        )
        notes += [
            f"{address} is published without {layer.address} for {left_out}"
            for left_out in of_layer.left_out
        ]
        without = [name for name in of_layer.names if name not in names]
        if without:
            notes.append(
                f"{address} is published without {layer.address} for {', '.join(without)}: a layer "
                "below it is not built there."
            )
        chosen[layer.address] = names
        addresses.append((at, names))
    return tuple(addresses), tuple(notes)


def _name_of_stack(address: Address) -> str:
    """What a stack without a release is called: by its target, or by that of the stack file."""
    return address.target_name


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
