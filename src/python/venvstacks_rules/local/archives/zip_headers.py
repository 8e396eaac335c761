"""Headers of a zip archive whose bytes depend on their arguments only.

Local headers tell the sizes of their contents (there are no data descriptors), so that a run of
entries can be read from its start, and the central directory can be made from it. Times are
constant. Only numbers that need them are in fields of ZIP64.
"""

from __future__ import annotations

import mmap
import struct
from typing import NamedTuple, Union

Buffer = Union[bytes, mmap.mmap]

LINK_MODE, EXECUTABLE_MODE, FILE_MODE = 0o120777, 0o100755, 0o100644
"""The modes of entries, as Unix has them."""

STORED, DEFLATED = 0, 8
"""Compression methods."""

UTF8 = 0x800
"""The flag of a name that is not ASCII."""

LOCAL, CENTRAL, END = b"PK\3\4", b"PK\1\2", b"PK\5\6"
END64, LOCATOR64_SIGNATURE = b"PK\6\6", b"PK\6\7"
LOCAL_HEADER = struct.Struct("<4s5H3L2H")
CENTRAL_HEADER = struct.Struct("<4s6H3L5H2L")
END_RECORD = struct.Struct("<4s4H2LH")
END64_RECORD = struct.Struct("<4sQ2H2L4Q")
LOCATOR64 = struct.Struct("<4sLQL")

_DATE = 0x22
"""1980-01-02, a day after the oldest date of the format; the time is midnight."""
MAX16, MAX32 = 0xFFFF, 0xFFFFFFFF
"""Mean that the number is in a field of ZIP64."""
ZIP64_FIELD = 0x0001
_UNIX = 3 << 8
_NEEDED, _NEEDED_ZIP64 = 20, 45
"""The version of the format that a reader must know."""
_CENTRAL_START = struct.pack("<4sH", CENTRAL, _UNIX | _NEEDED)
_CENTRAL_END = struct.Struct("<3H2L")


class ZipEntry(NamedTuple):
    """What the headers say of a file; its content follows the local header."""

    path: str
    """Relative, with forward slashes."""
    method: int
    crc: int
    """CRC-32 of the content."""
    compressed_size: int
    size: int
    """In bytes."""


def local_header(entry: ZipEntry) -> bytes:
    """The bytes before the content of `entry`."""
    extra = b""
    size, compressed_size = entry.size, entry.compressed_size
    if max(size, compressed_size) >= MAX32:
        extra = _zip64_field(size, compressed_size)
        size = compressed_size = MAX32
    name, flags = _encoded(entry.path)
    fixed = LOCAL_HEADER.pack(
        LOCAL, _NEEDED_ZIP64 if extra else _NEEDED, flags, entry.method, 0, _DATE, entry.crc,
        compressed_size, size, len(name), len(extra),
    )  # fmt: skip
    return fixed + name + extra


def central_header(entry: ZipEntry, mode: int, offset: int) -> bytes:
    """The entry's part of the central directory; its local header begins at `offset`."""
    numbers = []
    size, compressed_size = entry.size, entry.compressed_size
    if max(size, compressed_size) >= MAX32:
        numbers += [size, compressed_size]
        size = compressed_size = MAX32
    if offset >= MAX32:
        numbers.append(offset)
        offset = MAX32
    extra = _zip64_field(*numbers) if numbers else b""
    name, flags = _encoded(entry.path)
    needed = _NEEDED_ZIP64 if extra else _NEEDED
    fixed = CENTRAL_HEADER.pack(
        CENTRAL, _UNIX | needed, needed, flags, entry.method, 0, _DATE,
        entry.crc, compressed_size, size, len(name), len(extra), 0, 0, 0, mode << 16, offset,
    )  # fmt: skip
    return fixed + name + extra


def same_central_header(local: bytes, name: bytes, mode: int, offset: int) -> bytes:
    """The header in the central directory for the fixed part of a local header, and the name.

    Only for entries without a field of ZIP64. Most of a header is the same in both places.
    """
    return _CENTRAL_START + local[4:] + _CENTRAL_END.pack(0, 0, 0, mode << 16, offset) + name


def end_of_archive(count: int, directory_size: int, directory_offset: int) -> bytes:
    """The bytes after a central directory of `count` entries."""
    end = b""
    if count >= MAX16 or max(directory_size, directory_offset) >= MAX32:
        end = END64_RECORD.pack(
            END64, END64_RECORD.size - 12, _NEEDED_ZIP64, _NEEDED_ZIP64, 0, 0,
            count, count, directory_size, directory_offset,
        )  # fmt: skip
        end += LOCATOR64.pack(LOCATOR64_SIGNATURE, 0, directory_offset + directory_size, 1)
    count = min(count, MAX16)
    return end + END_RECORD.pack(
        END, 0, 0, count, count, min(directory_size, MAX32), min(directory_offset, MAX32), 0
    )


def _encoded(path: str) -> tuple[bytes, int]:
    """The name, and the flags that say how it is encoded."""
    return path.encode("utf-8"), 0 if path.isascii() else UTF8


def _zip64_field(*numbers: int) -> bytes:
    return struct.pack(f"<2H{len(numbers)}Q", ZIP64_FIELD, 8 * len(numbers), *numbers)


def read_local_header(data: Buffer, offset: int) -> tuple[ZipEntry, int]:
    """The entry whose local header begins at `offset` of `data`, and where its content begins.

    Raises struct.error or ValueError for an invalid or incomplete header.
    """
    (
        signature, _, flags, method, _, _, crc, compressed_size, size, name_size, extra_size,
    ) = LOCAL_HEADER.unpack_from(data, offset)  # fmt: skip
    if signature != LOCAL:
        raise ValueError("no local header")
    at = offset + LOCAL_HEADER.size
    start = at + name_size + extra_size
    name = bytes(data[at : at + name_size])
    if MAX32 in (size, compressed_size):
        extra = bytes(data[at + name_size : start])
        size, compressed_size = zip64_numbers(extra, size, compressed_size)
    return ZipEntry(decoded(name, flags), method, crc, compressed_size, size), start


def decoded(name: bytes, flags: int) -> str:
    """The name of an entry; raises ValueError unless it is ASCII or marked as UTF-8."""
    return name.decode("utf-8" if flags & UTF8 else "ascii")


def zip64_numbers(extra: bytes, *numbers: int) -> tuple[int, ...]:
    """The numbers of a header, those that did not fit from its ZIP64 field; raises ValueError."""
    at = 0
    while at + 4 <= len(extra):
        kind, size = struct.unpack_from("<2H", extra, at)
        if kind == ZIP64_FIELD:
            field = extra[at + 4 : at + 4 + size]
            long = iter(struct.unpack(f"<{len(field) // 8}Q", field[: len(field) // 8 * 8]))
            try:
                return tuple(next(long) if n == MAX32 else n for n in numbers)
            except (StopIteration, RuntimeError):
                break
        at += 4 + size
    raise ValueError("a number does not fit, and there is no ZIP64 field with it")
