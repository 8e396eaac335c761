"""Reads the import tables of PE binaries, as the loader of Windows does.

It maps the file into memory, so that only the needed parts of a large one are read.
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
# An entry of each table: its size, and the place of the name's address.
_ENTRIES = {_IMPORTS: struct.Struct("<12x I 4x"), _DELAYED: struct.Struct("<4x I 24x")}
_MAX_LIBRARIES, _MAX_NAME = 4096, 512


def read(path: str) -> list[BinaryFacts]:
    """The facts of the PE file at `path`. For the loader, its name is that of the file."""
    # Mapped here: the library closes its own maps with a full garbage collection, which takes
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
    """The libraries in a table.

    Without the parser of `pefile`, which has no limit and keeps much that we do not need.
    """
    directories = pe.OPTIONAL_HEADER.DATA_DIRECTORY
    at = directories[table].VirtualAddress if table < len(directories) else 0
    entry = _ENTRIES[table]
    names: list[str] = []
    while at:
        # The part of a section that the file lacks is zero in memory.
        (name,) = entry.unpack(pe.get_data(at, entry.size).ljust(entry.size, b"\0"))
        if not name:
            break
        if len(names) == _MAX_LIBRARIES:
            raise UnreadableError("it needs too many libraries")
        if table == _DELAYED and pe.FILE_HEADER.Machine == _WIN32:
            # Old linkers wrote its address in memory.
            name = pe.normalize_import_va(name)
        text = pe.get_string_at_rva(name, _MAX_NAME)
        if not text or len(text) == _MAX_NAME:
            raise UnreadableError("it contains an invalid file name")
        names.append(text.decode("ascii"))
        at += entry.size
    return names
