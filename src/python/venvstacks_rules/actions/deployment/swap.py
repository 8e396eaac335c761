"""How a staged folder gets to its place: by one rename.

A process that looks at the place sees the folder as it was or as it will be, also after the
process that moved it was killed.
"""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path

from venvstacks_rules.actions.deployment.folders import remove


def move(staged: Path, place: Path) -> bool:
    """Move the folder `staged` to `place`; False if a folder with content is there already."""
    try:
        os.rename(staged, place)
    except OSError as e:
        if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
            raise
        return False
    return True


def take_place(staged: Path, place: Path, old: Path) -> None:
    """Move the folder `staged` to `place`.

    A folder that was there is then at `staged`, or in the folder `old` if the file system cannot
    exchange the two.
    """
    if not os.path.lexists(place):
        os.rename(staged, place)
    elif not exchange(staged, place):
        # If the process is killed between the two, the next one calls `put_back`.
        old.mkdir(exist_ok=True)
        os.rename(place, old / place.name)
        os.rename(staged, place)


def put_back(old: Path, folder: Path) -> None:
    """Put what :func:`take_place` moved to `old` back into `folder` if nothing replaced it.

    The rest is removed, with `old`.
    """
    for moved in sorted(old.iterdir()) if old.is_dir() else []:
        if not (folder / moved.name).exists():
            os.rename(moved, folder / moved.name)
    remove(old)


def exchange(one: Path, other: Path) -> bool:
    """Exchange two paths by one rename; False if the system or the file system cannot."""
    # Imported here because it takes long, and only what is replaced needs it.
    import ctypes

    library = ctypes.CDLL(None, use_errno=True)
    names = os.fsencode(one), os.fsencode(other)
    try:
        if sys.platform == "darwin":
            result = library.renamex_np(names[0], names[1], ctypes.c_uint(2))
        else:
            here = ctypes.c_int(-100)  # AT_FDCWD; the paths are absolute.
            result = library.renameat2(here, names[0], here, names[1], ctypes.c_uint(2))
    except AttributeError:
        return False
    return bool(result == 0)
