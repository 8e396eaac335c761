"""Layers and stacks that may be broken: what is wrong with each, as values.

The engine raises the first error of several rules only. So that one thing that is broken does not
hide another, these rules return what they catch. The engine does not know that what failed depends
on options, and would give it again when these are others: so they run in each run (`RunId`).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.internals.session import RunId

from venvstacks_rules.model.errors import VenvstacksError, one_error
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.pants_backend.build.imports import (
    ImportPolicy,
    LayerImports,
    LayerImportsRequest,
    layer_imports,
    refuse_missing,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_modules import NamedLaunchRequest, named_launch
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraphRequest,
    LayerRequest,
    find_layer,
    layer_graph,
    refuse_broken,
)
from venvstacks_rules.pants_backend.graph.releases import ReleasedLayersRequest, released_layers
from venvstacks_rules.pants_backend.graph.stacks import (
    StackLayersRequest,
    folders_of_stack,
    stack_layers,
)
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLocks,
    CheckedLocksRequest,
    RequiredLocksRequest,
    checked_locks,
    lock_error,
    required_locks,
)


@dataclass(frozen=True)
class SoundDefinitionsRequest:
    """Raise an error about all broken definitions in some folders."""

    folders: tuple[str, ...]

    @classmethod
    def of(
        cls,
        layers: Iterable[Address],
        stacks: Iterable[StackLayersRequest],
        releases: Iterable[ReleasedLayersRequest] = (),
    ) -> SoundDefinitionsRequest:
        """The folders of layers, of stacks and releases, and of what these name."""
        named = (*stacks, *(release.fields.named for release in releases))
        folders = {
            *(address.spec_path for address in layers),
            *(folder for stack in named for folder in folders_of_stack(stack)),
        }
        return cls(tuple(sorted(folders)))


@dataclass(frozen=True)
class SoundDefinitions:
    """No definition is broken."""


@dataclass(frozen=True)
class JudgedStackRequest:
    """The layers of a stack that may be broken."""

    layers: StackLayersRequest


@dataclass(frozen=True)
class JudgedReleaseRequest:
    """The layers of a release that may be broken."""

    release: ReleasedLayersRequest


@dataclass(frozen=True)
class JudgedStack:
    """The layers of a stack or a release, or what is wrong with it."""

    addresses: tuple[Address, ...]
    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class JudgedLocksRequest:
    """The locks of a layer that may be broken."""

    address: Address


@dataclass(frozen=True)
class JudgedLocks:
    """The locks of a layer, or what is wrong with it."""

    locks: Optional[CheckedLocks]
    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class JudgedLaunchRequest:
    """What a layer that may be broken starts with."""

    address: Address


@dataclass(frozen=True)
class JudgedLaunch:
    """What is wrong with that."""

    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class JudgedImportsRequest:
    """The imports of a layer that may be broken."""

    imports: LayerImportsRequest


@dataclass(frozen=True)
class JudgedImports:
    """The imports of a layer, or what is wrong with it."""

    imports: Optional[LayerImports]
    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class CheckedImportsRequest:
    """The imports of layers and of all below, as far as their locks are sound."""

    addresses: tuple[Address, ...]
    skipped: frozenset[str] = frozenset()
    """The address specs of layers, also of those below, that are not checked."""


@dataclass(frozen=True)
class CheckedImports:
    """The imports of layers, each on one platform."""

    layers: tuple[LayerImports, ...]
    errors: tuple[VenvstacksError, ...]
    """Of layers that are not among these."""
    unchecked: tuple[Address, ...]
    """The layers whose locks are not sound, or of a layer below."""


@dataclass(frozen=True)
class BrokenLayersRequest:
    """What is wrong with layers, stacks and releases, before anything is built."""

    layers: tuple[Address, ...]
    stacks: tuple[StackLayersRequest, ...]
    releases: tuple[ReleasedLayersRequest, ...] = ()


@dataclass(frozen=True)
class BrokenLayers:
    """What is wrong with layers and stacks; None if that does not show before a build."""

    error: Optional[VenvstacksError]


@rule
async def sound_definitions(request: SoundDefinitionsRequest) -> SoundDefinitions:
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(folder), **implicitly()) for folder in request.folders
    )
    refuse_broken(graphs)
    return SoundDefinitions()


@rule
async def judged_stack(request: JudgedStackRequest, _run: RunId) -> JudgedStack:
    try:
        stack = await stack_layers(request.layers, **implicitly())
    except VenvstacksError as e:
        return JudgedStack((), e)
    return JudgedStack(stack.addresses)


@rule
async def judged_release(request: JudgedReleaseRequest, _run: RunId) -> JudgedStack:
    try:
        released = await released_layers(request.release, **implicitly())
    except VenvstacksError as e:
        return JudgedStack((), e)
    return JudgedStack(released.stack.addresses)


@rule
async def judged_locks(request: JudgedLocksRequest, _run: RunId) -> JudgedLocks:
    launch = await judged_launch(JudgedLaunchRequest(request.address), **implicitly())
    if launch.error is not None:
        # Without what it starts with, a layer seems to require less than its lock has.
        return JudgedLocks(None, launch.error)
    try:
        locks = await checked_locks(CheckedLocksRequest(request.address), **implicitly())
    except VenvstacksError as e:
        return JudgedLocks(None, e)
    return JudgedLocks(locks)


@rule
async def judged_launch(request: JudgedLaunchRequest, _run: RunId) -> JudgedLaunch:
    try:
        found = await find_layer(LayerRequest(request.address), **implicitly())
    except VenvstacksError:
        # Its lock has the message.
        return JudgedLaunch()
    # One that is built for no platform is not looked at.
    if not found.layer.platforms:
        return JudgedLaunch()
    try:
        await named_launch(NamedLaunchRequest(request.address), **implicitly())
    except VenvstacksError as e:
        return JudgedLaunch(e)
    return JudgedLaunch()


@rule
async def judged_imports(request: JudgedImportsRequest, _run: RunId) -> JudgedImports:
    try:
        imports = await layer_imports(request.imports, **implicitly())
    except VenvstacksError as e:
        return JudgedImports(None, e)
    return JudgedImports(imports)


@rule
async def checked_imports(
    request: CheckedImportsRequest, platforms: BuildPlatforms
) -> CheckedImports:
    checked = await concurrently(
        judged_locks(JudgedLocksRequest(address), **implicitly()) for address in request.addresses
    )
    launches = await concurrently(
        judged_launch(JudgedLaunchRequest(address), **implicitly()) for address in request.addresses
    )
    lacking = {
        address: launch.error
        for address, launch in zip(request.addresses, launches)
        if launch.error is not None
    }
    # What an out-of-date lock has says nothing; the other check reports it.
    sound = [
        address
        for address, each in zip(request.addresses, checked)
        if each.locks is not None and lock_error([each.locks]) is None
    ]
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in sound
    )
    members = {
        (in_graph.targets[layer.address].address, platform)
        for in_graph in found
        for platform in _one_platform(in_graph.layer, platforms)
        for layer in (in_graph.layer, *in_graph.lower)
        if layer.address not in request.skipped
    }
    judged = await concurrently(
        judged_imports(JudgedImportsRequest(LayerImportsRequest(address, platform)), **implicitly())
        for address, platform in sorted(members)
    )
    return CheckedImports(
        tuple(each.imports for each in judged if each.imports is not None),
        (
            *lacking.values(),
            *(each.error for each in judged if each.error is not None),
        ),
        tuple(
            address
            for address in request.addresses
            if address not in sound and address not in lacking
        ),
    )


@rule
async def broken_layers(
    request: BrokenLayersRequest,
    platforms: BuildPlatforms,
    policy: ImportPolicy,
    _run: RunId,
) -> BrokenLayers:
    try:
        sound = SoundDefinitionsRequest.of(request.layers, request.stacks, request.releases)
        await sound_definitions(sound, **implicitly())
    except VenvstacksError as e:
        return BrokenLayers(e)
    stacks = await concurrently(
        [
            *(judged_stack(JudgedStackRequest(stack), **implicitly()) for stack in request.stacks),
            *(judged_release(JudgedReleaseRequest(r), **implicitly()) for r in request.releases),
        ]
    )
    named = (*request.layers, *(address for stack in stacks for address in stack.addresses))
    addresses = tuple(dict.fromkeys(named))
    checked = await concurrently(
        judged_locks(JudgedLocksRequest(address), **implicitly()) for address in addresses
    )
    built = tuple(
        address
        for address, each in zip(addresses, checked)
        if each.locks is not None and platforms.of_layer(each.locks.locks[address.spec].layer).names
    )
    imports = await checked_imports(CheckedImportsRequest(built), **implicitly())
    errors = [*(stack.error for stack in stacks), *(each.error for each in checked)]
    try:
        await required_locks(RequiredLocksRequest(built, platforms.names), **implicitly())
    except VenvstacksError as e:
        errors.append(e)
    errors += imports.errors
    try:
        refuse_missing(imports.layers, policy)
    except VenvstacksError as e:
        errors.append(e)
    return BrokenLayers(one_error(errors))


def _one_platform(layer: Layer, platforms: BuildPlatforms) -> tuple[str, ...]:
    """This machine's if the layer is built for it, or else the first one; none if there is none."""
    names = platforms.of_layer(layer).names
    return (platforms.native,) if platforms.native in names else names[:1]


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
