"""Reads the load commands of Mach-O binaries, for one machine or several, as ``dyld`` does.

They lie at the beginning of each machine's part, and the library sees no more than that.
"""

from __future__ import annotations

import io
import struct
from types import SimpleNamespace
from typing import IO, Any, Optional

from macholib import mach_o
from macholib.MachO import MachOHeader
from macholib.ptypes import sizeof

from venvstacks_rules.actions.binaries.facts import BinaryFacts, Limited, UnreadableError
from venvstacks_rules.model.libraries.binaries import BUNDLE, LIBRARY, PROGRAM

_HEADERS = {
    b"\xfe\xed\xfa\xce": (mach_o.MH_MAGIC, mach_o.mach_header, ">"),
    b"\xce\xfa\xed\xfe": (mach_o.MH_CIGAM, mach_o.mach_header, "<"),
    b"\xfe\xed\xfa\xcf": (mach_o.MH_MAGIC_64, mach_o.mach_header_64, ">"),
    b"\xcf\xfa\xed\xfe": (mach_o.MH_CIGAM_64, mach_o.mach_header_64, "<"),
}
# The header of a file for several machines, and an entry of its table: CPU, subtype, offset, size.
_FAT = {b"\xca\xfe\xba\xbe": ">iiII4x", b"\xca\xfe\xba\xbf": ">iiQQ8x"}
_CPUS = {0x0100000C: "arm64", 0x01000007: "x86_64", 7: "i386"}
_KINDS = {
    mach_o.MH_DYLIB: LIBRARY,
    mach_o.MH_BUNDLE: BUNDLE,
    mach_o.MH_EXECUTE: PROGRAM,
}
_NEEDED = {mach_o.LC_LOAD_DYLIB, mach_o.LC_REEXPORT_DYLIB, mach_o.LC_LOAD_UPWARD_DYLIB}
_MACOS_PLATFORM = 1
# Java class files have the magic number of files for several machines; their next field is 45 or
# more.
MAX_MACHINES = 40
# Real ones need some ten thousand bytes.
_MAX_COMMANDS = 1024 * 1024
# The library reads the content of sections, which may overlap in a damaged file.
_MAX_BYTES = 16 * _MAX_COMMANDS


def read(stream: IO[bytes]) -> list[BinaryFacts]:
    """The facts of a Mach-O file, for each of its machines."""
    stream.seek(0, io.SEEK_END)
    size = stream.tell()
    stream.seek(0)
    magic, count = stream.read(4), stream.read(4)
    if magic not in _FAT:
        return _read_part(stream, 0, size)
    # Without the rest of `fat_arch`, which is an alignment only.
    entry = _FAT[magic]
    parts = [
        struct.unpack(entry, stream.read(struct.calcsize(entry)))[2:4]
        for _ in range(int.from_bytes(count, "big"))
    ]
    return [facts for offset, length in parts for facts in _read_part(stream, offset, length)]


def _read_part(stream: IO[bytes], offset: int, size: int) -> list[BinaryFacts]:
    stream.seek(offset)
    visible = stream.read(min(size, _MAX_COMMANDS))
    known = _HEADERS.get(visible[:4])
    if known is None:
        # A static library, for example.
        return []
    header: Any = MachOHeader(
        SimpleNamespace(filename=""),
        Limited(io.BytesIO(visible), _MAX_BYTES),
        0,
        size,
        *known,
        allow_unknown_load_commands=True,
    )
    kind = _KINDS.get(header.header.filetype)
    if kind is None:
        return []
    needed, optional, run_paths = [], [], []
    name: Optional[str] = None
    minimum: Optional[str] = None
    for load, command, data in header.commands:
        if load.cmd in _NEEDED:
            needed.append(_text(command.name, command, data))
        elif load.cmd in {mach_o.LC_LOAD_WEAK_DYLIB, mach_o.LC_LAZY_LOAD_DYLIB}:
            optional.append(_text(command.name, command, data))
        elif load.cmd == mach_o.LC_ID_DYLIB:
            name = _text(command.name, command, data)
        elif load.cmd == mach_o.LC_RPATH:
            run_paths.append(_text(command.path, command, data))
        elif load.cmd == mach_o.LC_VERSION_MIN_MACOSX:
            minimum = _version(int(command.version))
        elif load.cmd == mach_o.LC_BUILD_VERSION and int(command.platform) == _MACOS_PLATFORM:
            minimum = _version(int(command.minos))
    cpu = int(header.header.cputype)
    return [
        BinaryFacts(
            kind=kind,
            machine=_CPUS.get(cpu, f"cpu {cpu}"),
            name=name,
            needed=tuple(needed),
            optional=tuple(optional),
            run_paths=tuple(run_paths),
            inherited=True,
            minimum=minimum,
        )
    ]


def _text(offset: Any, command: Any, data: Any) -> str:
    """A string of a load command; its `offset` counts from the beginning of the command."""
    start = int(offset) - sizeof(mach_o.load_command) - sizeof(type(command))
    if not 0 <= start <= len(data):
        raise UnreadableError("a load command refers to a string outside of it")
    return bytes(data[start:]).split(b"\0", 1)[0].decode("utf-8")


def _version(packed: int) -> str:
    return f"{packed >> 16}.{packed >> 8 & 0xFF}"
