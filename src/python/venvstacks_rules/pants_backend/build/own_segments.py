"""Makes segments of the large files of a layer's own code, each in a process of its own.

An edit of the code beside them makes none of them again.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from posixpath import basename

from pants.engine.fs import AddPrefix, Digest, DigestSubset, FileEntry, PathGlobs

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.segments import LARGE_FILE
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.requests.segments import FileSegment, FileSegmentRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.segments import SegmentGroup, require_as_announced
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

_OUTPUT = "segment"


@dataclass(frozen=True)
class OwnSegmentsRequest:
    """The files of a layer itself."""

    files: tuple[OwnFile, ...]
    digest: Digest
    """Their sources."""
    layer: str
    """The layer_name, for descriptions."""
    install_target: str
    compression: Compression


@dataclass(frozen=True)
class OwnSegments:
    """The files of a layer itself, without the large ones, and the segments of these."""

    groups: tuple[SegmentGroup, ...]
    files: tuple[OwnFile, ...]
    digest: Digest
    """The sources of `files`."""


@rule
async def own_segments(request: OwnSegmentsRequest) -> OwnSegments:
    entries = await engine.get_digest_entries(request.digest)
    sizes = {
        entry.path: entry.file_digest.serialized_bytes_length
        for entry in entries
        if isinstance(entry, FileEntry)
    }
    large = [file for file in request.files if sizes.get(file.source or "", 0) >= LARGE_FILE]
    if not large:
        return OwnSegments((), request.files, request.digest)
    small = tuple(file for file in request.files if file not in large)
    *sources, rest = await concurrently(
        engine.digest_subset_to_digest(
            DigestSubset(
                request.digest,
                PathGlobs(literal_glob(file.source) for file in files if file.source is not None),
            )
        )
        for files in (*((file,) for file in large), small)
    )
    results = await concurrently(
        run_action(_process(request, file, sizes[file.source or ""], source), **implicitly())
        for file, source in zip(large, sources)
    )
    digests = await concurrently(
        engine.add_prefix(AddPrefix(result.digest, f"own-{number}"))
        for number, result in enumerate(results)
    )
    stored = await concurrently(engine.get_digest_entries(result.digest) for result in results)
    groups = []
    for number, (result, digest, files) in enumerate(zip(results, digests, stored)):
        made = from_json(FileSegment, result.result)
        require_as_announced(made.segments, files)
        groups.append(
            SegmentGroup(digest, f"own-{number}/result.json", made.segments, result.metadata)
        )
    return OwnSegments(tuple(groups), small, rest)


def _process(
    request: OwnSegmentsRequest, file: OwnFile, size: int, source: Digest
) -> ActionProcessRequest:
    what = f"{basename(file.path)} for {request.layer}"
    return ActionProcessRequest(
        verb="file-segment",
        request=to_json(
            FileSegmentRequest(file, request.install_target, request.compression, _OUTPUT)
        ),
        input_digest=source,
        output_files=(_OUTPUT,),
        description=f"Compress {what}",
        done=f"Compressed {what}",
        size=size,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
