"""Writes one segment of a zip archive: local headers, and what follows each.

It copies streams that are compressed already. Threads deflate everything else with the pinned
compressor, in pieces of a fixed size; what gets no smaller is stored. The bytes depend on the
content and the level alone.
"""

from __future__ import annotations

import zlib
from collections import deque
from collections.abc import Iterable
from pathlib import Path
from tempfile import SpooledTemporaryFile
from typing import IO, TYPE_CHECKING, cast

import cramjam

from venvstacks_rules.actions.archives.segment_file import SegmentFile
from venvstacks_rules.actions.files.sinks import CompressedStream, write_exactly
from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.archives.zip_headers import ZipEntry
from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_MIB = 1024 * 1024
_THREADS = 2

# Deflate looks back 32 KiB, so cutting has no measurable cost.
_PIECE_BYTES = 4 * _MIB
_IN_MEMORY = 32 * _MIB
_WAITING_BYTES = 2 * _THREADS * _PIECE_BYTES
"""Of files that wait to be written, without the newest one."""
_WAITING_FILES = 256


def deflated(piece: bytes, level: int, *, first: bool, last: bool) -> bytes:
    """A piece of a deflate stream; it ends at a whole byte."""
    if first and last:
        # The same bytes, and other threads go on meanwhile; nearly all files are one piece.
        return bytes(cramjam.deflate.compress(piece, level=level))
    compressor = cramjam.deflate.Compressor(level)
    compressor.compress(piece)
    return bytes(compressor.finish() if last else compressor.flush())


class ZipSegmentWriter(SegmentFile):
    """Appends files to a segment of a zip archive."""

    def __init__(
        self, path: Path, *, source: str, install_target: str, compression: Compression
    ) -> None:
        super().__init__(path, source=source, install_target=install_target, threads=_THREADS)
        self._level = compression.level
        self._waiting: deque[_Deflating] = deque()
        self._waiting_bytes = 0

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Append a file of `size` bytes; raises ValueError if `content` has another length."""
        name = f"{self._prefix}/{path}"
        deflating = _Deflating(name, self._level, self._pool, self._path.parent)
        self._waiting.append(deflating)
        sha256 = write_exactly(path, content, size, deflating.take)
        deflating.end()
        self._waiting_bytes += size
        self._write_waiting(_WAITING_BYTES)
        file = ArchivedFile(path, size, sha256, executable)
        self._files.append(file)
        return file

    def add_link(self, path: str, target: str) -> None:
        """Append a symbolic link."""
        data = target.encode("utf-8")
        entry = ZipEntry(
            f"{self._prefix}/{path}", zip_headers.STORED, zlib.crc32(data), len(data), len(data)
        )
        self._write_waiting(0)
        self._write_entry(entry, [data])
        self._files.append(ArchivedFile(path, 0, "", link_target=target))

    def add_stream(
        self, path: str, stream: CompressedStream, *, executable: bool = False
    ) -> ArchivedFile:
        """Append a file by its compressed stream, as it is."""
        entry = ZipEntry(
            f"{self._prefix}/{path}",
            zip_headers.DEFLATED if stream.deflated else zip_headers.STORED,
            stream.crc,
            stream.compressed_size,
            stream.size,
        )
        self._write_waiting(0)
        self._write_entry(entry, stream.chunks)
        file = ArchivedFile(path, stream.size, stream.sha256, executable)
        self._files.append(file)
        return file

    def _finish(self) -> None:
        self._write_waiting(0)

    def _forget(self) -> None:
        for file in self._waiting:
            file.close()

    def _write_waiting(self, most: int) -> None:
        """Write files until few wait, with at most `most` bytes; all of them for 0."""
        while self._waiting and (
            self._waiting_bytes > most or len(self._waiting) > _WAITING_FILES or not most
        ):
            file = self._waiting[0]
            self._write_entry(*file.result())
            self._waiting_bytes -= file.size
            file.close()
            self._waiting.popleft()

    def _write_entry(self, entry: ZipEntry, stream: Iterable[bytes]) -> None:
        self._write(zip_headers.local_header(entry))
        for chunk in stream:
            self._write(chunk)


class _Deflating:
    """A file on its way into the segment, whose header needs its compressed size."""

    def __init__(self, name: str, level: int, pool: ThreadPoolExecutor, folder: Path) -> None:
        self._name = name
        self._level = level
        self._pool = pool
        self._crc = 0
        self.size = 0
        self._content = _spool(folder)
        self._deflated = _spool(folder)
        self._piece = bytearray()
        self._pending: deque[Future[bytes]] = deque()
        self._is_first = True

    def take(self, data: bytes) -> None:
        """Add to the content."""
        self.size += len(data)
        self._crc = zlib.crc32(data, self._crc)
        self._content.write(data)
        view = memoryview(data)
        while len(view) > 0:
            room = _PIECE_BYTES - len(self._piece)
            self._piece += view[:room]
            view = view[room:]
            if len(self._piece) == _PIECE_BYTES:
                self._submit(last=False)

    def end(self) -> None:
        """End the content."""
        self._submit(last=True)

    def result(self) -> tuple[ZipEntry, Iterable[bytes]]:
        """The header's values, and the stream to write after it."""
        while self._pending:
            self._deflated.write(self._pending.popleft().result())
        deflated_size = self._deflated.tell()
        is_smaller = deflated_size < self.size
        method, stream = (
            (zip_headers.DEFLATED, self._deflated)
            if is_smaller
            else (zip_headers.STORED, self._content)
        )
        stream.seek(0)
        entry = ZipEntry(
            self._name, method, self._crc, deflated_size if is_smaller else self.size, self.size
        )
        return entry, chunks(stream)

    def close(self) -> None:
        """Forget the content."""
        self._content.close()
        self._deflated.close()

    def _submit(self, *, last: bool) -> None:
        while len(self._pending) >= _THREADS:
            self._deflated.write(self._pending.popleft().result())
        self._pending.append(
            self._pool.submit(
                deflated, bytes(self._piece), self._level, first=self._is_first, last=last
            )
        )
        self._is_first = False
        self._piece = bytearray()


def _spool(folder: Path) -> IO[bytes]:
    return cast("IO[bytes]", SpooledTemporaryFile(_IN_MEMORY, dir=str(folder)))
