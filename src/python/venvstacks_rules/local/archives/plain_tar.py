"""Reads tar streams as the writer of segments makes them, several times as fast as `tarfile`.

That is `actions/archives/tar_headers.py`: files and links in the form `ustar`, with `pax` records
for names, targets and sizes that do not fit. Everything else is damage. Checksums of headers are
not compared: all bytes of a segment were hashed before.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import cast

from venvstacks_rules.local.archives.tar_stream import TarStream
from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.contents.segments import TAR_BLOCK
from venvstacks_rules.model.wording import printable

WINDOW = 256 * 1024
"""So many bytes are unpacked at a time: few enough to stay in the processor's cache."""
MOST_RECORD_BYTES = 64 * 1024
"""Of the records before one header; paths and targets have some thousand bytes."""

_FILE, _LINK, _PAX = b"0"[0], b"2"[0], b"x"[0]
_MAGIC = b"ustar\x0000"
_END = bytes(TAR_BLOCK)
_KEYS = frozenset({b"path", b"linkpath", b"size"})
_MOST_SIZE = 2**63 - 1


@dataclass
class PlainFile:
    """A file of a tar stream."""

    path: str
    size: int
    """In bytes."""
    window: Window

    def pieces(self) -> Iterator[bytes]:
        """The content, once, before the next file is asked for.

        Each piece is gone when the next one is asked for. EOFError if the stream ends before.
        """
        left = self.size
        while left:
            try:
                piece = self.window.take(min(left, WINDOW))
            except EOFError:
                raise EOFError(f"it ends within `{printable(self.path)}`") from None
            left -= len(piece)
            self.window.unread -= len(piece)
            yield piece


class Window:
    """A piece of a stream, in memory that is used again and again."""

    def __init__(self, stream: TarStream) -> None:
        self._stream = stream
        self._data = memoryview(bytearray(WINDOW))
        self._at = self._end = 0
        self.unread = 0
        """Bytes of a file that its reader left, with what fills up their last block."""

    def take(self, size: int) -> bytes:
        """The next `size` bytes, a window at most, as a view; EOFError if there are fewer."""
        if self._end - self._at < size and not self._fill(size):
            raise EOFError("it ends within an entry")
        begin = self._at
        self._at += size
        # A view does what its readers do with bytes: hash, write, join.
        return cast("bytes", self._data[begin : self._at])

    def block(self) -> bytes:
        """The block after what was left; empty at the end of the stream."""
        while self.unread:
            self.unread -= len(self.take(min(self.unread, WINDOW)))
        if self._end == self._at and not self._fill(1):
            return b""
        return bytes(self.take(TAR_BLOCK))

    def _fill(self, size: int) -> bool:
        """Whether there are `size` bytes now."""
        rest = self._end - self._at
        self._data[:rest] = self._data[self._at : self._end]
        self._at, self._end = 0, rest
        while self._end < size:
            count = self._stream.readinto(self._data[self._end :])
            if not count:
                return False
            self._end += count
        return True


def plain_files(stream: TarStream) -> Iterator[PlainFile]:
    """The files in `stream`, without links.

    Raises DamagedError and EOFError for what the writer of segments does not write.
    """
    window = Window(stream)
    records: dict[bytes, bytes] = {}
    while True:
        block = window.block()
        if not block or block == _END:
            return
        kind, size = block[156], _size(block)
        if kind == _PAX:
            records = _records(window, size)
            continue
        path = _text(records.get(b"path") or _field_path(block))
        size = _recorded_size(records, size)
        records = {}
        if kind == _FILE:
            window.unread = size + -size % TAR_BLOCK
            yield PlainFile(path, size, window)
        elif kind != _LINK or size:
            raise DamagedError(f"{path!a} is neither a file nor a link")


def _size(block: bytes) -> int:
    if block[257:265] != _MAGIC or block[135]:
        raise DamagedError("a header is not that of a segment")
    digits = block[124:135]
    if not digits.isdigit():
        raise DamagedError("a header has no size")
    try:
        return int(digits, 8)
    except ValueError:
        raise DamagedError("a header has no size") from None


def _field_path(block: bytes) -> bytes:
    name = block[:100].partition(b"\0")[0]
    if block[345]:
        return b"%s/%s" % (block[345:500].partition(b"\0")[0], name)
    return name


def _recorded_size(records: dict[bytes, bytes], size: int) -> int:
    digits = records.get(b"size")
    if digits is None:
        return size
    if not digits.isdigit() or len(digits) > len(str(_MOST_SIZE)) or int(digits) > _MOST_SIZE:
        raise DamagedError(f"a header has the size {printable(_text(digits))}")
    return int(digits)


def _records(window: Window, size: int) -> dict[bytes, bytes]:
    """The records of an extended header: each has its own length in front."""
    if size > MOST_RECORD_BYTES:
        raise DamagedError(f"a header has {size} bytes; {MOST_RECORD_BYTES} are accepted")
    data = bytes(window.take(size + -size % TAR_BLOCK))[:size]
    found: dict[bytes, bytes] = {}
    while data:
        digits, _, rest = data.partition(b" ")
        length = int(digits) if digits.isdigit() and len(digits) < len(str(size)) + 1 else 0
        record = data[len(digits) + 1 : length]
        key, equals, value = record[:-1].partition(b"=")
        if not rest or length > len(data) or record[-1:] != b"\n" or not equals:
            raise DamagedError("a header has records that cannot be read")
        if key not in _KEYS or key in found:
            raise DamagedError(f"a header has the record {printable(_text(key))}")
        found[key] = value
        data = data[length:]
    return found


def _text(data: bytes) -> str:
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError:
        raise DamagedError("a header has a name that is not UTF-8") from None
