"""When the folders of a cache were last used, and the removal of those that were not for long.

Each folder has a mark: a file in it, or the folder itself. Its time is that of the last use.
"""

from __future__ import annotations

import os
import time
from collections.abc import Container
from contextlib import suppress
from pathlib import Path

from venvstacks_rules.local.files.locks import Lock

_UNUSED_SECONDS = 30 * 24 * 3600


def mark_used(mark: Path) -> None:
    """Note that the folder with this mark is used now."""
    with suppress(PermissionError):  # A cache of another user, who prunes it.
        os.utime(mark)


def prune(
    parent: Path, mark: str, away: Path, *, keep: Container[object] = (), locks: bool = False
) -> None:
    """Move the folders in `parent` that were not used for 30 days, or have no mark, to `away`.

    Each goes by one rename. Folders named in `keep` stay, and, with `locks`, those in use: a
    process holds a lock on their mark. The caller makes sure that no other folder is in use.
    """
    oldest = time.time() - _UNUSED_SECONDS
    for folder in sorted(parent.iterdir()) if parent.is_dir() else []:
        if folder.name not in keep and _last_used(folder / mark) < oldest:
            _move(folder, folder / mark if locks else None, away)


def _last_used(mark: Path) -> float:
    """In seconds; long ago if there is no mark."""
    try:
        return mark.stat().st_mtime
    except OSError:
        return 0.0


def _move(folder: Path, lock_file: Path | None, away: Path) -> None:
    if lock_file is None or not lock_file.exists():
        os.rename(folder, away / folder.name)
        return
    with Lock(lock_file, create=False) as lock:
        # The lock is held during the rename, so that nobody begins to use the folder meanwhile.
        if lock.try_take():
            os.rename(folder, away / folder.name)
