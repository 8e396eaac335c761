"""The parts of a layer: segments that were made before, and that of its own files."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator, Sequence
from pathlib import Path

from venvstacks_rules.actions.archives.clashes import clashes, own_problems
from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.actions.archives.joining import mapped
from venvstacks_rules.actions.archives.zip_directory import directory_of
from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.segments import OWN_FILES, Segment
from venvstacks_rules.model.errors import ArchiveError, RequestError
from venvstacks_rules.model.json_codec import from_data, parsed_json
from venvstacks_rules.model.requests.layer_parts import LayerPartsRequest
from venvstacks_rules.model.values import replace


def listed_segments(request: LayerPartsRequest) -> Iterator[Segment]:
    """The segments that the results of a request list, in the order of the archive."""
    for path in request.results:
        yield from _read_result(path)


def refuse_clashes(segments: Sequence[Segment], request: LayerPartsRequest) -> None:
    """Raise ArchiveError for files of the segments and of the layer that clash."""
    # Large files of the layer itself have segments.
    own = [
        *request.files,
        *(
            OwnFile(file.path, source=file.path)
            for segment in segments
            if segment.source == OWN_FILES
            for file in segment.files
        ),
    ]
    problems = [
        *own_problems(own, request.links, os_name=request.os_name),
        *clashes(
            [(each.source, each.files) for each in segments if each.source != OWN_FILES],
            own,
            request.links,
            case_sensitive=request.case_sensitive,
        ),
    ]
    if problems:
        remedy = "Change or leave out the named files, or narrow `platforms`."
        raise refused(request, f"it could not be unpacked. {remedy}", problems)


def refused(request: LayerPartsRequest, reason: str, problems: list[str]) -> ArchiveError:
    """The error for an archive that cannot be made."""
    platform = request.metadata.get("target_platform")
    archive = f"The archive of `{request.target}`" + (f" for {platform}" if platform else "")
    return ArchiveError(f"{archive} cannot be assembled: {reason}", problems)


def _read_result(path: str) -> list[Segment]:
    """The segments of a result file, with paths relative to the working directory."""
    # A layer without packages has none, and its archive is made at each edit of its code.
    from venvstacks_rules.model.requests.segments import (
        FileSegment,
        InterpreterSegments,
        WheelSegments,
    )

    try:
        data = parsed_json(Path(path).read_text(encoding="utf-8"))
    except ValueError as e:
        raise RequestError(f"`{path}`: not JSON: {e}") from None
    made: FileSegment | InterpreterSegments | WheelSegments
    if isinstance(data, dict) and "python_version" in data:
        made = from_data(InterpreterSegments, data)
    elif isinstance(data, dict) and "remarks" not in data:
        made = from_data(FileSegment, data)
    else:
        made = from_data(WheelSegments, data)
    folder = Path(path).parent
    return [replace(segment, path=str(folder / segment.path)) for segment in made.segments]


def write_own_segment(path: Path, request: LayerPartsRequest, byte_code: str | None) -> Segment:
    """Write the segment of the layer's own files, which ends a tar archive.

    `byte_code` is a zip archive with that of the files, if the layer has some.
    """
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
        if byte_code is not None:
            # An archive without any starts sooner.
            from venvstacks_rules.actions.compiling.stored import add_byte_code

            add_byte_code(byte_code, "", writer)
    return replace(writer.segment(), path=str(path))


def directory_segment(
    segments: Sequence[Segment], request: LayerPartsRequest
) -> tuple[Segment, bytes]:
    """The last of `segments` with what follows its file in the archive: a zip's directory.

    Raises ArchiveError or OSError for segments that are not what they announce.
    """
    own = segments[-1]
    if request.compression.archive_format != ZIP:
        return own, b""
    directory = directory_of(segments, request.install_target)
    with mapped(own.path) as content:
        hasher = hashlib.sha256(content)
    hasher.update(directory)
    return replace(own, size=own.size + len(directory), sha256=hasher.hexdigest()), directory
