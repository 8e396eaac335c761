"""Zip archives made by hand, and what the standard library reads in one."""

from __future__ import annotations

import io
import struct
import zipfile
import zlib
from pathlib import Path
from typing import NamedTuple

from venvstacks_rules.actions.archives.zip_directory import directory_of
from venvstacks_rules.model.contents.segments import Segment

REGULAR, EXECUTABLE, LINK, FOLDER = 0o100644, 0o100755, 0o120777, 0o040755


class Item(NamedTuple):
    """An entry of an archive."""

    name: str
    content: bytes
    mode: int
    method: int


def items(archive: bytes) -> list[Item]:
    """The entries, checked by ``zipfile``; times and systems have to be ours."""
    found = []
    with zipfile.ZipFile(io.BytesIO(archive)) as opened:
        for info in opened.infolist():
            assert info.date_time == (1980, 1, 2, 0, 0, 0)
            assert info.create_system == 3
            content = opened.read(info)
            found.append(Item(info.filename, content, info.external_attr >> 16, info.compress_type))
    return found


def with_directory(path: Path, segment: Segment, install_target: str) -> bytes:
    """The archive that has one segment."""
    placed = Segment(**{**segment.__dict__, "path": str(path)})
    return path.read_bytes() + directory_of([placed], install_target)


class Zip:
    """An archive in the making, by the specification; `end` can tell lies."""

    def __init__(self) -> None:
        self.data = b""
        self.directory = b""
        self.count = 0

    def add(
        self,
        name: str | bytes,
        content: bytes | str = b"",
        *,
        mode: int = REGULAR,
        method: int = 0,
        listed: bool = True,
        local: bool = True,
        offset: int | None = None,
        flags: int = 0,
        system: int = 3,
        extra: bytes = b"",
        **lies: int,
    ) -> Zip:
        """Add an entry; `lies` are fields that the directory has other values of."""
        raw = name.encode() if isinstance(name, str) else name
        data = content.encode() if isinstance(content, str) else content
        stream = data
        if method == 8:
            compressor = zlib.compressobj(6, zlib.DEFLATED, -15)
            stream = compressor.compress(data) + compressor.flush()
        flags |= 0 if raw.isascii() else 0x800
        fields = {"crc": zlib.crc32(data), "packed": len(stream), "size": len(data)}
        at = len(self.data) if offset is None else offset
        if local:
            self.data += struct.pack(
                "<4s5H3L2H", b"PK\3\4", 20, flags, method, 0, 0x21, *fields.values(),
                len(raw), len(extra),
            ) + raw + extra + stream  # fmt: skip
        if listed:
            fields.update(lies)
            self.directory += struct.pack(
                "<4s6H3L5H2L", b"PK\1\2", system << 8 | 20, 20, flags, method, 0, 0x21,
                *fields.values(), len(raw), 0, 0, 0, 0, mode << 16, at,
            ) + raw  # fmt: skip
            self.count += 1
        return self

    def link(self, name: str, target: str) -> Zip:
        """Add a symbolic link."""
        return self.add(name, target, mode=LINK)

    def bytes(self, *, comment: bytes = b"", **lies: int) -> bytes:
        """The archive; `lies` are other values of its last record."""
        fields = {
            "disk": 0, "first_disk": 0, "here": self.count, "count": self.count,
            "size": len(self.directory), "offset": len(self.data), **lies,
        }  # fmt: skip
        end = struct.pack("<4s4H2LH", b"PK\5\6", *fields.values(), len(comment))
        return self.data + self.directory + end + comment
