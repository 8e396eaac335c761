"""Makes the central directory of a zip archive from the segments that precede it.

Entries are found by their local headers. What these do not tell, whether a file is executable or
a link, is known of the files of each segment.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from venvstacks_rules.actions import _zip
from venvstacks_rules.actions._concatenation import mapped
from venvstacks_rules.actions._zip import ZipEntry
from venvstacks_rules.model.action_io import ArchivedFile, Segment
from venvstacks_rules.model.errors import ArchiveError


def directory_of(segments: Sequence[Segment], install_target: str) -> bytes:
    """What follows the segments in the archive.

    A path that occurs in two segments is listed once, as the later one's: some readers refuse a
    name that is there twice, or ask whether to overwrite it.

    Raises ArchiveError for a segment that does not consist of its files.
    """
    last = {file.path: i for i, segment in enumerate(segments) for file in segment.files}
    headers: list[bytes] = []
    base = 0
    for i, segment in enumerate(segments):
        for file, (offset, entry) in zip(segment.files, _entries(segment, install_target)):
            if last[file.path] == i:
                headers.append(_zip.central_header(entry, _mode(file), base + offset))
        base += segment.size
    directory = b"".join(headers)
    return directory + _zip.end_of_archive(len(headers), len(directory), base)


def _mode(file: ArchivedFile) -> int:
    if file.link_target is not None:
        return _zip.LINK_MODE
    return _zip.EXECUTABLE_MODE if file.executable else _zip.FILE_MODE


def _entries(segment: Segment, install_target: str) -> Iterator[tuple[int, ZipEntry]]:
    """The entries of the files of a segment, and where each begins."""
    offset = 0
    with mapped(segment.path) as content:
        for file in segment.files:
            path = f"{install_target}/{file.path}"
            size = file.size if file.link_target is None else len(file.link_target.encode())
            try:
                entry, start = _zip.read_local_header(content, offset)
            except (struct.error, ValueError):
                entry, start = None, 0
            if entry is None or (entry.path, entry.size) != (path, size):
                raise _wrong(segment, f"expected the entry of `{file.path}` at {offset}")
            yield offset, entry
            offset = start + entry.compressed_size
    if offset != segment.size:
        raise _wrong(segment, f"its files end at {offset} of {segment.size} bytes")


def _wrong(segment: Segment, problem: str) -> ArchiveError:
    return ArchiveError(
        f"The segment of `{segment.source}` does not consist of its files.", [problem]
    )
