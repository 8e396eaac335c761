"""Folders that are worked in: staging folders, and their removal."""

from __future__ import annotations

import errno
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from venvstacks_rules.model.errors import DeploymentError

_REMOVAL_ATTEMPTS = 50


@contextmanager
def staging_folder(parent: Path, *, shared: bool = False) -> Iterator[Path]:
    """A new folder in `parent`, on the same file system; it is removed when the block ends.

    Unless other processes share `parent` at the same time, what killed processes left in it is
    removed first, and `parent` itself at the end.
    """
    if not shared:
        remove(parent)
    parent.mkdir(parents=True, exist_ok=True)
    # The name is new: a process that a killed one started may still write to an old one.
    folder = parent / os.urandom(8).hex()
    folder.mkdir(mode=0o700)
    try:
        yield folder
    finally:
        remove(folder if shared else parent)


def remove(path: Path) -> None:
    """Remove a folder or a file, if it exists."""
    if path.is_symlink() or not path.is_dir():
        path.unlink(missing_ok=True)
        return
    # Whoever finds all layers in place removes nothing.
    import shutil

    for attempt in range(_REMOVAL_ATTEMPTS):
        try:
            shutil.rmtree(path)
        except OSError as e:
            # The post-installation that a killed process started may still be adding byte code;
            # it ends as soon as it misses a source.
            gone = isinstance(e, FileNotFoundError)
            if not (gone or e.errno == errno.ENOTEMPTY) or attempt == _REMOVAL_ATTEMPTS - 1:
                raise
            time.sleep(0.1)
        if not path.exists():
            return


@contextmanager
def os_errors(summary: str) -> Iterator[None]:
    """Raise a DeploymentError with `summary` and the path in place of an OSError."""
    try:
        yield
    except OSError as e:
        problem = f"`{e.filename}`: {e.strerror}" if e.filename else str(e)
        raise DeploymentError(summary, [problem]) from e
