"""Reads ELF binaries as the dynamic loader does: program headers and the dynamic section.

It ignores section headers, as the loader does, since tools strip them; they only tell the size of
what is for debuggers. It reads only the parts that it needs, whatever the size of the file; a
damaged file may ask for more than the limits.
"""

from __future__ import annotations

import os
import re
import struct
from itertools import islice
from typing import IO, Any, Optional

from elftools.common.utils import parse_cstring_from_stream, struct_parse
from elftools.elf.elffile import ELFFile

from venvstacks_rules.actions.binaries.facts import (
    BinaryFacts,
    Limited,
    UnreadableError,
)
from venvstacks_rules.model.libraries.binaries import LIBRARY, PROGRAM, version_numbers

_KINDS = {"ET_DYN": LIBRARY, "ET_EXEC": PROGRAM}
_MACHINES = {("EM_X86_64", 64): "x86_64", ("EM_AARCH64", 64): "aarch64"}
_GLIBC = re.compile(r"GLIBC_(\d{1,4})\.(\d{1,4})(?:\.\d+)?")
_DEBUG, _NOBITS = (b".debug_", b".zdebug_"), 8
# Hundreds of times the numbers of real binaries.
_MAX_SECTIONS, _MAX_NAME_BYTES = 16 * 1024, 1024 * 1024
_MAX_SEGMENTS, _MAX_TAGS, _MAX_VERSIONS, _MAX_BYTES = 1024, 16 * 1024, 16 * 1024, 16 * 1024 * 1024


def read(stream: IO[bytes]) -> list[BinaryFacts]:
    """The facts of an ELF file; none for one that is never loaded, such as an object file."""
    elf: Any = ELFFile(Limited(stream, _MAX_BYTES))
    kind = _KINDS.get(elf.header["e_type"])
    if kind is None:
        return []
    debug_size = _debug_size(stream, elf)
    elf.header["e_shoff"] = elf.header["e_shnum"] = 0
    dynamic, interpreter = None, False
    for segment in islice(elf.iter_segments(), _MAX_SEGMENTS):
        if segment["p_type"] == "PT_DYNAMIC":
            dynamic = segment
        interpreter |= segment["p_type"] == "PT_INTERP"
    tags = list(islice(dynamic.iter_tags(), _MAX_TAGS)) if dynamic is not None else []
    names = [tag.soname for tag in tags if tag.entry.d_tag == "DT_SONAME"]
    runpath = [tag.runpath for tag in tags if tag.entry.d_tag == "DT_RUNPATH"]
    rpath = [tag.rpath for tag in tags if tag.entry.d_tag == "DT_RPATH"]
    written = elf.header["e_machine"]
    machine = _MACHINES.get((written, elf.elfclass), str(written).removeprefix("EM_").lower())
    if machine in _MACHINES.values() and not (elf.elfclass == 64 and elf.little_endian):
        # Another ABI of the same processor.
        order = "little" if elf.little_endian else "big"
        machine = f"{machine}, {elf.elfclass} bits, {order} endian"
    return [
        BinaryFacts(
            # A position-independent program has the type of a library. A library that can be
            # started, such as that of C, has a name.
            kind=PROGRAM if interpreter and not names else kind,
            machine=machine,
            name=names[0] if names else None,
            needed=tuple(tag.needed for tag in tags if tag.entry.d_tag == "DT_NEEDED"),
            run_paths=_folders(runpath or rpath),
            # An RPATH beside a RUNPATH is ignored.
            inherited=bool(rpath) and not runpath,
            minimum=_newest_glibc(elf, dynamic, tags),
            debug_size=debug_size,
        )
    ]


def _debug_size(stream: IO[bytes], elf: Any) -> int:
    """The bytes of the debug sections; 0 if the section headers cannot be read."""
    header, order = elf.header, "<" if elf.little_endian else ">"
    layout = struct.Struct(order + ("IIQQQQIIQQ" if elf.elfclass == 64 else "IIIIIIIIII"))
    count = min(header["e_shnum"], _MAX_SECTIONS)
    end = stream.seek(0, os.SEEK_END)
    if header["e_shentsize"] != layout.size or header["e_shstrndx"] >= count:
        return 0
    if header["e_shoff"] + count * layout.size > end:
        return 0
    stream.seek(header["e_shoff"])
    table = stream.read(count * layout.size)
    # Each with its name's offset, type, flags, address, offset in the file, size, and others.
    sections = list(layout.iter_unpack(table))
    *_, offset, size = sections[header["e_shstrndx"]][:6]
    if offset > end:
        return 0
    stream.seek(offset)
    names = stream.read(min(size, _MAX_NAME_BYTES))
    found = [s for s in sections if s[1] != _NOBITS and names.startswith(_DEBUG, s[0])]
    # A damaged file may claim more than it has.
    claimed: int = sum(section[5] for section in found)
    return min(claimed, end)


def _folders(entries: list[str]) -> tuple[str, ...]:
    return tuple(folder for entry in entries for folder in entry.split(":") if folder)


def _newest_glibc(elf: Any, dynamic: Any, tags: list[Any]) -> Optional[str]:
    """The newest version of glibc that a symbol needs, from ``DT_VERNEED``."""
    count = next((tag["d_val"] for tag in tags if tag.entry.d_tag == "DT_VERNEEDNUM"), 0)
    if not count:
        return None
    _, offset = dynamic.get_table_offset("DT_VERNEED")
    _, strings = dynamic.get_table_offset("DT_STRTAB")
    if offset is None or strings is None:
        raise UnreadableError("no segment contains the table of needed versions")
    found = set()
    read_entries = 0
    for _ in range(count):
        need = struct_parse(elf.structs.Elf_Verneed, elf.stream, stream_pos=offset)
        inner = offset + need["vn_aux"]
        for _ in range(need["vn_cnt"]):
            read_entries += 1
            if read_entries > _MAX_VERSIONS:
                raise UnreadableError("it needs too many versions of symbols")
            version = struct_parse(elf.structs.Elf_Vernaux, elf.stream, stream_pos=inner)
            text = parse_cstring_from_stream(elf.stream, strings + version["vna_name"]) or b""
            match = _GLIBC.fullmatch(text.decode("ascii", "replace"))
            if match is not None:
                found.add(f"{int(match[1])}.{int(match[2])}")
            inner += version["vna_next"]
        if not need["vn_next"]:
            break
        offset += need["vn_next"]
    return max(found, key=version_numbers) if found else None
