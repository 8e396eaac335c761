"""Segments on their way: small ones in memory, others in files, which later runs go on with."""

from __future__ import annotations

import hashlib
import io
import os
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import BinaryIO

from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.local.files.streams import DamagedError, chunks
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository

IN_MEMORY = 4 * 1024 * 1024
"""Segments of up to so many bytes are not written to the disk as they come."""

Advance = Callable[[int], None]
"""Is told of bytes that came."""


class Downloads:
    """The folder of downloads."""

    def __init__(self, folder: Path, repository: Repository, disk: Disk) -> None:
        self._folder = folder
        self._repository = repository
        self._disk = disk

    @contextmanager
    def blob(self, reference: Reference, advance: Advance) -> Iterator[BinaryIO]:
        """The bytes of a blob, whose hash was checked; they are gone when the block ends."""
        path = f"{self._folder}/{reference.sha256}"
        if reference.size <= IN_MEMORY and not _size(path):
            data = io.BytesIO()
            for piece in self._repository.blob_pieces(reference):
                data.write(piece)
                advance(len(piece))
            data.seek(0)
            yield data
            return
        with self._file(reference, advance) as stream:
            yield stream
        self._disk.unlink(path)

    def explained(self, reference: Reference) -> list[str]:
        """For messages about a blob that is not what it should be: what to do."""
        return self._repository.store.explained(blob_key(reference.sha256))

    @contextmanager
    def kept(self, reference: Reference) -> Iterator[BinaryIO]:
        """The same; they stay, so that :meth:`blob` does not fetch them again."""
        with self._file(reference, lambda _: None) as stream:
            yield stream

    @contextmanager
    def _file(self, reference: Reference, advance: Advance) -> Iterator[BinaryIO]:
        path = f"{self._folder}/{reference.sha256}"
        self._disk.make_folders(str(self._folder))
        self._fetch(path, reference, advance)
        try:
            with open(path, "rb") as stream:
                yield stream
        except (DamagedError, EOFError, RepositoryError):
            # Nobody can use it, and nobody will ask for it again.
            self._disk.unlink(path)
            raise

    def _fetch(self, path: str, reference: Reference, advance: Advance) -> None:
        for attempt in range(2 if _size(path) else 1, 0, -1):
            came = 0

            def counted(size: int) -> None:
                nonlocal came
                came += size
                advance(size)

            try:
                self._go_on(path, reference, counted)
            except RepositoryError:
                # What failed is discarded. It may have begun with bytes that a crash, or somebody,
                # changed: then, and once, it is worth another attempt.
                self._disk.unlink(path)
                advance(-came)
                if attempt == 1:
                    raise
            else:
                return

    def _go_on(self, path: str, reference: Reference, advance: Advance) -> None:
        """Add what is missing; RepositoryError if all of it is not the blob."""
        hasher = hashlib.sha256()
        start = min(_size(path), reference.size)
        if start:
            self._disk.truncate(path, start)
            with open(path, "rb") as stream:
                for piece in chunks(stream):
                    hasher.update(piece)
            advance(start)
        pieces = self._repository.blob_pieces(reference, start, hasher)
        self._disk.append(path, _told(pieces, advance))


def size_here(folder: Path, reference: Reference) -> int:
    """How much of a blob an earlier run left."""
    return min(_size(f"{folder}/{reference.sha256}"), reference.size)


def _size(path: str) -> int:
    try:
        return os.stat(path, follow_symlinks=False).st_size
    except FileNotFoundError:
        return 0


def _told(pieces: Iterable[bytes], advance: Advance) -> Iterator[bytes]:
    for piece in pieces:
        yield piece
        advance(len(piece))
