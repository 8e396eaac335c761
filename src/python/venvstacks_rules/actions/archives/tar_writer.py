"""Writes one segment: tar entries, compressed in frames of bounded size.

A segment is one or more frames (zstd), streams (xz) or members (gzip). Each holds a fixed number of
bytes of the tar stream, the last one the rest. Threads compress frames, and the bytes do not depend
on their number. The compressors are those of the pinned wheels of ``zstandard`` and ``cramjam``,
never those of the host's Python, and none of them chooses its matches by the features of the CPU:
the same input gives the same bytes on every machine.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from venvstacks_rules.actions.archives import tar_headers
from venvstacks_rules.actions.archives.segment_file import SegmentFile
from venvstacks_rules.actions.files.sinks import write_exactly
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile

if TYPE_CHECKING:
    from concurrent.futures import Future

_MIB = 1024 * 1024
_THREADS = 2
_FIRST_SLOW_ZSTD_LEVEL = 13

# Measured on numpy, scipy and scikit-learn, a segment each: zstd's window reaches over the whole
# frame, and 64 MiB are 1.4 % smaller than 32 MiB; for xz and gzip, with windows of 8 MiB and
# 32 KiB, smaller frames keep the threads busy. Long distance matching made the level-9 archives
# larger and slower.
_FRAME_BYTES = {"tar.zst": 64 * _MIB, "tar.xz": 32 * _MIB, "tar.gz": 32 * _MIB}


def frame_bytes(compression: Compression) -> int:
    """How many bytes of the tar stream make a frame; the archive's bytes depend on it."""
    return _FRAME_BYTES[compression.archive_format]


def _threads(compression: Compression) -> int:
    # The tables of the slow zstd levels need 80 MB a thread, beside the frame itself.
    if compression.archive_format == "tar.zst" and compression.level >= _FIRST_SLOW_ZSTD_LEVEL:
        return 1
    return _THREADS


def frame_compressor(compression: Compression) -> Callable[[bytes | bytearray], bytes]:
    """The function that compresses one frame."""
    level = compression.level
    if compression.archive_format == "tar.zst":
        return lambda frame: _zstd_frame(frame, level)
    import cramjam

    if compression.archive_format == "tar.xz":
        return lambda frame: bytes(cramjam.xz.compress(frame, preset=level))
    return lambda frame: bytes(cramjam.gzip.compress(frame, level=level))


def _zstd_frame(frame: bytes | bytearray, level: int) -> bytes:
    import zstandard

    # A window of at most 64 MiB: every decoder accepts up to 128 MiB by default.
    parameters = zstandard.ZstdCompressionParameters.from_level(
        level,
        source_size=len(frame),
        window_log=_FRAME_BYTES["tar.zst"].bit_length() - 1,
        write_checksum=True,
        write_content_size=True,
    )
    return zstandard.ZstdCompressor(compression_params=parameters).compress(frame)


class SegmentWriter(SegmentFile):
    """Appends files to a segment of a tar stream."""

    def __init__(
        self,
        path: Path,
        *,
        source: str,
        install_target: str,
        compression: Compression,
        end_of_archive: bool = False,
    ) -> None:
        threads = _threads(compression)
        super().__init__(path, source=source, install_target=install_target, threads=threads)
        self._compress = frame_compressor(compression)
        self._end_of_archive = end_of_archive
        self._tar_size: int = 0
        self._buffer = bytearray()
        self._frame_bytes = frame_bytes(compression)
        self._pending: deque[Future[bytes]] = deque()

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Append a file of `size` bytes; raises ValueError if `content` has another length."""
        self._append(
            tar_headers.header(tar_headers.TarEntry(f"{self._prefix}/{path}", size, executable))
        )
        sha256 = write_exactly(path, content, size, self._append)
        self._append(tar_headers.padding(size))
        file = ArchivedFile(path, size, sha256, executable)
        self._files.append(file)
        return file

    def add_link(self, path: str, target: str) -> None:
        """Append a symbolic link."""
        self._append(
            tar_headers.header(tar_headers.TarEntry(f"{self._prefix}/{path}", link_target=target))
        )
        self._files.append(ArchivedFile(path, 0, "", link_target=target))

    def _append(self, data: bytes) -> None:
        self._tar_size += len(data)
        view = memoryview(data)
        while len(view) > 0:
            room = self._frame_bytes - len(self._buffer)
            self._buffer += view[:room]
            view = view[room:]
            if len(self._buffer) == self._frame_bytes:
                self._submit()

    def _submit(self) -> None:
        # Memory holds the frames that threads work on, and the next one.
        while len(self._pending) >= self._threads:
            self._write(self._pending.popleft().result())
        self._pending.append(self._pool.submit(self._compress, self._buffer))
        self._buffer = bytearray()

    def _finish(self) -> None:
        if self._end_of_archive:
            self._append(tar_headers.END_OF_ARCHIVE)
        if self._buffer and not self._pending:
            # The only frame, mostly: nothing to do meanwhile, and threads take long to import.
            self._write(self._compress(self._buffer))
        elif self._buffer:
            self._submit()
        while self._pending:
            self._write(self._pending.popleft().result())
