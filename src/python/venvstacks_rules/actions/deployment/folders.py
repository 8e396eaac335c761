"""Folders that several processes use: locked, staged, removed."""

from __future__ import annotations

import errno
import fcntl
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

_REMOVAL_ATTEMPTS = 50


@contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock file `path`; the system lets go of it when the process ends, however."""
    path.parent.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def remove(path: Path) -> None:
    """Remove a folder, or a file, or nothing where there is nothing."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    for attempt in range(_REMOVAL_ATTEMPTS):
        try:
            shutil.rmtree(path)
        except OSError as e:
            # The post-installation that a killed run has left behind may still be adding byte
            # code; it ends as soon as it misses a source.
            gone = isinstance(e, FileNotFoundError)
            if not (gone or e.errno == errno.ENOTEMPTY) or attempt == _REMOVAL_ATTEMPTS - 1:
                raise
            time.sleep(0.1)
        if not path.exists():
            return


def new_staging(parent: Path) -> Path:
    """A new folder below `parent`: one that no process left behind by a killed run writes to."""
    # Imported when something is unpacked, as above.
    import tempfile

    parent.mkdir(parents=True, exist_ok=True)
    return Path(tempfile.mkdtemp(dir=parent))
