"""What the readers of the three formats have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import IO, Optional


class UnreadableError(Exception):
    """A binary that is damaged, or that pretends to be one."""


@dataclass(frozen=True)
class BinaryFacts:
    """What :class:`~venvstacks_rules.model.binaries.Binary` has, but for what the file is."""

    kind: str
    machine: str
    name: Optional[str] = None
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    run_paths: tuple[str, ...] = ()
    inherited: bool = False
    minimum: Optional[str] = None


def shortest_first(version: str) -> tuple[int, ...]:
    """What versions ``X.Y`` are compared by."""
    return tuple(int(part) for part in version.split("."))


# What a read costs beside its bytes.
_LEAST = 128


class Limited:
    """A file of which no more than some bytes can be read, however often one comes back.

    Reads of few bytes count as more, so that time is limited as well.
    """

    def __init__(self, stream: IO[bytes], limit: int) -> None:
        self._stream = stream
        self._left = limit

    def read(self, size: int = -1) -> bytes:
        """At most `size` bytes; UnreadableError beyond the limit."""
        data = self._stream.read(self._left + 1 if size < 0 else min(size, self._left + 1))
        self._left -= max(len(data), _LEAST)
        if self._left < 0:
            raise UnreadableError("its tables are too large")
        return data

    def seek(self, offset: int, whence: int = 0) -> int:
        """Go to `offset`."""
        return self._stream.seek(offset, whence)

    def tell(self) -> int:
        """Where one is."""
        return self._stream.tell()
