"""Makes the central directory of a zip archive from the segments that precede it.

Local headers tell where the entries are. They do not tell whether a file is executable or a link:
the list of a segment's files does.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator, Sequence

from venvstacks_rules.actions.archives.joining import mapped
from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import ArchiveError

_SIZES_AT, _SIZES = 18, struct.Struct("<2L2H")
"""Of a local header: compressed size, size, and those of name and extra field."""

_FILE_MODES = {False: zip_headers.FILE_MODE, True: zip_headers.EXECUTABLE_MODE}


def directory_of(segments: Sequence[Segment], install_target: str) -> bytes:
    """The central directory, and the end of the archive.

    It lists a path that occurs in two segments once, as the later one's: some readers refuse a
    name that occurs twice, or ask whether to overwrite it.

    Raises ArchiveError for a segment that does not consist of its files.
    """
    last = {file.path: i for i, segment in enumerate(segments) for file in segment.files}
    headers: list[bytes] = []
    base = 0
    for i, segment in enumerate(segments):
        of_segment = _headers(segment, f"{install_target}/".encode(), base)
        # In this order, `zip` asks for one more header, which checks the end of the segment.
        for header, file in zip(of_segment, segment.files):
            if last[file.path] == i:
                headers.append(header)
        base += segment.size
    directory = b"".join(headers)
    return directory + zip_headers.end_of_archive(len(headers), len(directory), base)


def _headers(segment: Segment, prefix: bytes, base: int) -> Iterator[bytes]:
    """The headers of the files of a segment that begins at `base` of the archive."""
    offset = 0
    with mapped(segment.path) as content:
        for file in segment.files:
            name = prefix + file.path.encode()
            try:
                header, end = _header(content, offset, file, name, base)
            except (struct.error, ValueError):
                raise _wrong(segment, f"expected the entry of `{file.path}` at {offset}") from None
            yield header
            offset = end
    if offset != segment.size:
        raise _wrong(segment, f"its files end at {offset} of {segment.size} bytes")


def _header(
    content: zip_headers.Buffer, offset: int, file: ArchivedFile, name: bytes, base: int
) -> tuple[bytes, int]:
    """The header of a file whose entry begins at `offset` of its segment, and where that ends.

    Raises struct.error or ValueError if there is no such entry.
    """
    start = offset + zip_headers.LOCAL_HEADER.size
    fixed = content[offset:start]
    compressed_size, size, name_size, extra_size = _SIZES.unpack_from(fixed, _SIZES_AT)
    mode, expected = _FILE_MODES[file.executable], file.size
    if file.link_target is not None:
        mode, expected = zip_headers.LINK_MODE, len(file.link_target.encode())
    end = start + name_size
    if content[start:end] != name or not fixed.startswith(zip_headers.LOCAL):
        raise ValueError("another entry")
    if extra_size == 0 and base + offset < zip_headers.MAX32:
        header = zip_headers.same_central_header(fixed, name, mode, base + offset)
        end += compressed_size
    else:
        # ZIP64: the directory has another header.
        entry, end = zip_headers.read_local_header(content, offset)
        header, size = zip_headers.central_header(entry, mode, base + offset), entry.size
        end += entry.compressed_size
    if size != expected:
        raise ValueError("a file of another size")
    return header, end


def _wrong(segment: Segment, problem: str) -> ArchiveError:
    return ArchiveError(
        f"The segment of `{segment.source}` does not consist of its files.", [problem]
    )
