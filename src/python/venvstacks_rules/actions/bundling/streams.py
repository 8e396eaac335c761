"""Writes the tar streams of an installer, and hashes them."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO

from venvstacks_rules.actions.archives import tar_headers
from venvstacks_rules.local.files.streams import chunks, naming


class Hashed:
    """A file that is written, and hashed meanwhile."""

    def __init__(self, out: IO[bytes]) -> None:
        self._out = out
        self._hasher = hashlib.sha256()
        self._part = hashlib.sha256()
        self.size = 0

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._out.write(data)
        self._hasher.update(data)
        self._part.update(data)
        self.size += len(data)

    def begin_part(self) -> None:
        """From here on, `part` counts."""
        self._part = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of all."""
        return self._hasher.hexdigest()

    @property
    def part(self) -> str:
        """The hash of what was written since `begin_part`."""
        return self._part.hexdigest()


def write_files(
    out: Hashed, files: Mapping[str, Path | bytes], executable: Collection[str] = ()
) -> None:
    """Append a tar stream with these files, by their names in it, in this order."""
    for name, file in files.items():
        size = len(file) if isinstance(file, bytes) else file.stat().st_size
        out.write(tar_headers.header(tar_headers.TarEntry(name, size, name in executable)))
        if isinstance(file, bytes):
            out.write(file)
        else:
            with naming(file), file.open("rb") as stream:
                for piece in chunks(stream):
                    out.write(piece)
        out.write(tar_headers.padding(size))
    out.write(tar_headers.END_OF_ARCHIVE)
