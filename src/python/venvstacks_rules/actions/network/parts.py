"""Reads a file on a web server in parts, as far as the server sends such."""

from __future__ import annotations

import io
from typing import Any

from venvstacks_rules.actions.network.downloads import DownloadFailedError, read_part

_BLOCK = 64 * 1024
"""In bytes. A directory of a zip archive, and what lies before it, mostly fits into one or two."""
_MOST = 4 * 1024 * 1024
"""In bytes, of one file: the directory of 30,000 files."""
_MOST_REQUESTS = 16


class UnreadPartError(Exception):
    """A part that is not to be had; the text says why.

    No OSError: ``zipfile`` would take it for damage of the archive.
    """


class TooManyPartsError(UnreadPartError):
    """The server sends parts, and too many of them would have to be read."""


class RemoteParts(io.RawIOBase):
    """A file that can be read anywhere; what was read is kept."""

    def __init__(self, url: str, size: int, indexes: tuple[str, ...] = ()) -> None:
        """`indexes` are those whose credentials may go to the server of `url`."""
        self._url = url
        self._size = size
        self._indexes = indexes
        self._place = 0
        # By number, from the end of the file, where a zip archive is read first.
        self._blocks: dict[int, bytes] = {}
        self._left = _MOST
        self._requests_left = _MOST_REQUESTS

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is."""
        return True

    def tell(self) -> int:
        """Where the next byte is read."""
        return self._place

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        """Go to a place; raises OSError for one before the file."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._place, io.SEEK_END: self._size}[whence]
        if start + offset < 0:
            raise OSError("a place before the file")
        self._place = start + offset
        return self._place

    def readinto(self, buffer: Any) -> int:
        """Fill the buffer up to the end of the file; UnreadPartError if that cannot be had."""
        end = min(self._place + len(buffer), self._size)
        if end <= self._place:
            return 0
        content = self._between(self._place, end)
        buffer[: len(content)] = content
        self._place = end
        return len(content)

    def _between(self, start: int, end: int) -> bytes:
        last, first = self._number(end - 1), self._number(start)
        missing = [n for n in range(last, first + 1) if n not in self._blocks]
        if missing:
            self._fetch(missing[0], missing[-1])
        content = b"".join(self._blocks[n] for n in range(first, last - 1, -1))
        skipped = start - self._start(first)
        return content[skipped : skipped + end - start]

    def _number(self, place: int) -> int:
        return (self._size - 1 - place) // _BLOCK

    def _start(self, number: int) -> int:
        return max(self._size - (number + 1) * _BLOCK, 0)

    def _fetch(self, last: int, first: int) -> None:
        start, end = self._start(first), self._size - last * _BLOCK
        self._left -= end - start
        self._requests_left -= 1
        if self._left < 0 or self._requests_left < 0:
            raise TooManyPartsError("too much of the file would have to be read")
        try:
            content = read_part(self._url, start, end, self._size, self._indexes)
        except DownloadFailedError as e:
            raise UnreadPartError(str(e)) from None
        for number in range(last, first + 1):
            place = self._start(number) - start
            self._blocks[number] = content[place : self._size - number * _BLOCK - start]
