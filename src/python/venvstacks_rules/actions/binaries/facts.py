"""The common parts of the readers of the three formats."""

from __future__ import annotations

from typing import IO, Optional

from venvstacks_rules.model.values import dataclass


class UnreadableError(Exception):
    """A file that is damaged, or only looks like a binary."""


@dataclass(frozen=True)
class BinaryFacts:
    """The fields of :class:`.libraries.binaries.Binary` about its content."""

    kind: str
    machine: str
    name: Optional[str] = None
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    run_paths: tuple[str, ...] = ()
    inherited: bool = False
    minimum: Optional[str] = None
    debug_size: int = 0


# What each read costs beside its bytes.
_LEAST = 128


class Limited:
    """A file that gives up to `limit` bytes in all, including those that are read again.

    Reads of few bytes count as more, which limits the time as well.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; raises UnreadableError beyond the limit."""
        data = self._stream.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= max(len(data), _LEAST)
        if self._left < 0:
            raise UnreadableError("its tables are too large")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to `offset`."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """The current offset."""
        return self._stream.tell()
