"""Joins segments into a layer archive, and writes the files beside it (``assemble-archive``).

The archive is the concatenation of the segments, each an independent run of zstd frames, xz
streams, gzip members or entries of a zip archive. The layer's own few files come last, with the end
of the tar stream, or with the central directory.
"""

from __future__ import annotations

from pathlib import Path
from typing import IO

from venvstacks_rules.actions.archives.joining import Joining
from venvstacks_rules.actions.archives.layer_parts import (
    directory_segment,
    listed_segments,
    refuse_clashes,
    refused,
    write_own_segment,
)
from venvstacks_rules.local.files.streams import naming
from venvstacks_rules.model.contents.segment_index import IndexHeader, listing_json
from venvstacks_rules.model.contents.segments import Segment, unpacked_size
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import from_json, published_json
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest, AssembledArchive


def run(request_text: str) -> AssembledArchive:
    """Assemble the archive of an AssembleArchiveRequest.

    Raises ArchiveError for segments that their results do not describe, and for files of the layer
    that clash; it leaves no files then.
    """
    request = from_json(AssembleArchiveRequest, request_text)
    archive = Path(request.archive)
    archive.parent.mkdir(parents=True, exist_ok=True)
    own = archive.parent / f"{archive.name}.own-segment"
    written: list[Path] = []
    try:
        with naming(archive), archive.open("xb") as out:
            written.append(archive)
            try:
                listing, assembled = _write_archive(out, own, request)
            finally:
                if own.exists():
                    own.unlink()
        _describe(assembled, listing, request, written)
    except BaseException:
        for path in written:
            path.unlink()
        raise
    return assembled


def _write_archive(
    out: IO[bytes], own: Path, request: AssembleArchiveRequest
) -> tuple[str, AssembledArchive]:
    """Write the archive into `out`, using the file `own`; return its listing and the result."""
    segments: list[Segment] = []
    with Joining(
        out,
        check_hashes=not request.segments_are_checked,
        hash_all=request.needs_hash,
    ) as joining:
        for segment in listed_segments(request):
            # It is copied and hashed while we check its files.
            joining.add(segment)
            segments.append(segment)
        refuse_clashes(segments, request)
        segments.append(write_own_segment(own, request, request.byte_code))
        joining.add(segments[-1])
        directory, listing, wrong = b"", "", None
        try:
            segments[-1], directory = directory_segment(segments, request)
            listing = listing_json(segments)
        except (ArchiveError, OSError) as e:
            wrong = e
        problems = joining.finish()
        if problems:
            raise refused(request, "its segments are damaged.", problems)
        if wrong is not None:
            raise wrong
        joining.end_with(directory)
        return listing, AssembledArchive(joining.size, joining.sha256(), unpacked_size(segments))


def _describe(
    assembled: AssembledArchive,
    listing: str,
    request: AssembleArchiveRequest,
    written: list[Path],
) -> None:
    """Write the files beside the archive that the request asks for, and add them to `written`."""
    if request.listing_file is not None:
        _write_text(request.listing_file, listing, written)
    name, size, sha256 = Path(request.archive).name, assembled.size, assembled.sha256
    if sha256 is None:
        return
    if request.metadata_file is not None:
        # The rules write it themselves, where the hash is known without a second look.
        from venvstacks_rules.model.outputs.metadata import archive_metadata

        metadata = archive_metadata(request.metadata, archive_name=name, size=size, sha256=sha256)
        _write_text(request.metadata_file, published_json(metadata), written)
    if request.segments_file is not None:
        compression = request.compression
        header = IndexHeader(
            install_target=request.install_target,
            archive_name=name,
            archive_size=size,
            archive_sha256=sha256,
            archive_format=compression.archive_format,
            compression_level=compression.level,
        )
        _write_text(request.segments_file, header.index_json(listing), written)


def _write_text(path: str, text: str, written: list[Path]) -> None:
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    # Exclusively: an existing file may be a link to an input. `newline` avoids CRLF on Windows.
    with naming(path), Path(path).open("x", encoding="utf-8", newline="\n") as out:
        written.append(Path(path))
        out.write(text)
