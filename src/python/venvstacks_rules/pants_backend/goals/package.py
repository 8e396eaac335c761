"""``package``: the archive of a layer and its metadata; all of a stack, and its manifest."""

from __future__ import annotations

import logging
import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.fs import EMPTY_DIGEST, AddPrefix, MergeDigests
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.manifest_target import (
    ManifestLayersField,
    ManifestOutputPathField,
)
from venvstacks_rules.pants_backend.target_types import LayerOutputPathField, RequirementsField
from venvstacks_rules.pants_backend.util_rules.archives import LayerArchiveRequest, layer_archive
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerRequest, find_layer
from venvstacks_rules.pants_backend.util_rules.manifests import StackOutputsRequest, stack_outputs
from venvstacks_rules.pants_backend.util_rules.output_folders import (
    output_folder,
    output_folder_request,
)
from venvstacks_rules.pants_backend.util_rules.stacks import StackLayersRequest
from venvstacks_rules.pants_backend.util_rules.target_platforms import TargetPlatformNames

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerPackageFieldSet(PackageFieldSet):
    """A layer to package."""

    required_fields = (RequirementsField, LayerOutputPathField)

    output_path: LayerOutputPathField


@dataclass(frozen=True)
class StackPackageFieldSet(PackageFieldSet):
    """A stack to package: the archives of all its layers, and what describes them together."""

    required_fields = (ManifestLayersField, ManifestOutputPathField)

    layers: ManifestLayersField
    output_path: ManifestOutputPathField


@rule(desc="Package layer", level=LogLevel.INFO)
async def package_layer(
    field_set: LayerPackageFieldSet, platforms: TargetPlatformNames
) -> BuiltPackage:
    found = await find_layer(LayerRequest(field_set.address), **implicitly())
    offered = {platform.name for platform in found.layer.platforms}
    wanted = [name for name in platforms.names if name in offered]
    if not wanted:
        logger.info(
            "%s is not packaged: its platforms are %s, not %s.",
            field_set.address,
            ", ".join(sorted(offered)) or "none",
            ", ".join(platforms.names),
        )
        return BuiltPackage(EMPTY_DIGEST, ())
    folders = await concurrently(
        output_folder(
            output_folder_request(field_set.address, field_set.output_path.value, name),
            **implicitly(),
        )
        for name in wanted
    )
    archives = await concurrently(
        layer_archive(LayerArchiveRequest(field_set.address, name), **implicitly())
        for name in wanted
    )
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(built.digest, folder.path))
        for built, folder in zip(archives, folders)
    )
    artifacts = []
    for built, folder in zip(archives, folders):
        note = f"  {built.size / 1e6:.1f} MB, sha256 {built.sha256}"
        artifacts += [
            BuiltPackageArtifact(os.path.join(folder.path, built.archive), (note,)),
            BuiltPackageArtifact(os.path.join(folder.path, built.metadata)),
            BuiltPackageArtifact(os.path.join(folder.path, built.segments)),
        ]
    return BuiltPackage(await engine.merge_digests(MergeDigests(prefixed)), tuple(artifacts))


@rule(desc="Package stack", level=LogLevel.INFO)
async def package_stack(
    field_set: StackPackageFieldSet, platforms: TargetPlatformNames
) -> BuiltPackage:
    folders = await concurrently(
        output_folder(
            output_folder_request(field_set.address, field_set.output_path.value, name),
            **implicitly(),
        )
        for name in platforms.names
    )
    layers = StackLayersRequest(field_set.address, field_set.layers.value)
    stacks = await concurrently(
        stack_outputs(StackOutputsRequest(layers, name), **implicitly()) for name in platforms.names
    )
    published = []
    for name, stack, folder in zip(platforms.names, stacks, folders):
        if stack.files:
            published.append((stack, folder.path))
        else:
            logger.info("%s is not packaged: no layer of it targets %s.", field_set.address, name)
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(stack.digest, folder)) for stack, folder in published
    )
    return BuiltPackage(
        await engine.merge_digests(MergeDigests(prefixed)),
        tuple(
            BuiltPackageArtifact(os.path.join(folder, path))
            for stack, folder in published
            for path in stack.files
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(PackageFieldSet, LayerPackageFieldSet),
        UnionRule(PackageFieldSet, StackPackageFieldSet),
    ]
