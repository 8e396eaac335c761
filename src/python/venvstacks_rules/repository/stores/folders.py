"""What a folder that several processes write to asks of its system."""

from __future__ import annotations

import contextlib
import os
import sys
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.repository.stores.store import Entry


def _umask() -> int:
    mask = os.umask(0o077)
    os.umask(mask)
    return mask


UMASK = _umask()
"""Of this process, when it began."""


@contextlib.contextmanager
def locked(path: Path) -> Iterator[None]:
    """Hold the lock of a file, which ends with the process at the latest."""
    with path.open("a+b") as file:
        if sys.platform == "win32":
            import msvcrt  # noqa: PLC0415

            msvcrt.locking(file.fileno(), msvcrt.LK_LOCK, 1)
        else:
            import fcntl  # noqa: PLC0415

            fcntl.flock(file, fcntl.LOCK_EX)
        yield


def sync_folder(folder: Path) -> None:
    """Have names of files that were made in `folder` survive a crash of the machine."""
    if sys.platform == "win32":
        return
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def files_below(root: Path, prefix: str) -> Iterator[Entry]:
    """All files whose paths below `root` begin with `prefix`, in the order of these."""
    return _files(root, prefix.rpartition("/")[0], prefix)


def _files(root: Path, folder: str, prefix: str) -> Iterator[Entry]:
    try:
        with os.scandir(root / folder) as found:
            # In the order of keys: `a.json` lies before `a/b.json`, and after `a-b`.
            entries = sorted(found, key=lambda entry: entry.name + "/" * entry.is_dir())
    except (FileNotFoundError, NotADirectoryError):
        return
    for entry in entries:
        key = f"{folder}/{entry.name}" if folder else entry.name
        if entry.is_dir():
            if f"{key}/".startswith(prefix) or prefix.startswith(f"{key}/"):
                yield from _files(root, key, prefix)
        elif key.startswith(prefix):
            # Somebody may remove it meanwhile.
            with contextlib.suppress(FileNotFoundError):
                status = entry.stat()
                yield Entry(key, status.st_size, status.st_mtime)
