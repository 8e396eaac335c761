"""Reads files in pieces: what is large never lies in memory as a whole."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterable
from pathlib import Path
from typing import BinaryIO

_CHUNK = 1024 * 1024


def chunks(stream: BinaryIO) -> Iterable[bytes]:
    """The bytes of `stream` in pieces."""
    while True:
        chunk = stream.read(_CHUNK)
        if not chunk:
            return
        yield chunk


def sha256_of(path: str | os.PathLike[str]) -> tuple[str, int]:
    """The hexadecimal SHA-256 and the size in bytes of a file."""
    hasher = hashlib.sha256()
    size = 0
    with Path(path).open("rb") as stream:
        for chunk in chunks(stream):
            hasher.update(chunk)
            size += len(chunk)
    return hasher.hexdigest(), size
