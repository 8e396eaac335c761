"""The parts of a layer for a platform: what its archive is joined of, and its index describes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any, Optional

from pants.engine.fs import Digest, MergeDigests

from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.top_level import top_level_module
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.outputs.names import ArchiveNames, archive_names
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.contents import (
    LayerContents,
    LayerContentsRequest,
    layer_contents,
)
from venvstacks_rules.pants_backend.build.own_byte_code import OwnByteCodeRequest, own_byte_code
from venvstacks_rules.pants_backend.build.own_segments import OwnSegmentsRequest, own_segments
from venvstacks_rules.pants_backend.build.segments import (
    LayerSegments,
    SegmentsRequest,
    layer_segments,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.locks.freshness import ChainLocksRequest, chain_locks
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@dataclass(frozen=True)
class PartsOfLayerRequest:
    """The parts of a layer with these contents."""

    contents: LayerContentsRequest


@dataclass(frozen=True)
class PartsOfLayer:
    """The parts of a layer."""

    layer: Layer
    platform: str
    segments: LayerSegments
    """With those of large files of the layer itself: all but the last one, of its other files."""
    contents: LayerContents
    names: ArchiveNames
    files: tuple[OwnFile, ...]
    """Of the layer itself, without those that have segments."""
    digest: Digest
    """Their sources and the byte code; no segments."""
    byte_code: Optional[str]
    """The archive with the byte code; None without any."""

    @property
    def fields(self) -> dict[str, Any]:
        """Those of the request of an action that joins or describes the parts."""
        platform = PLATFORMS[self.platform]
        return {
            "target": self.layer.address,
            "install_target": self.contents.metadata.install_target,
            "os_name": platform.os_name,
            "case_sensitive": platform.case_sensitive,
            "results": tuple(group.result for group in self.segments.groups),
            "files": self.files,
            "links": self.contents.links,
            "compression": self.segments.compression,
            "metadata": self.contents.metadata.to_dict(),
            "byte_code": self.byte_code,
        }


@rule
async def parts_of_layer(
    request: PartsOfLayerRequest, options: VenvstacksSubsystem
) -> PartsOfLayer:
    wanted = request.contents
    # First, and for the whole chain, to report the problems of all locks together.
    await chain_locks(ChainLocksRequest(wanted.address), **implicitly())
    found, segments, contents, byte_code = await concurrently(
        find_layer(LayerRequest(wanted.address), **implicitly()),
        layer_segments(
            SegmentsRequest(wanted.address, wanted.platform, wanted.image), **implicitly()
        ),
        layer_contents(wanted, **implicitly()),
        own_byte_code(OwnByteCodeRequest(wanted), **implicitly()),
    )
    # Without modules, the thousands of files of a framework need no comparison.
    contents.refuse_shadowing(_module_owners(segments) if contents.modules.files else {})
    own = await own_segments(
        OwnSegmentsRequest(
            contents.files,
            contents.modules.digest,
            found.layer.layer_name,
            contents.metadata.install_target,
            segments.compression,
        ),
        **implicitly(),
    )
    return PartsOfLayer(
        found.layer,
        wanted.platform,
        replace(segments, groups=(*segments.groups, *own.groups)),
        contents,
        archive_names(
            contents.metadata.install_target,
            extension=ARCHIVE_FORMATS[segments.compression.archive_format].extension,
            platform=wanted.platform,
            tagged=options.tag_outputs,
        ),
        own.files,
        await engine.merge_digests(MergeDigests([own.digest, byte_code.digest])),
        next(iter(byte_code.paths), None),
    )


def _module_owners(segments: LayerSegments) -> dict[str, str]:
    """The sources of the modules in the layer's own packages, by name of the module."""
    owners = {}
    site_packages = segments.layout.site_packages
    for group in segments.groups:
        for segment in group.segments:
            for file in segment.files:
                name = top_level_module(PurePosixPath(file.path), site_packages)
                if name is not None:
                    owners[name] = segment.source
    return owners


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
