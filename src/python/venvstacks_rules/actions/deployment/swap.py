"""How layers take their places in a folder of layers.

Each does by one rename, so that whoever looks at the folder sees the layer as it was or as it will
be, also after the process was killed.
"""

from __future__ import annotations

import ctypes
import os
import sys
from pathlib import Path

from venvstacks_rules.actions.deployment.folders import remove

STATE_FOLDER = ".venvstacks"
"""Beside the layers: the lock, and what a run is working on."""


def take_place(layer: Path, place: Path, state: Path) -> None:
    """Move the staged `layer` to `place`; what was there goes to where :func:`clear` finds it."""
    if not place.exists():
        os.rename(layer, place)
    elif not exchange(layer, place):
        # Killed between the two, the older layer is put back by the next run.
        (state / "old").mkdir(exist_ok=True)
        os.rename(place, state / "old" / place.name)
        os.rename(layer, place)


def clear(destination: Path, state: Path) -> None:
    """Put back what a killed run had moved away, and remove what it had staged."""
    old = state / "old"
    if old.is_dir():
        for layer in sorted(old.iterdir()):
            if not (destination / layer.name).exists():
                os.rename(layer, destination / layer.name)
    remove(old)
    remove(state / "staging")


def exchange(one: Path, other: Path) -> bool:
    """Swap two paths at one stroke; False where the system or its file system cannot."""
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
