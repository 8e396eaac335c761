"""Reads PE binaries as the loader of Windows does: the import tables.

Programs and libraries are mapped, so that of a large one only what is looked at is read.
"""

from __future__ import annotations

import mmap
import struct
from typing import Any

import pefile

from venvstacks_rules.actions.binaries.facts import BinaryFacts, UnreadableError
from venvstacks_rules.model.libraries.binaries import LIBRARY, PROGRAM

_WIN32 = 0x14C
_MACHINES = {0x8664: "amd64", 0xAA64: "arm64", _WIN32: "win32"}
_IS_LIBRARY = 0x2000
_IMPORTS = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"]
_DELAYED = pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT"]
# An entry of each table: its size, and where the address of the name is.
_ENTRIES = {_IMPORTS: struct.Struct("<12x I 4x"), _DELAYED: struct.Struct("<4x I 24x")}
_MAX_LIBRARIES, _MAX_NAME = 4096, 512


def read(path: str) -> list[BinaryFacts]:
    """The facts of the PE file at `path`. Its name is that of the file, as the loader sees it."""
    # Mapped here: what the library maps, it closes with a full garbage collection, which takes
    # longer than reading the tables.
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pe: Any = pefile.PE(data=data, fast_load=True)
        machine = int(pe.FILE_HEADER.Machine)
        return [
            BinaryFacts(
                kind=LIBRARY if pe.FILE_HEADER.Characteristics & _IS_LIBRARY else PROGRAM,
                machine=_MACHINES.get(machine, f"machine {machine:#x}"),
                needed=tuple(_names(pe, _IMPORTS)),
                optional=tuple(_names(pe, _DELAYED)),
            )
        ]


def _names(pe: Any, table: int) -> list[str]:
    """The libraries that a table asks for.

    Not by the parser of the library, which knows no limit and keeps what nobody asks for.
    """
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    at = directories[table].VirtualAddress if table < len(directories) else 0
    entry = _ENTRIES[table]
    names: list[str] = []
    while at:
        # What the file does not have of a section is zero in memory.
        (name,) = entry.unpack(pe.get_data(at, entry.size).ljust(entry.size, b"\0"))
        if not name:
            break
        if len(names) == _MAX_LIBRARIES:
            raise UnreadableError("it asks for too many libraries")
        if table == _DELAYED and pe.FILE_HEADER.Machine == _WIN32:
            # Old linkers wrote where it is once it is loaded.
            name = pe.normalize_import_va(name)
        text = pe.get_string_at_rva(name, _MAX_NAME)
        if not text or len(text) == _MAX_NAME:
            raise UnreadableError("a name in it is none of a file")
        names.append(text.decode("ascii"))
        at += entry.size
    return names
