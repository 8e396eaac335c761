"""Builds layer archives: joins segments with the layer's own files."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestSubset, MergeDigests, PathGlobs
from pants.engine.internals.session import RunId
from pants.engine.process import ProcessResultMetadata

from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.outputs.report import ArchiveReport
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest, AssembledArchive
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.contents import LayerContentsRequest
from venvstacks_rules.pants_backend.build.descriptions import (
    DescribedArchiveRequest,
    described_archive,
)
from venvstacks_rules.pants_backend.build.layer_parts import (
    PartsOfLayerRequest,
    parts_of_layer,
)
from venvstacks_rules.pants_backend.build.segments import LayerSegments
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest


@dataclass(frozen=True)
class LayerArchiveRequest:
    """The archive of a layer for a platform."""

    address: Address
    platform: str
    build_root: Optional[str] = None
    """The path of the repository if the layer takes first-party code from there, for editors."""
    image: Optional[str] = None
    """The format of the archive if it is for a container image, where every layer is sealed."""


@dataclass(frozen=True)
class MadeSegments:
    """A number of segments that one process made."""

    count: int
    metadata: ProcessResultMetadata
    """Of the process: whether it ran, and when."""


@dataclass(frozen=True)
class LayerArchive:
    """An archive and the two files beside it."""

    digest: Digest
    install_target: str
    archive: str
    metadata: str
    segments: str
    """Paths in the digest."""
    size: int
    """Of the archive, in bytes."""
    unpacked_size: int
    """Of its tar stream, or of the files of a zip archive, in bytes."""
    sha256: str
    warnings: tuple[str, ...]
    """For the user who packages the layer."""
    wheel_remarks: tuple[str, ...]
    """What is wrong with wheels that were used all the same, whatever the layer and platform."""
    chosen_files: tuple[ChosenFiles, ...]
    """What fields of the layer make of its packages."""
    made: tuple[MadeSegments, ...] = field(compare=False, hash=False)
    """The segments, by process."""

    @property
    def archive_alone(self) -> DigestSubset:
        """The archive without the files beside it."""
        return DigestSubset(self.digest, PathGlobs([literal_glob(self.archive)]))

    def report(self, run_id: RunId) -> ArchiveReport:
        """The report for a user who asked for the archive in the run `run_id`."""
        ran = ProcessResultMetadata.Source.RAN
        return ArchiveReport(
            self.size,
            segments=sum(made.count for made in self.made),
            built=sum(m.count for m in self.made if m.metadata.source(run_id) is ran),
        )


def _made(segments: LayerSegments, own: ProcessResultMetadata) -> tuple[MadeSegments, ...]:
    """The segments by process; `own` is that of the process that made the layer's own."""
    groups = (MadeSegments(len(group.segments), group.metadata) for group in segments.groups)
    return (*groups, MadeSegments(1, own))


@rule(desc="Build layer archive")
async def layer_archive(request: LayerArchiveRequest) -> LayerArchive:
    wanted = LayerContentsRequest(
        request.address, request.platform, request.build_root, image=request.image
    )
    parts = await parts_of_layer(PartsOfLayerRequest(wanted), **implicitly())
    segments, contents, names = parts.segments, parts.contents, parts.names
    # Beside the modules of the repository, whose names are not ours.
    listing = f"{names.archive}.listing.json"
    assemble = AssembleArchiveRequest(
        **parts.fields,
        archive=names.archive,
        listing_file=listing,
        # The engine stores files by their SHA-256, and `require_as_announced` has compared it.
        segments_are_checked=True,
    )
    inputs = await engine.merge_digests(
        MergeDigests([parts.digest, *(group.digest for group in segments.groups)])
    )
    result = await run_action(
        ActionProcessRequest(
            verb="assemble-archive",
            request=to_json(assemble),
            input_digest=inputs,
            output_files=(names.archive, listing),
            description=f"Assemble {names.archive}",
            done=f"Assembled {names.archive}",
            # A layer without packages has only its own files, whose size is not known yet.
            size=sum(s.size for group in segments.groups for s in group.segments) or None,
            cache_scope=engine.LOCAL_CACHE_SCOPE,
        ),
        **implicitly(),
    )
    described = await described_archive(
        DescribedArchiveRequest(
            result.digest, names, listing, contents.metadata, segments.compression
        ),
        **implicitly(),
    )
    return LayerArchive(
        described.digest,
        contents.metadata.install_target,
        names.archive,
        names.metadata,
        names.segments,
        described.size,
        from_json(AssembledArchive, result.result).unpacked_size,
        described.sha256,
        warnings=contents.warnings_for(request.platform),
        wheel_remarks=tuple(remark for group in segments.groups for remark in group.remarks),
        chosen_files=contents.metadata.chosen_files,
        made=_made(segments, result.metadata),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
