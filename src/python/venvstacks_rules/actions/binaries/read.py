"""Finds the binaries of a wheel, and reads the facts of each.

It unpacks a binary to a temporary file, since its tables may lie anywhere in it: memory does not
depend on its size. A binary that a library cannot read has a `problem`, and does not end the build:
packages have damaged binaries as data of their tests.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable, Iterator
from typing import IO

from venvstacks_rules.actions.binaries.facts import BinaryFacts, UnreadableError
from venvstacks_rules.model.libraries.binaries import ELF, MACHO, PE, Binary

_MAGIC = {
    b"\x7fELF": ELF,
    b"\xfe\xed\xfa\xce": MACHO,
    b"\xce\xfa\xed\xfe": MACHO,
    b"\xfe\xed\xfa\xcf": MACHO,
    b"\xcf\xfa\xed\xfe": MACHO,
    b"\xca\xfe\xba\xbe": MACHO,
    b"\xca\xfe\xba\xbf": MACHO,
}
_NAMES = {ELF: "ELF", MACHO: "Mach-O", PE: "PE"}
_MAX_NAMES = 4096
_MAX_TEXT = 4096
HEAD = 8
"""How many bytes identify the format."""


def binary_format(head: bytes) -> str | None:
    """The likely format of a file, from its first `HEAD` bytes; None if it is not a binary."""
    if head[:2] == b"MZ":
        return PE
    found = _MAGIC.get(head[:4])
    if found == MACHO and head[:3] == b"\xca\xfe\xba":
        from venvstacks_rules.actions.binaries.macho import MAX_MACHINES

        return MACHO if int.from_bytes(head[4:8], "big") < MAX_MACHINES else None
    return found


def read_binaries(
    path: str, found: str, chunks: Iterable[bytes], folder: str = "."
) -> list[Binary]:
    """The binaries in a file of the format `found` with the content `chunks`.

    It goes to a temporary file in `folder`. Raises the errors of iterating over `chunks`.
    """
    # Most wheels have no binaries.
    import tempfile

    hasher = hashlib.sha256()
    with tempfile.NamedTemporaryFile(dir=folder, prefix="binary-") as file:
        for chunk in chunks:
            hasher.update(chunk)
            file.write(chunk)
        file.flush()
        sha256 = hasher.hexdigest()
        try:
            facts = list(_checked(_facts(found, file.name)))
        except UnreadableError as e:
            problem = str(e)
        # For hostile bytes, the libraries raise anything from KeyError to RecursionError.
        except Exception as e:  # noqa: BLE001 - see above
            # Their messages name temporary files, and differ between versions of Python.
            problem = f"damaged ({type(e).__name__})"
        else:
            return [Binary(path, sha256, found, **vars(each)) for each in facts]
    return [Binary(path, sha256, found, problem=f"not readable as {_NAMES[found]}: {problem}")]


def _facts(found: str, path: str) -> list[BinaryFacts]:
    # Imported when needed: most wheels have no binaries, and the others have one format.
    with open(path, "rb") as stream:
        if found == ELF:
            from venvstacks_rules.actions.binaries import elf

            return elf.read(stream)
        if found == MACHO:
            from venvstacks_rules.actions.binaries import macho

            return macho.read(stream)
        if not _has_pe_header(stream):
            return []
    from venvstacks_rules.actions.binaries import pe

    return pe.read(path)


def _has_pe_header(stream: IO[bytes]) -> bool:
    """Whether a file is for Windows: programs for DOS and some texts begin with ``MZ``, too."""
    size = stream.seek(0, os.SEEK_END)
    stream.seek(0x3C)
    offset = int.from_bytes(stream.read(4), "little")
    if offset + 4 > size:
        return False
    stream.seek(offset)
    return stream.read(4) == b"PE\0\0"


def _checked(facts: Iterable[BinaryFacts]) -> Iterator[BinaryFacts]:
    for each in facts:
        texts = (each.name or "", *each.needed, *each.optional, *each.run_paths)
        if len(texts) > _MAX_NAMES:
            raise UnreadableError("it needs too many libraries")
        if any(len(text) > _MAX_TEXT or not text.isprintable() for text in texts):
            raise UnreadableError("it contains an invalid file name")
        yield each
