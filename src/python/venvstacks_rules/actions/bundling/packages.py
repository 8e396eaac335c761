"""A flat package for the installer of macOS that runs an installer of ours, without Apple's tools.

It is what ``pkgbuild --nopayload`` makes: an archive in the format xar with `PackageInfo` and
`Scripts`, a cpio archive. A package that brings no files itself has no list of them (`Bom`).
Nothing is compressed: what it carries is compressed already.
"""

from __future__ import annotations

import hashlib
import struct
import zlib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO
from xml.sax.saxutils import escape, quoteattr

from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.files import MODIFICATION_TIME

INSTALLER_FILE = "installer.sh"
"""Our installer, beside the script that starts it."""

_XAR_HEADER = struct.Struct(">4sHHQQI")
_SHA1 = 1
_STORED_BLOCK = 65535
_TIME = "1980-01-02T00:00:00Z"


def package_info(identifier: str, version: str) -> bytes:
    """What the installer of macOS reads of the package."""
    return (
        '<?xml version="1.0" encoding="utf-8"?>\n'
        '<pkg-info overwrite-permissions="true" relocatable="false"'
        f' identifier={quoteattr(identifier)} postinstall-action="none"'
        f' version={quoteattr(version)} format-version="2" auth="root">\n'
        "    <scripts>\n"
        '        <postinstall file="./postinstall"/>\n'
        "    </scripts>\n"
        "</pkg-info>\n"
    ).encode()


def postinstall(title: str) -> bytes:
    """The script that starts our installer: for all users of the machine."""
    return (
        "#!/bin/sh\n"
        f"# Installs {title} for all users of this machine.\n"
        'exec /bin/sh "${0%/*}/' + INSTALLER_FILE + '" \\\n'
        f'  --into "/Library/Application Support/{title}"\n'
    ).encode("ascii")


def write_scripts(out: IO[bytes], scripts: Mapping[str, Path | bytes]) -> None:
    """A cpio archive of executable files, in gzip."""
    out.write(b"\x1f\x8b\x08\0\0\0\0\0\0\xff")
    crc = size = 0
    waiting = bytearray()
    for piece in _cpio(scripts):
        crc, size = zlib.crc32(piece, crc), size + len(piece)
        waiting += piece
        while len(waiting) > _STORED_BLOCK:
            out.write(_stored(waiting[:_STORED_BLOCK], last=False))
            del waiting[:_STORED_BLOCK]
    out.write(_stored(waiting, last=True))
    out.write(struct.pack("<II", crc, size & 0xFFFFFFFF))


def write_package(out: IO[bytes], files: Mapping[str, Path | bytes]) -> None:
    """A xar archive of these files, by their names in it."""
    entries, at = [], hashlib.sha1(usedforsecurity=False).digest_size
    for number, (name, file) in enumerate(files.items(), 1):
        size, sha1 = 0, hashlib.sha1(usedforsecurity=False)
        for piece in _pieces(file):
            size += len(piece)
            sha1.update(piece)
        checksum = f'style="sha1">{sha1.hexdigest()}<'
        entries.append(
            f'<file id="{number}"><data>'
            f"<archived-checksum {checksum}/archived-checksum>"
            f"<extracted-checksum {checksum}/extracted-checksum>"
            f'<encoding style="application/octet-stream"/>'
            f"<size>{size}</size><offset>{at}</offset><length>{size}</length></data>"
            f"<mode>0644</mode><type>file</type><name>{escape(name)}</name></file>\n"
        )
        at += size
    toc = (
        '<?xml version="1.0" encoding="UTF-8"?>\n<xar><toc>\n'
        f"<creation-time>{_TIME}</creation-time>\n"
        '<checksum style="sha1"><offset>0</offset><size>20</size></checksum>\n'
        f"{''.join(entries)}</toc></xar>\n"
    ).encode()
    packed = b"\x78\x01" + _stored(toc, last=True) + struct.pack(">I", zlib.adler32(toc))
    size = _XAR_HEADER.size
    out.write(_XAR_HEADER.pack(b"xar!", size, 1, len(packed), len(toc), _SHA1))
    out.write(packed)
    out.write(hashlib.sha1(packed, usedforsecurity=False).digest())
    for file in files.values():
        for piece in _pieces(file):
            out.write(piece)


def _cpio(files: Mapping[str, Path | bytes]) -> Iterator[bytes]:
    yield _cpio_header(".", 1, 0, 0o40755)
    for number, (name, file) in enumerate(files.items(), 2):
        size = len(file) if isinstance(file, bytes) else file.stat().st_size
        yield _cpio_header(f"./{name}", number, size, 0o100755)
        yield from _pieces(file)
    yield _cpio_header("TRAILER!!!", 0, 0, 0)


def _cpio_header(name: str, number: int, size: int, mode: int) -> bytes:
    """The portable format of POSIX (`odc`)."""
    raw = name.encode("ascii") + b"\0"
    # Device, inode, mode, owner, group, links, device.
    fields = "".join(f"{value:06o}" for value in (0, number, mode, 0, 0, 1, 0))
    return f"070707{fields}{MODIFICATION_TIME:011o}{len(raw):06o}{size:011o}".encode() + raw


def _stored(data: bytes | bytearray, *, last: bool) -> bytes:
    """A block of a deflate stream that is not compressed."""
    return struct.pack("<BHH", last, len(data), len(data) ^ 0xFFFF) + data


def _pieces(file: Path | bytes) -> Iterator[bytes]:
    if isinstance(file, bytes):
        yield file
        return
    with file.open("rb") as stream:
        yield from chunks(stream)
