"""Joins segments into a layer archive, and writes the files beside it (``assemble-archive``).

The archive is the concatenation of the segments, each an independent run of zstd frames, xz
streams, gzip members or entries of a zip archive. The layer's own few files come last, with the end
of the tar stream, or with the central directory.
"""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path
from typing import IO

from venvstacks_rules.actions.archives.clashes import clashes, own_problems
from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.actions.archives.joining import Joining, mapped
from venvstacks_rules.actions.archives.zip_directory import directory_of
from venvstacks_rules.actions.files.streams import chunks, naming
from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.segment_index import IndexHeader, listing_json
from venvstacks_rules.model.contents.segments import OWN_FILES, Segment, unpacked_size
from venvstacks_rules.model.errors import ArchiveError, RequestError
from venvstacks_rules.model.json_codec import from_data, from_json, parsed_json, published_json
from venvstacks_rules.model.outputs.metadata import archive_metadata
from venvstacks_rules.model.requests.assemble import AssembleArchiveRequest, AssembledArchive
from venvstacks_rules.model.requests.segments import InterpreterSegment, WheelSegments


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
        for path in request.results:
            for segment in _read_result(path):
                # It is copied and hashed while we check its files.
                joining.add(segment)
                segments.append(segment)
        problems = [
            *own_problems(request.files, request.links, os_name=request.os_name),
            *clashes(
                [(segment.source, segment.files) for segment in segments],
                request.files,
                request.links,
                case_sensitive=request.case_sensitive,
            ),
        ]
        if problems:
            remedy = "Change or leave out the named files, or narrow `platforms`."
            raise _refused(request, f"it could not be unpacked. {remedy}", problems)
        segments.append(_write_own_segment(own, request))
        joining.add(segments[-1])
        directory, listing, wrong = b"", "", None
        try:
            if request.compression.archive_format == ZIP:
                directory = directory_of(segments, request.install_target)
                segments[-1] = _with_directory(segments[-1], directory)
            listing = listing_json(segments)
        except (ArchiveError, OSError) as e:
            wrong = e
        problems = joining.finish()
        if problems:
            raise _refused(request, "its segments are damaged.", problems)
        if wrong is not None:
            raise wrong
        joining.end_with(directory)
        return listing, AssembledArchive(joining.size, joining.sha256(), unpacked_size(segments))


def _refused(request: AssembleArchiveRequest, reason: str, problems: list[str]) -> ArchiveError:
    platform = request.metadata.get("target_platform")
    archive = f"The archive of `{request.target}`" + (f" for {platform}" if platform else "")
    return ArchiveError(f"{archive} cannot be assembled: {reason}", problems)


def _read_result(path: str) -> list[Segment]:
    """The segments of a result file, with paths relative to the working directory."""
    try:
        data = parsed_json(Path(path).read_text(encoding="utf-8"))
    except ValueError as e:
        raise RequestError(f"`{path}`: not JSON: {e}") from None
    if isinstance(data, dict) and "segment" in data:
        found = [from_data(InterpreterSegment, data).segment]
    else:
        found = list(from_data(WheelSegments, data).segments)
    folder = Path(path).parent
    return [replace(segment, path=str(folder / segment.path)) for segment in found]


def _write_own_segment(path: Path, request: AssembleArchiveRequest) -> Segment:
    with new_segment(
        path,
        source=OWN_FILES,
        install_target=request.install_target,
        compression=request.compression,
        end_of_archive=True,
    ) as writer:
        own: list[OwnFile | OwnLink] = [*request.files, *request.links]
        for item in sorted(own, key=lambda item: item.path):
            if isinstance(item, OwnLink):
                writer.add_link(item.path, item.target)
            elif item.text is not None:
                data = item.text.encode("utf-8")
                writer.add_file(item.path, [data], len(data), executable=item.executable)
            elif item.source is not None:
                with Path(item.source).open("rb") as stream:
                    size = os.fstat(stream.fileno()).st_size
                    writer.add_file(item.path, chunks(stream), size, executable=item.executable)
    return replace(writer.segment(), path=str(path))


def _with_directory(segment: Segment, directory: bytes) -> Segment:
    with mapped(segment.path) as content:
        hasher = hashlib.sha256(content)
    hasher.update(directory)
    return replace(segment, size=segment.size + len(directory), sha256=hasher.hexdigest())


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
