"""``package``: the archive of a layer with its metadata, or those of a stack with a manifest."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact
from pants.engine.fs import EMPTY_DIGEST, AddPrefix, MergeDigests
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import RunId
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import SizeLimitError, VenvstacksError
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms, refuse_shared_folder
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.outputs.limits import OutgrownLayer, size_limit_error
from venvstacks_rules.model.outputs.report import PackagedLayer, PackagedStack
from venvstacks_rules.model.outputs.unused_globs import unused_globs
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.archives import (
    LayerArchive,
    LayerArchiveRequest,
    layer_archive,
)
from venvstacks_rules.pants_backend.build.documents import (
    DocumentsBesideRequest,
    documents_beside,
)
from venvstacks_rules.pants_backend.build.limits import (
    ComparedLimits,
    LimitsRequest,
    compared_limits,
)
from venvstacks_rules.pants_backend.build.manifests import StackOutputsRequest, stack_outputs
from venvstacks_rules.pants_backend.build.output_folders import (
    OutputFolder,
    output_folder,
    output_folder_request,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.package_report import PackagedOutputs
from venvstacks_rules.pants_backend.goals.package_run import (
    BrokenInRunRequest,
    LayerOutputsRequest,
    PackagedInRunRequest,
    StackPackageRequest,
    broken_in_run,
    packaged_in_run,
)
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.stacks import stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@dataclass(frozen=True)
class TargetPackage:
    """What ``package`` makes of a target."""

    built: BuiltPackage


NO_PACKAGE = TargetPackage(BuiltPackage(EMPTY_DIGEST, ()))


# These two rules run in every run, because `RunId` changes, so that they log their warnings and
# report every time; the engine remembers the archives.
@rule(desc="Package layer", level=LogLevel.DEBUG)
async def packaged_layer(
    request: LayerOutputsRequest,
    options: VenvstacksSubsystem,
    platforms: BuildPlatforms,
    run_id: RunId,
) -> PackagedOutputs:
    address, output_path = request.address, request.output_path
    found = await find_layer(LayerRequest(address), **implicitly())
    chosen = platforms.of_layer(found.layer)
    refuse_shared_folder(address.spec, output_path, chosen.names, tagged=options.tag_outputs)
    needed = (address,) if chosen.names else ()
    await required_locks(RequiredLocksRequest(needed, platforms.names), **implicitly())
    folders = await concurrently(
        output_folder(output_folder_request(address, output_path, name), **implicitly())
        for name in chosen.names
    )
    archives = await concurrently(
        layer_archive(LayerArchiveRequest(address, name), **implicitly()) for name in chosen.names
    )
    documents = await concurrently(
        documents_beside(DocumentsBesideRequest(address, name, built), **implicitly())
        for name, built in zip(chosen.names, archives)
        if options.documents
    )
    outputs = [built.digest for built in (*archives, *documents)]
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(digest, folder.path))
        for digest, folder in zip(outputs, (*folders, *folders))
    )
    compared = await concurrently(
        compared_limits(LimitsRequest(address, name), **implicitly())
        for name in (chosen.names if found.layer.has_limits else ())
    )
    built_layers = [(found.layer, name, built) for name, built in zip(chosen.names, archives)]
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(_remarks(built_layers))
    return PackagedOutputs(
        await engine.merge_digests(MergeDigests(prefixed)),
        layers=tuple(
            _packaged(found.layer, name, folder, built, run_id)
            for name, built, folder in zip(chosen.names, archives, folders)
        ),
        notes=tuple(f"{address} is not packaged for {left_out}" for left_out in chosen.left_out),
        outgrown=_outgrown(compared),
    )


@rule(desc="Package stack", level=LogLevel.DEBUG)
async def packaged_stack(
    request: StackPackageRequest,
    options: VenvstacksSubsystem,
    platforms: BuildPlatforms,
    run_id: RunId,
) -> PackagedOutputs:
    address, output_path = request.layers.manifest, request.output_path
    stack = await stack_layers(request.layers, **implicitly())
    chosen = {layer.address: platforms.of_layer(layer) for layer in stack.layers}
    names = tuple(
        name for name in platforms.names if any(name in layer.names for layer in chosen.values())
    )
    refuse_shared_folder(address.spec, output_path, names, tagged=options.tag_outputs)
    needed = tuple(
        member
        for layer, member in zip(stack.layers, stack.addresses)
        if chosen[layer.address].names
    )
    await required_locks(RequiredLocksRequest(needed, platforms.names), **implicitly())
    folders = await concurrently(
        output_folder(
            output_folder_request(address, output_path, name, of_stack=True), **implicitly()
        )
        for name in names
    )
    stacks = await concurrently(
        stack_outputs(StackOutputsRequest(request.layers, name), **implicitly()) for name in names
    )
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(outputs.digest, folder.path))
        for outputs, folder in zip(stacks, folders)
    )
    notes = [
        f"{address} is packaged without {layer} for {left_out}"
        for layer, layer_platforms in chosen.items()
        for left_out in layer_platforms.left_out
    ]
    empty = [name for name in platforms.names if name not in names]
    if empty and not (names and platforms.all_declared):
        left_out = ", ".join(empty)
        notes.append(f"{address} is not packaged for {left_out}: it has no layers to build there.")
    compared = await concurrently(
        compared_limits(LimitsRequest(member, name), **implicitly())
        for layer, member in zip(stack.layers, stack.addresses)
        for name in (chosen[layer.address].names if layer.has_limits else ())
    )
    built_layers = [
        (layer, name, built)
        for name, outputs in zip(names, stacks)
        for layer, built in zip(outputs.layers, outputs.archives)
    ]
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(_remarks(built_layers))
    return PackagedOutputs(
        await engine.merge_digests(MergeDigests(prefixed)),
        layers=tuple(
            _packaged(layer, name, folder, built, run_id)
            for name, outputs, folder in zip(names, stacks, folders)
            for layer, built in zip(outputs.layers, outputs.archives)
        ),
        notes=tuple(notes),
        stacks=tuple(
            PackagedStack(os.path.join(folder.path, outputs.files[0]), len(outputs.archives))
            for outputs, folder in zip(stacks, folders)
        ),
        outgrown=_outgrown(compared),
    )


@dataclass(frozen=True)
class OutgrownInRunRequest:
    """Raise an error about all layers of this run that outgrew their limits."""


@dataclass(frozen=True)
class OutgrownInRun:
    """There are such layers."""

    error: SizeLimitError


@rule
async def outgrown_in_run(_: OutgrownInRunRequest) -> OutgrownInRun:
    in_run = await packaged_in_run(PackagedInRunRequest(), **implicitly())
    seen = 0
    outgrown: list[OutgrownLayer] = []
    # Until no other has begun meanwhile.
    while seen < len(in_run.layers) + len(in_run.stacks):
        layers, stacks = tuple(in_run.layers), tuple(in_run.stacks)
        seen = len(layers) + len(stacks)
        of_layers = await concurrently(packaged_layer(other, **implicitly()) for other in layers)
        of_stacks = await concurrently(packaged_stack(other, **implicitly()) for other in stacks)
        outgrown = [layer for made in (*of_layers, *of_stacks) for layer in made.outgrown]
    return OutgrownInRun(size_limit_error(outgrown))


@dataclass(frozen=True)
class WantedArchivesRequest:
    """Whether somebody wants archives in this run."""


@dataclass(frozen=True)
class WantedArchives:
    """Whether somebody wants archives in this run."""

    any: bool


# `publish` has Pants package its targets first, and publishes segments.
@rule
async def wanted_archives(_: WantedArchivesRequest, options: _Options) -> WantedArchives:
    goals = options.options.goals
    return WantedArchives("publish" not in goals or "package" in goals)


@rule
async def package_layer(request: LayerOutputsRequest) -> TargetPackage:
    wanted = await wanted_archives(WantedArchivesRequest(), **implicitly())
    if not wanted.any:
        return NO_PACKAGE
    in_run = await packaged_in_run(PackagedInRunRequest(), **implicitly())
    in_run.layers[request] = None
    try:
        outputs = await packaged_layer(request, **implicitly())
    except VenvstacksError as e:
        broken = await broken_in_run(BrokenInRunRequest(), **implicitly())
        raise broken.error or e from None
    if outputs.outgrown:
        found = await outgrown_in_run(OutgrownInRunRequest(), **implicitly())
        raise found.error
    return _package(outputs)


@rule
async def package_stack(request: StackPackageRequest) -> TargetPackage:
    wanted = await wanted_archives(WantedArchivesRequest(), **implicitly())
    if not wanted.any:
        return NO_PACKAGE
    in_run = await packaged_in_run(PackagedInRunRequest(), **implicitly())
    in_run.stacks[request] = None
    try:
        outputs = await packaged_stack(request, **implicitly())
    except VenvstacksError as e:
        broken = await broken_in_run(BrokenInRunRequest(), **implicitly())
        raise broken.error or e from None
    if outputs.outgrown:
        found = await outgrown_in_run(OutgrownInRunRequest(), **implicitly())
        raise found.error
    return _package(outputs)


def _packaged(
    layer: Layer, platform: str, folder: OutputFolder, built: LayerArchive, run_id: RunId
) -> PackagedLayer:
    return PackagedLayer(
        address=layer.address,
        kind=layer.kind,
        layers_below=len(layer.lower),
        platform=platform,
        folder=folder.path,
        archive=built.archive,
        report=built.report(run_id),
    )


def _outgrown(compared: Iterable[ComparedLimits]) -> tuple[OutgrownLayer, ...]:
    return tuple(each.outgrown for each in compared if each.outgrown is not None)


def _package(outputs: PackagedOutputs) -> TargetPackage:
    # The goal would print a line for every file; the report at the end has one for every layer.
    notes = (BuiltPackageArtifact(None, (note,)) for note in outputs.notes)
    return TargetPackage(BuiltPackage(outputs.digest, tuple(notes)))


def _remarks(built: Sequence[tuple[Layer, str, LayerArchive]]) -> tuple[Remark, ...]:
    """What to say of layers that were built for platforms."""
    found = [Remark(text) for _, _, a in built for text in (*a.warnings, *a.wheel_remarks)]
    layers = {layer.address: layer for layer, _, _ in built}
    for address, layer in layers.items():
        chosen = {name: a.chosen_files for other, name, a in built if other.address == address}
        found += [Remark(u.text, u.everywhere) for u in unused_globs(layer, chosen)]
    return tuple(dict.fromkeys(found))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
