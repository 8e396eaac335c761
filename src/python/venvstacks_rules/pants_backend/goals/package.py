"""``package``: the archive of a layer, and its metadata."""

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
from venvstacks_rules.pants_backend.target_types import LayerOutputPathField, RequirementsField
from venvstacks_rules.pants_backend.util_rules.archives import LayerArchiveRequest, layer_archive
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerRequest, find_layer
from venvstacks_rules.pants_backend.util_rules.target_platforms import TargetPlatformNames

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class LayerPackageFieldSet(PackageFieldSet):
    """A layer to package."""

    required_fields = (RequirementsField, LayerOutputPathField)

    output_path: LayerOutputPathField


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
    archives = await concurrently(
        layer_archive(LayerArchiveRequest(field_set.address, name), **implicitly())
        for name in wanted
    )
    folders = [
        field_set.output_path.value
        or os.path.join(field_set.address.spec_path.replace("/", "."), name)
        for name in wanted
    ]
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(built.digest, folder))
        for built, folder in zip(archives, folders)
    )
    artifacts = []
    for built, folder in zip(archives, folders):
        note = f"  {built.size / 1e6:.1f} MB, sha256 {built.sha256}"
        artifacts += [
            BuiltPackageArtifact(os.path.join(folder, built.archive), (note,)),
            BuiltPackageArtifact(os.path.join(folder, built.metadata)),
            BuiltPackageArtifact(os.path.join(folder, built.segments)),
        ]
    return BuiltPackage(await engine.merge_digests(MergeDigests(prefixed)), tuple(artifacts))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(PackageFieldSet, LayerPackageFieldSet)]
