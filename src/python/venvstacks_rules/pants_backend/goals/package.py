"""``package``: the archive of a layer with its metadata, or those of a stack with a manifest."""

from __future__ import annotations

import logging
import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.fs import AddPrefix, MergeDigests
from pants.engine.internals.session import RunId
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel

from venvstacks_rules.model.layers.build_platforms import BuildPlatforms, refuse_shared_folder
from venvstacks_rules.model.wording import printable_lines
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.archives import (
    LayerArchive,
    LayerArchiveRequest,
    layer_archive,
)
from venvstacks_rules.pants_backend.build.manifests import StackOutputsRequest, stack_outputs
from venvstacks_rules.pants_backend.build.output_folders import output_folder, output_folder_request
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import LayerOutputPathField, RequirementsField
from venvstacks_rules.pants_backend.targets.manifests import (
    ManifestLayersField,
    ManifestOutputPathField,
)

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerPackageFieldSet(PackageFieldSet):
    """A layer to package."""

    required_fields = (RequirementsField, LayerOutputPathField)

    output_path: LayerOutputPathField
    environment: EnvironmentField


@dataclass(frozen=True)
class StackPackageFieldSet(PackageFieldSet):
    """A stack to package: the archives of all its layers, and the manifest."""

    required_fields = (ManifestLayersField, ManifestOutputPathField)

    layers: ManifestLayersField
    output_path: ManifestOutputPathField
    environment: EnvironmentField


@dataclass(frozen=True)
class Remark:
    """A warning about an archive, or what is wrong with a wheel that was used all the same."""

    text: str


@dataclass(frozen=True)
class LoggedRemark:
    """A remark that the user has seen in this run."""


# Once in a run, for all layers and platforms, and whether a layer is packaged alone or in stacks:
# the engine remembers it until `RunId` changes.
@rule
async def logged_remark(request: Remark, _: RunId) -> LoggedRemark:
    logger.warning("%s", printable_lines(request.text))
    return LoggedRemark()


# These two rules run in every run, because `RunId` changes, so that they log their warnings every
# time; the engine remembers the archives.
@rule(desc="Package layer", level=LogLevel.DEBUG)
async def package_layer(
    field_set: LayerPackageFieldSet,
    options: VenvstacksSubsystem,
    platforms: BuildPlatforms,
    run_id: RunId,
) -> BuiltPackage:
    address, output_path = field_set.address, field_set.output_path.value
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
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(built.digest, folder.path))
        for built, folder in zip(archives, folders)
    )
    artifacts = [_note(f"{address} is not packaged for {left_out}") for left_out in chosen.left_out]
    for built, folder in zip(archives, folders):
        lines = tuple(f"  {line}" for line in built.report(run_id).lines)
        artifacts += [
            BuiltPackageArtifact(os.path.join(folder.path, built.archive), lines),
            BuiltPackageArtifact(os.path.join(folder.path, built.metadata)),
            BuiltPackageArtifact(os.path.join(folder.path, built.segments)),
        ]
    await concurrently(logged_remark(Remark(text), **implicitly()) for text in _remarks(archives))
    return BuiltPackage(await engine.merge_digests(MergeDigests(prefixed)), tuple(artifacts))


@rule(desc="Package stack", level=LogLevel.DEBUG)
async def package_stack(
    field_set: StackPackageFieldSet,
    options: VenvstacksSubsystem,
    platforms: BuildPlatforms,
    run_id: RunId,
) -> BuiltPackage:
    address, output_path = field_set.address, field_set.output_path.value
    request = StackLayersRequest(address, field_set.layers.value)
    stack = await stack_layers(request, **implicitly())
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
        output_folder(output_folder_request(address, output_path, name), **implicitly())
        for name in names
    )
    stacks = await concurrently(
        stack_outputs(StackOutputsRequest(request, name), **implicitly()) for name in names
    )
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(outputs.digest, folder.path))
        for outputs, folder in zip(stacks, folders)
    )
    artifacts = [
        _note(f"{address} is packaged without {layer} for {left_out}")
        for layer, layer_platforms in chosen.items()
        for left_out in layer_platforms.left_out
    ]
    empty = [name for name in platforms.names if name not in names]
    if empty and not (names and platforms.all_declared):
        left_out = ", ".join(empty)
        artifacts.append(
            _note(f"{address} is not packaged for {left_out}: it has no layers to build there.")
        )
    for outputs, folder in zip(stacks, folders):
        manifest, *metadata = outputs.files
        lines = tuple(
            f"  {built.install_target}: {built.report(run_id).short}" for built in outputs.archives
        )
        artifacts.append(BuiltPackageArtifact(os.path.join(folder.path, manifest), lines))
        artifacts += [BuiltPackageArtifact(os.path.join(folder.path, path)) for path in metadata]
    made = [archive for outputs in stacks for archive in outputs.archives]
    await concurrently(logged_remark(Remark(text), **implicitly()) for text in _remarks(made))
    return BuiltPackage(await engine.merge_digests(MergeDigests(prefixed)), tuple(artifacts))


def _note(text: str) -> BuiltPackageArtifact:
    """A line that the goal prints beside the files that it wrote."""
    return BuiltPackageArtifact(None, (text,))


def _remarks(archives: Iterable[LayerArchive]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(text for a in archives for text in (*a.warnings, *a.wheel_remarks)))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(PackageFieldSet, LayerPackageFieldSet),
        UnionRule(PackageFieldSet, StackPackageFieldSet),
    ]
