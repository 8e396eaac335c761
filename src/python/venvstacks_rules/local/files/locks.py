"""Lock files, which processes that work in the same folder wait for.

The system releases a lock when the last process that has its file open ends, also by a kill.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

if sys.platform == "win32":
    import msvcrt
    import time

    def _flock(descriptor: int, *, alone: bool, wait: bool) -> None:
        """BlockingIOError if another process has the lock, unless this one is to wait for it.

        There are no shared locks of this kind. Whoever has the file open keeps others from removing
        it, so nothing is lost.
        """
        while alone:
            try:
                os.lseek(descriptor, 0, os.SEEK_SET)
                msvcrt.locking(descriptor, msvcrt.LK_NBLCK, 1)
            except OSError:
                if not wait:
                    raise BlockingIOError from None
                time.sleep(0.1)
            else:
                return
else:
    import fcntl

    def _flock(descriptor: int, *, alone: bool, wait: bool) -> None:
        """BlockingIOError if another process has the lock, unless this one is to wait for it."""
        kind = fcntl.LOCK_EX if alone else fcntl.LOCK_SH
        fcntl.flock(descriptor, kind if wait else kind | fcntl.LOCK_NB)


class Lock:
    """A lock file that this process has open; closing it releases the lock."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open `path`. Raises FileNotFoundError if it is missing and not to be created."""
        self._path = path
        flags = os.O_RDONLY
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT
        self.descriptor = os.open(path, flags | getattr(os, "O_CLOEXEC", 0), 0o644)

    def __enter__(self) -> Lock:  # noqa: PYI034 - `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def take(self) -> None:
        """Wait until this process holds the lock alone."""
        _flock(self.descriptor, alone=True, wait=True)

    def try_take(self) -> bool:
        """Take the lock unless another process holds it; return whether this process has it."""
        try:
            _flock(self.descriptor, alone=True, wait=False)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Wait until no process holds the lock alone, and hold it together with others."""
        _flock(self.descriptor, alone=False, wait=True)

    def is_in_place(self) -> bool:
        """Whether the path still leads to the open file."""
        try:
            return os.path.samestat(os.fstat(self.descriptor), os.stat(self._path))
        except FileNotFoundError:
            return False


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path` alone; the file is created if it is missing."""
    with Lock(path) as lock:
        lock.take()
        yield
