"""Reads the list of entries of a zip archive, and refuses those that programs read differently.

Some programs use the central directory, others the local headers. Here both must agree, and entries
must follow each other without a gap. There is one exception: the directory may leave out an entry
if another one of the same name follows, which replaces it for all programs.
"""

from __future__ import annotations

import os
import struct
import sys
from collections.abc import Iterator
from typing import BinaryIO, NamedTuple

from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.zip_headers import ZipEntry
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.wording import printable

MOST_DIRECTORY_BYTES = 256 * 1024 * 1024
"""A million files with long names."""

_UNIX, _MACOS = 3, 19
_ENCRYPTED = 0x1 | 0x40 | 0x2000
_SIZES_AFTER = 0x8
_UNICODE_PATH = 0x7075


class ListedEntry(NamedTuple):
    """An entry of the central directory."""

    entry: ZipEntry
    mode: int
    """As on Unix; 0 for an archive made on another system."""
    content: int
    """The offset of the content."""


def read_entries(raw: BinaryIO) -> list[ListedEntry]:
    """The entries of the archive, in the order of their contents; raises DamagedError."""
    try:
        count, offset, end = _find_directory(raw)
        headers = sorted(_directory(_at(raw, offset, end - offset), count))
        return list(_with_contents(raw, headers, offset))
    except struct.error:
        raise DamagedError("its directory cannot be read: it is not complete") from None
    except ValueError as e:
        raise DamagedError(f"its directory cannot be read: {e}") from None


def _at(raw: BinaryIO, offset: int, size: int) -> bytes:
    # Offsets of ZIP64 can be larger than any file.
    data = os.pread(raw.fileno(), size, offset) if 0 <= offset <= sys.maxsize else b""
    if len(data) != size:
        raise DamagedError("it ends in the middle of its directory")
    return data


def _find_directory(raw: BinaryIO) -> tuple[int, int, int]:
    """The number of entries, and the offsets of the directory's begin and end."""
    end = os.fstat(raw.fileno()).st_size - zip_headers.END_RECORD.size
    signature, *disks, here, count, size, offset, comment = zip_headers.END_RECORD.unpack(
        _at(raw, end, zip_headers.END_RECORD.size)
    )
    if signature != zip_headers.END or comment:
        raise DamagedError("it does not end like a zip archive without a comment")
    if here == zip_headers.MAX16 or zip_headers.MAX32 in (size, offset):
        locator = end - zip_headers.LOCATOR64.size
        end = locator - zip_headers.END64_RECORD.size
        expected = (zip_headers.LOCATOR64_SIGNATURE, 0, end, 1)
        if zip_headers.LOCATOR64.unpack(_at(raw, locator, zip_headers.LOCATOR64.size)) != expected:
            raise DamagedError("it needs a ZIP64 record, and has none")
        signature, rest, _, _, *disks, here, count, size, offset = zip_headers.END64_RECORD.unpack(
            _at(raw, end, zip_headers.END64_RECORD.size)
        )
        if (signature, rest) != (zip_headers.END64, zip_headers.END64_RECORD.size - 12):
            raise DamagedError("its ZIP64 record is missing")
    if disks != [0, 0] or here != count:
        raise DamagedError("it is one part of several")
    if offset + size != end:
        raise DamagedError("its directory is not at its end")
    if size > MOST_DIRECTORY_BYTES:
        raise DamagedError(f"its directory has {size} bytes, more than {MOST_DIRECTORY_BYTES}")
    return count, offset, end


def _directory(data: bytes, count: int) -> Iterator[tuple[int, ZipEntry, int]]:
    """Offset, entry and mode of each entry."""
    at = 0
    for _ in range(count):
        (
            signature, made_by, _, flags, method, _, _, crc, compressed_size, size, name_size,
            extra_size, comment_size, _, _, attributes, offset,
        ) = zip_headers.CENTRAL_HEADER.unpack_from(data, at)  # fmt: skip
        if signature != zip_headers.CENTRAL:
            raise ValueError("an entry is missing")
        at += zip_headers.CENTRAL_HEADER.size
        name = data[at : at + name_size]
        extra = data[at + name_size : at + name_size + extra_size]
        at += name_size + extra_size + comment_size
        if zip_headers.MAX32 in (size, compressed_size, offset):
            size, compressed_size, offset = zip_headers.zip64_numbers(
                extra, size, compressed_size, offset
            )
        path = zip_headers.decoded(name, flags)
        _refuse_other_name(extra)
        if flags & _ENCRYPTED:
            raise ValueError(f"`{printable(path)}` is encrypted")
        if method not in (zip_headers.STORED, zip_headers.DEFLATED):
            raise ValueError(
                f"`{printable(path)}` is compressed by method {method}, not stored or deflated"
            )
        if flags & _SIZES_AFTER:
            raise ValueError(f"`{printable(path)}` has its sizes after its content")
        mode = attributes >> 16 if made_by >> 8 in (_UNIX, _MACOS) else 0
        yield offset, ZipEntry(path, method, crc, compressed_size, size), mode
    if at != len(data):
        raise ValueError("the number of entries is wrong")


def _with_contents(
    raw: BinaryIO, headers: list[tuple[int, ZipEntry, int]], end: int
) -> Iterator[ListedEntry]:
    """Compare the directory with the local headers, in the order of the archive."""
    last = {entry.path: offset for offset, entry, _ in headers}
    at = 0
    for offset, entry, mode in headers:
        at = _pass_over(raw, at, offset, last)
        if at != offset:
            raise DamagedError(f"`{printable(entry.path)}` overlaps another entry")
        local, content = _local_header(raw, at)
        if local != entry:
            raise DamagedError(
                f"`{printable(entry.path)}` differs between the directory and its local header"
            )
        yield ListedEntry(entry, mode, content)
        at = content + entry.compressed_size
    if _pass_over(raw, at, end, last) != end:
        raise DamagedError("its last entry overlaps its directory")


def _pass_over(raw: BinaryIO, at: int, end: int, last: dict[str, int]) -> int:
    """Skip entries up to `end` that later ones of the same name replace."""
    while at < end:
        entry, content = _local_header(raw, at)
        if last.get(entry.path, -1) <= at:
            raise DamagedError(f"`{printable(entry.path)}` is not in its directory")
        at = content + entry.compressed_size
    return at


def _local_header(raw: BinaryIO, offset: int) -> tuple[ZipEntry, int]:
    size = zip_headers.LOCAL_HEADER.size
    _, _, flags, *_, name_size, extra_size = zip_headers.LOCAL_HEADER.unpack(_at(raw, offset, size))
    if flags & (_ENCRYPTED | _SIZES_AFTER):
        raise DamagedError(f"the entry at {offset} is encrypted or has its sizes after its content")
    header = _at(raw, offset, size + name_size + extra_size)
    _refuse_other_name(header[size + name_size :])
    entry, content = zip_headers.read_local_header(header, 0)
    return entry, offset + content


def _refuse_other_name(extra: bytes) -> None:
    """Raise ValueError for a field that gives some programs another name of the entry."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == _UNICODE_PATH:
            raise ValueError("an entry has a second name")
        at += 4 + size
