"""Reads PE binaries as the loader of Windows does: the import tables.

Programs and libraries are mapped, so that of a large one only what is looked at is read.
"""

from __future__ import annotations

import mmap
from typing import Any

import pefile

from venvstacks_rules.actions._binary_facts import BinaryFacts
from venvstacks_rules.model.binaries import LIBRARY, PROGRAM

_MACHINES = {0x8664: "amd64", 0xAA64: "arm64", 0x14C: "win32"}
_IS_LIBRARY = 0x2000
_TABLES = [
    pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_IMPORT"],
    pefile.DIRECTORY_ENTRY["IMAGE_DIRECTORY_ENTRY_DELAY_IMPORT"],
]


def read(path: str) -> list[BinaryFacts]:
    """The facts of the PE file at `path`. Its name is that of the file, as the loader sees it."""
    # Mapped here: what the library maps, it closes with a full garbage collection, which takes
    # longer than reading the tables.
    with open(path, "rb") as stream, mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as data:
        pe: Any = pefile.PE(data=data, fast_load=True)
        pe.parse_data_directories(directories=_TABLES, import_dllnames_only=True)
        machine = int(pe.FILE_HEADER.Machine)
        return [
            BinaryFacts(
                kind=LIBRARY if pe.FILE_HEADER.Characteristics & _IS_LIBRARY else PROGRAM,
                machine=_MACHINES.get(machine, f"machine {machine:#x}"),
                needed=_names(pe, "DIRECTORY_ENTRY_IMPORT"),
                optional=_names(pe, "DIRECTORY_ENTRY_DELAY_IMPORT"),
            )
        ]


def _names(pe: Any, table: str) -> tuple[str, ...]:
    return tuple(entry.dll.decode("ascii") for entry in getattr(pe, table, ()))
