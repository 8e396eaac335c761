"""Reads files in pieces, so that no large one lies in memory as a whole."""

from __future__ import annotations

import errno
import hashlib
import io
import os
import zlib
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO

from venvstacks_rules.model.wording import printable

CHUNK = 1024 * 1024
"""How many bytes are read, or unpacked, at a time."""

MIN_EXPANSION = 64 * 1024 * 1024
"""In bytes; every archive may unpack to this."""
MOST_GROWTH = 200
"""It may unpack to this many times its size, if that is more."""


FULL = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG})
"""The numbers of the errors that no program is to blame for."""


class DamagedError(Exception):
    """The archive does not follow its format, or unpacks to more than the limit."""


@contextmanager
def naming(path: str | os.PathLike[str]) -> Iterator[None]:
    """Say of a full disk that it is `path` that cannot be written: the system names no file."""
    try:
        yield
    except OSError as e:
        if e.errno in FULL:
            e.filename = os.fspath(path)
        raise


@contextmanager
def whole_file(path: Path) -> Iterator[Path]:
    """A new file beside `path`, which gets to its place by one rename; gone after an error."""
    part = path.parent / f"{path.name}.part"
    try:
        with naming(path):
            yield part
        try:
            part.replace(path)
        except OSError as e:
            e.filename = os.fspath(path)
            raise
    finally:
        part.unlink(missing_ok=True)


def write_all(out: io.RawIOBase | io.FileIO, data: bytes) -> None:
    """Write `data` to an unbuffered file, which takes a part of it when the disk is full."""
    left = memoryview(data)
    while left:
        left = left[out.write(left) :]


def chunks(stream: IO[bytes]) -> Iterable[bytes]:
    """The bytes of `stream` in pieces."""
    while True:
        chunk = stream.read(CHUNK)
        if not chunk:
            return
        yield chunk


def exactly(stream: IO[bytes], size: int, name: str) -> Iterator[bytes]:
    """The next `size` bytes of `stream` in pieces.

    Raises EOFError with `name`, of what is read, if there are fewer.
    """
    left = size
    while left:
        chunk = stream.read(min(left, CHUNK))
        if not chunk:
            raise EOFError(f"it ends within `{printable(name)}`")
        left -= len(chunk)
        yield chunk


def expansion_limit(size: int) -> int:
    """How many bytes an archive of `size` bytes may unpack to."""
    return max(MIN_EXPANSION, MOST_GROWTH * size)


def sha256_of(path: str | os.PathLike[str]) -> tuple[str, int]:
    """The hexadecimal SHA-256 and the size in bytes of a file."""
    with Path(path).open("rb") as stream:
        return sha256_of_chunks(chunks(stream))


def sha256_of_chunks(pieces: Iterable[bytes]) -> tuple[str, int]:
    """The hexadecimal SHA-256 and the size in bytes of a content in pieces."""
    hasher = hashlib.sha256()
    size = 0
    for piece in pieces:
        hasher.update(piece)
        size += len(piece)
    return hasher.hexdigest(), size


class Inflated:
    """The content of a deflate stream without a header, in pieces.

    Raises EOFError if the stream has no end, zlib.error if it is damaged.
    """

    def __init__(self, stream: Iterable[bytes]) -> None:
        self._stream = stream
        self.stream_size = 0
        """In bytes, known once all of it is read; bytes after the stream do not count."""

    def __iter__(self) -> Iterator[bytes]:
        inflater = zlib.decompressobj(-zlib.MAX_WBITS)
        for chunk in self._stream:
            self.stream_size += len(chunk)
            data = chunk
            while not inflater.eof:
                piece = inflater.decompress(data, CHUNK)
                data = inflater.unconsumed_tail
                if piece:
                    yield piece
                elif not data:
                    break
            if inflater.eof:
                self.stream_size -= len(inflater.unused_data)
                return
        raise EOFError("the stream has no end")
