"""Destinations for files of wheels and interpreters: a segment of an archive, or a folder."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterable
from typing import Protocol, runtime_checkable

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.values import dataclass


def write_exactly(
    path: str, content: Iterable[bytes], size: int, write: Callable[[bytes], object]
) -> str:
    """Pass `content` to `write`, and return its SHA-256 in hexadecimal.

    Raises ValueError with `path` if it is not `size` bytes long; writes nothing beyond `size`.
    """
    hasher = hashlib.sha256()
    written = 0
    for chunk in content:
        written += len(chunk)
        if written > size:
            break
        hasher.update(chunk)
        write(chunk)
    if written != size:
        raise ValueError(f"`{path}` was announced with {size} bytes and has {written}")
    return hasher.hexdigest()


class FileSink(Protocol):
    """Takes the files and links of a layer, one after another."""

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Add a file of `size` bytes; raises ValueError if `content` has another length."""
        ...

    def add_link(self, path: str, target: str) -> None:
        """Add a symbolic link."""
        ...


@dataclass(frozen=True)
class CompressedStream:
    """A stream of a zip archive with its checked properties: all of it was read and compared."""

    deflated: bool
    """Whether the method is ``deflated``; otherwise the stream is the content itself."""
    crc: int
    """CRC-32 of the content."""
    compressed_size: int
    """Of the stream, in bytes."""
    size: int
    """Of the content, in bytes."""
    sha256: str
    """Of the content."""
    chunks: Iterable[bytes]
    """The stream."""


@runtime_checkable
class StreamSink(FileSink, Protocol):
    """A sink that also takes compressed streams as they are."""

    def add_stream(
        self, path: str, stream: CompressedStream, *, executable: bool = False
    ) -> ArchivedFile:
        """Add the file that `stream` unpacks to."""
        ...
