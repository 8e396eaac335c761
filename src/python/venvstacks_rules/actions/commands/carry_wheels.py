"""Splits segments into wheels, as these came, and the rest (``carry-wheels``).

A file of a segment is taken from the wheel if an entry of the wheel has its content: neither names
nor places matter. What has no such entry, as RECORD and byte code, is the rest: a small segment.
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from pathlib import Path

from venvstacks_rules.actions.archives.formats import new_segment
from venvstacks_rules.actions.wheels.checks import READ_ERRORS
from venvstacks_rules.local.files.streams import (
    DamagedError,
    chunks,
    naming,
    sha256_of,
    sha256_of_chunks,
)
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.repository.carried import IN_REST, CarriedWheel
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    PublishedSegment,
    read_listing,
)
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.requests.bundle import (
    CarriedSegment,
    CarriedSegments,
    CarryWheelsRequest,
    SegmentOfWheel,
)
from venvstacks_rules.repository.reading.segments import segment_members

_METHODS = (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED)
"""What every client can unpack."""


def run(request_text: str) -> CarriedSegments:
    """Do what a CarryWheelsRequest asks for.

    Raises ArchiveError for a wheel or a segment that is not the one that it was.
    """
    request = from_json(CarryWheelsRequest, request_text)
    path = Path(request.index)
    with naming(path):
        index = LayerIndex.from_json(path.read_bytes(), path.name)
    segments = {segment.source: segment for segment in index.segments}
    folder = Path(request.output)
    folder.mkdir(parents=True, exist_ok=True)
    return CarriedSegments(
        tuple(_carried(wheel, segments[wheel.file_name], index, folder) for wheel in request.wheels)
    )


def _carried(
    wheel: SegmentOfWheel, segment: PublishedSegment, index: LayerIndex, folder: Path
) -> CarriedSegment:
    if sha256_of(wheel.path) != (wheel.sha256, wheel.size):
        raise _problem(wheel, "the wheel is not the one that was locked")
    listed = read_listing(Path(wheel.listing).read_bytes(), wheel.listing)
    numbers = _numbers(wheel)
    entries = tuple(numbers.get(file.sha256, IN_REST) for file in listed)
    left = {file.path: file for file, entry in zip(listed, entries) if entry == IN_REST}
    rest = _rest(wheel, segment, index, folder, left)
    carried = CarriedWheel(
        wheel.file_name,
        segment.blob,
        Reference(wheel.sha256, wheel.size),
        Reference(rest.sha256, rest.size),
        rest.tar_size,
        entries,
    )
    document = f"{segment.blob.sha256}.json"
    (folder / document).write_bytes(carried.to_json().encode("utf-8"))
    return CarriedSegment(segment.blob.sha256, document, rest.sha256)


def _numbers(wheel: SegmentOfWheel) -> dict[str, int]:
    """The number of the first entry with a content, by its hash."""
    numbers: dict[str, int] = {}
    try:
        with zipfile.ZipFile(wheel.path) as archive:
            for number, info in enumerate(archive.infolist()):
                if not info.is_dir() and info.compress_type in _METHODS:
                    with archive.open(info) as content:
                        numbers.setdefault(sha256_of_chunks(chunks(content))[0], number)
    except READ_ERRORS as e:
        raise _problem(wheel, f"the wheel cannot be unpacked: {e}") from None
    return numbers


def _rest(
    wheel: SegmentOfWheel,
    segment: PublishedSegment,
    index: LayerIndex,
    folder: Path,
    left: Mapping[str, ArchivedFile],
) -> Segment:
    """A segment with these files; its file has its hash as name."""
    path = folder / "rest"
    compression = Compression(index.archive_format, index.compression_level)
    try:
        with (
            Path(wheel.segment).open("rb") as stream,
            new_segment(
                path,
                source=wheel.file_name,
                install_target=index.install_target,
                compression=compression,
            ) as writer,
        ):
            found = segment_members(stream, segment, index.archive_format, index.install_target)
            for member in found:
                file = left.get(member.path)
                if file is not None:
                    writer.add_file(
                        file.path, member.content, file.size, executable=file.executable
                    )
        rest = writer.segment()
        # A reader takes the files that are there: a piece of a segment has fewer, or others.
        if set(rest.files) != set(left.values()):
            raise DamagedError("its files are not those of its list")
    except (DamagedError, EOFError, ValueError) as e:
        path.unlink(missing_ok=True)
        raise _problem(wheel, f"its segment is damaged: {e}") from None
    path.rename(folder / rest.sha256)
    return rest


def _problem(wheel: SegmentOfWheel, problem: str) -> ArchiveError:
    return ArchiveError(f"An installer cannot carry `{wheel.file_name}`:", [f"{problem}."])
