"""Places files and folders a second time: as hard links where possible, as copies elsewhere."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from venvstacks_rules.local.files.streams import naming


def place_file(source: str, place: str) -> bool:
    """Make `place` a hard link to the file `source`, or a copy; return whether it is a link.

    Raises FileExistsError if something is at `place`: a copy could write into a linked file.
    """
    try:
        os.link(source, place)
    except FileExistsError:
        raise
    except OSError:
        # Another file system; one without links, or one that refuses links to files of others; a
        # file with too many links. If the reason is another one, copying fails as well and says so.
        with naming(place):
            shutil.copy2(source, place)
        return False
    return True


def place_folder(source: Path, place: Path) -> None:
    """Make `place` a folder with the same files, folders and symbolic links as `source`."""
    folders = [(str(source), str(place))]
    while folders:
        here, there = folders.pop()
        os.mkdir(there, 0o755)
        with os.scandir(here) as entries:
            for entry in entries:
                target = f"{there}/{entry.name}"
                if entry.is_dir(follow_symlinks=False):
                    folders.append((entry.path, target))
                elif entry.is_symlink():
                    os.symlink(os.readlink(entry.path), target)
                else:
                    place_file(entry.path, target)
