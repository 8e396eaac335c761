"""Splits segments into wheels, as these came, and the rest (``carry-wheels``).

A file of a segment is taken from the wheel if an entry of the wheel has its content: neither names
nor places matter. What has no such entry, as RECORD and byte code, is the rest: a small segment.
The segment of a large file that is not in the wheel stays as it is.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator, Mapping
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
    SegmentedWheel,
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
    folder = Path(request.output)
    folder.mkdir(parents=True, exist_ok=True)
    return CarriedSegments(
        tuple(one for wheel in request.wheels for one in _carried(wheel, index, folder))
    )


def _carried(wheel: SegmentedWheel, index: LayerIndex, folder: Path) -> Iterator[CarriedSegment]:
    if sha256_of(wheel.path) != (wheel.sha256, wheel.size):
        raise _problem(wheel, "the wheel is not the one that was locked")
    numbers = _numbers(wheel)
    published = {segment.blob.sha256: segment for segment in index.segments}
    for each in wheel.segments:
        splitting = _Splitting(wheel, each, published[each.sha256], index, folder)
        entries = tuple(numbers.get(file.sha256, IN_REST) for file in splitting.listed)
        if splitting.segment.large_file is None or IN_REST not in entries:
            yield splitting.carried(entries)


def _numbers(wheel: SegmentedWheel) -> dict[str, int]:
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


class _Splitting:
    """A segment on its way to what an installer carries in its place."""

    def __init__(
        self,
        wheel: SegmentedWheel,
        given: SegmentOfWheel,
        segment: PublishedSegment,
        index: LayerIndex,
        folder: Path,
    ) -> None:
        self._wheel = wheel
        self._file = Path(given.path)
        self.segment = segment
        self._index = index
        self._folder = folder
        self.listed = read_listing(Path(given.listing).read_bytes(), given.listing)
        """The files of the segment."""

    def carried(self, entries: tuple[int, ...]) -> CarriedSegment:
        """Write the rest, and the document; `entries` are those of the wheel for each file."""
        left = {file.path: file for file, n in zip(self.listed, entries) if n == IN_REST}
        rest = self._rest(left)
        carried = CarriedWheel(
            self._wheel.file_name,
            self.segment.blob,
            Reference(self._wheel.sha256, self._wheel.size),
            Reference(rest.sha256, rest.size),
            rest.tar_size,
            entries,
        )
        document = f"{self.segment.blob.sha256}.json"
        (self._folder / document).write_bytes(carried.to_json().encode("utf-8"))
        return CarriedSegment(self.segment.blob.sha256, document, rest.sha256)

    def _rest(self, left: Mapping[str, ArchivedFile]) -> Segment:
        """A segment with these files; its file has its hash as name."""
        index, path = self._index, self._folder / "rest"
        try:
            with (
                self._file.open("rb") as stream,
                new_segment(
                    path,
                    source=self._wheel.file_name,
                    install_target=index.install_target,
                    compression=Compression(index.archive_format, index.compression_level),
                ) as writer,
            ):
                found = segment_members(
                    stream, self.segment, index.archive_format, index.install_target
                )
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
            raise _problem(self._wheel, f"its segment is damaged: {e}") from None
        path.rename(self._folder / rest.sha256)
        return rest


def _problem(wheel: SegmentedWheel, problem: str) -> ArchiveError:
    return ArchiveError(f"An installer cannot carry `{wheel.file_name}`:", [f"{problem}."])
