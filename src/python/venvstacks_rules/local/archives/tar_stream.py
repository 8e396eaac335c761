"""Reads a compressed tar archive as a stream of bytes, with bounds on memory and on expansion."""

from __future__ import annotations

import io
import lzma
import zlib
from collections.abc import Callable
from typing import BinaryIO, Protocol

from venvstacks_rules.local.files.streams import CHUNK, DamagedError
from venvstacks_rules.model.contents.segments import TAR_BLOCK

_COMPRESSED_CHUNK = 64 * 1024
"""Less than `CHUNK`, since `zlib` copies what it has not unpacked yet for each piece it gives."""
_GZIP, _XZ, _ZSTD = b"\x1f\x8b", b"\xfd7zXZ\0", b"\x28\xb5\x2f\xfd"
TAR_MAGIC = (_GZIP, _XZ, _ZSTD)
"""The first bytes of a compressed tar archive, by format."""
_MAX_MEMORY = 256 * 1024 * 1024
"""The limit for a decompressor, in bytes; enough for every preset of the three formats."""
_MAX_WINDOW = _MAX_MEMORY // 2


class _Decompressor(Protocol):
    """The common interface of `zlib` and `lzma`, for one member of a concatenation."""

    def decompress(self, data: bytes, max_length: int = ...) -> bytes: ...
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...


def open_tar_stream(stream: BinaryIO, max_size: int) -> TarStream:
    """The tar stream in `stream`, whose first bytes tell the format.

    Reading raises DamagedError for damaged data, and beyond `max_size` bytes. It reads through
    concatenated members, streams and frames.
    """
    magic = stream.read(6)
    stream.seek(0)
    if magic.startswith(_GZIP):
        return TarStream(_Members(stream, _Gzip), max_size)
    if magic.startswith(_XZ):
        return TarStream(
            _Members(stream, lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, _MAX_MEMORY)), max_size
        )
    if magic.startswith(_ZSTD):
        return TarStream(_zstd_reader(stream), max_size)
    return TarStream(stream, max_size)


def _zstd_reader(stream: BinaryIO) -> BinaryIO | io.RawIOBase:
    """What the frames in `stream` unpack to; see :func:`_is_damage`."""
    try:
        import zstandard
    except ModuleNotFoundError:
        # Of Python 3.14.
        from compression import zstd  # pants: no-infer-dep

        window = {zstd.DecompressionParameter.window_log_max: _MAX_WINDOW.bit_length() - 1}
        return _Members(stream, lambda: zstd.ZstdDecompressor(options=window))
    decompressor = zstandard.ZstdDecompressor(max_window_size=_MAX_WINDOW)
    return decompressor.stream_reader(stream, read_across_frames=True)


def _is_damage(error: Exception) -> bool:
    """Whether a decompressor raised `error` for its data."""
    # Libraries are imported for their own streams only.
    return isinstance(error, (zlib.error, lzma.LZMAError, EOFError)) or (
        type(error).__name__ == "ZstdError"
    )


class _Gzip:
    """`zlib` with the interface of `lzma`: it keeps data that it did not decompress yet."""

    def __init__(self) -> None:
        self._inner = zlib.decompressobj(wbits=31)

    def decompress(self, data: bytes, max_length: int = -1) -> bytes:
        return self._inner.decompress(self._inner.unconsumed_tail + data, max_length)

    @property
    def eof(self) -> bool:
        return self._inner.eof

    @property
    def unused_data(self) -> bytes:
        return self._inner.unused_data


class _Members(io.RawIOBase):
    """A concatenation of compressed members; never more than a chunk of each side in memory."""

    def __init__(self, stream: BinaryIO, new: Callable[[], _Decompressor]) -> None:
        self._stream = stream
        self._new = new
        self._inner = new()
        self._ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        wanted = CHUNK if size < 0 else size
        data = b""
        while not self._ended:
            result = self._inner.decompress(data, wanted)
            data = b""
            if self._inner.eof:
                self._next_member()
            if result:
                return result
            if not self._ended:
                data = self._stream.read(_COMPRESSED_CHUNK)
                if not data:
                    raise DamagedError("it ends in the middle of the compressed data")
        return b""

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        data = self.read(len(buffer))
        buffer[: len(data)] = data
        return len(data)

    def _next_member(self) -> None:
        # Zeros between and after members are padding.
        rest = self._inner.unused_data.lstrip(b"\0")
        while not rest:
            chunk = self._stream.read(_COMPRESSED_CHUNK)
            if not chunk:
                self._ended = True
                return
            rest = chunk.lstrip(b"\0")
        self._stream.seek(-len(rest), io.SEEK_CUR)
        self._inner = self._new()


class TarStream(io.RawIOBase):
    """A stream that gives up to `max_size` bytes."""

    def __init__(self, inner: BinaryIO | io.RawIOBase, max_size: int) -> None:
        self._inner = inner
        self._left = max_size
        self._tail = b""
        self._max_size = max_size

    def readable(self) -> bool:
        """Always true."""
        return True

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; raises DamagedError for damaged data, and beyond `max_size`."""
        try:
            data = self._inner.read(CHUNK if size < 0 else size) or b""
        except Exception as e:
            if not _is_damage(e):
                raise
            raise DamagedError(f"it cannot be decompressed: {e}") from None
        self._count(len(data))
        self._tail = (self._tail + data)[-TAR_BLOCK:]
        return data

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        """The same into `buffer`, without a copy; for readers that do not :meth:`finish`."""
        try:
            size = int(self._inner.readinto(buffer) or 0)  # type: ignore[union-attr]
        except Exception as e:
            if not _is_damage(e):
                raise
            raise DamagedError(f"it cannot be decompressed: {e}") from None
        self._count(size)
        return size

    def _count(self, size: int) -> None:
        self._left -= size
        if self._left < 0:
            raise DamagedError(
                f"it unpacks to more than the {self._max_size} bytes that are accepted"
            )

    def finish(self) -> None:
        """Read the rest; raises DamagedError for anything but padding, or if the end is missing.

        Readers of tar archives stop silently at an invalid header.
        """
        while True:
            data = self.read()
            if data.strip(b"\0"):
                raise DamagedError("it has data after the end of the tar archive")
            if not data:
                break
        if self._tail.strip(b"\0"):
            raise DamagedError("the end of the tar archive is missing")
