"""Gets a folder onto the disk before something says that it is complete.

Systems write files later than programs do, in an order of their own: after a loss of power, a
folder can be in its place while its files are empty.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from venvstacks_rules.actions.deployment.listing import files_in


def flush(folder: Path) -> None:
    """Wait until all files in `folder` are on the disk."""
    descriptor = os.open(folder, os.O_RDONLY)
    try:
        if sys.platform == "linux" and _sync_file_system(descriptor):
            return
        for path in files_in(folder):
            _sync(folder / path)
    finally:
        os.close(descriptor)


def flush_names(folder: Path) -> None:
    """Wait until the names in `folder`, after renames, are on the disk."""
    _sync(folder)


def _sync_file_system(descriptor: int) -> bool:
    """Whether the system wrote the whole file system: faster than many files one by one."""
    # Imported here because it takes long, and only what is new needs it.
    import ctypes

    try:
        return bool(ctypes.CDLL(None).syncfs(descriptor) == 0)
    except AttributeError:
        return False


def _sync(path: Path) -> None:
    if path.is_symlink():
        return
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
