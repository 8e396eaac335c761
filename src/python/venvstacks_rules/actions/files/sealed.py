"""Text files that say whether they are whole: the first line is the hash of the rest.

A process, or the power, can end in the middle of a write, and disks forget: a file that was cut,
emptied or changed counts as missing.
"""

from __future__ import annotations

import hashlib
import os
from pathlib import Path

from venvstacks_rules.local.files.streams import naming


def write_sealed(path: Path, text: str, *, durable: bool = True) -> None:
    """Write the file by one rename; it is on the disk when this returns, if it has to be."""
    data = text.encode("utf-8")
    sealed = hashlib.sha256(data).hexdigest().encode() + b"\n" + data
    replace_file(path, sealed, durable=durable)


def read_sealed(path: Path) -> str | None:
    """The text as it was written; None if the file is missing or damaged."""
    try:
        data = path.read_bytes()
    except OSError:
        return None
    return unsealed(data)


def unsealed(data: bytes) -> str | None:
    """The text in the content of such a file; None if it is damaged."""
    seal, _, text = data.partition(b"\n")
    return text.decode("utf-8") if hashlib.sha256(text).hexdigest().encode() == seal else None


def replace_file(path: Path, data: bytes, *, durable: bool = True) -> None:
    """Write a file by one rename; it is on the disk when this returns, if it has to be."""
    temporary = path.with_name(f"{path.name}.new")
    with naming(path), temporary.open("wb") as stream:
        stream.write(data)
        if durable:
            stream.flush()
            os.fsync(stream.fileno())
    os.replace(temporary, path)
