"""Lock files, which processes that work in the same folder wait for.

The system releases a lock when the last process that has its file open ends, also by a kill.
"""

from __future__ import annotations

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path


class Lock:
    """A lock file that this process has open; closing it releases the lock."""

    def __init__(self, path: Path, *, create: bool = True) -> None:
        """Open `path`. Raises FileNotFoundError if it is missing and not to be created."""
        self._path = path
        flags = os.O_RDONLY
        if create:
            path.parent.mkdir(parents=True, exist_ok=True)
            flags = os.O_RDWR | os.O_CREAT
        self.descriptor = os.open(path, flags | os.O_CLOEXEC, 0o644)

    def __enter__(self) -> Lock:  # noqa: PYI034 - `Self` is in `typing` from Python 3.11 on
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Close the file."""
        os.close(self.descriptor)

    def take(self) -> None:
        """Wait until this process holds the lock alone."""
        fcntl.flock(self.descriptor, fcntl.LOCK_EX)

    def try_take(self) -> bool:
        """Take the lock unless another process holds it; return whether this process has it."""
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def share(self) -> None:
        """Wait until no process holds the lock alone, and hold it together with others."""
        fcntl.flock(self.descriptor, fcntl.LOCK_SH)

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
