"""Writes the tar streams of an installer: hashed, or compressed."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Mapping
from pathlib import Path
from typing import IO, Protocol

from venvstacks_rules.actions.archives import tar_headers
from venvstacks_rules.local.archives.tar_members import members, open_members
from venvstacks_rules.local.archives.tar_stream import open_tar_stream
from venvstacks_rules.local.files.streams import chunks, expansion_limit, naming
from venvstacks_rules.model.contents.compression import compression


class Writable(Protocol):
    """Takes bytes."""

    def write(self, data: bytes) -> object:
        """Append `data`."""
        ...


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


class Gzipped:
    """A file that is written in gzip, the same on every machine; :meth:`finish` it."""

    def __init__(self, out: IO[bytes]) -> None:
        # Not for installers that compress nothing.
        from venvstacks_rules.actions.archives.tar_writer import frame_bytes, frame_compressor

        chosen = compression("tar.gz")
        self._out = out
        self._compress, self._size = frame_compressor(chosen), frame_bytes(chosen)
        self._frame = bytearray()

    def write(self, data: bytes) -> None:
        """Append `data`."""
        self._frame += data
        while len(self._frame) >= self._size:
            self._out.write(self._compress(self._frame[: self._size]))
            del self._frame[: self._size]

    def finish(self) -> None:
        """Write what waits."""
        if self._frame:
            self._out.write(self._compress(self._frame))
            self._frame = bytearray()


def write_files(
    out: Writable, files: Mapping[str, Path | bytes], executable: Collection[str] = ()
) -> None:
    """Append a tar stream with these files, by their names in it, in this order."""
    add_files(out, files, executable)
    out.write(tar_headers.END_OF_ARCHIVE)


def add_files(
    out: Writable, files: Mapping[str, Path | bytes], executable: Collection[str] = ()
) -> None:
    """The same, but for the end of the stream."""
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


def add_archive(out: Writable, archive: Path, folder: str) -> None:
    """Append the files and links of a compressed tar archive of ours, below a folder.

    Raises DamagedError for one that is damaged.
    """
    limit = expansion_limit(archive.stat().st_size)
    with naming(archive), archive.open("rb") as file:
        tar = open_tar_stream(file, limit)
        with open_members(tar) as found:
            for member in members(found):
                link = member.linkname if member.issym() else None
                executable = bool(member.mode & 0o100)
                entry = tar_headers.TarEntry(
                    f"{folder}/{member.name}", member.size, executable, link
                )
                content = None if link is not None else found.extractfile(member)
                if link is None and content is None:
                    # A folder.
                    continue
                out.write(tar_headers.header(entry))
                if content is not None:
                    for piece in chunks(content):
                        out.write(piece)
                    out.write(tar_headers.padding(member.size))
