"""Makes the files of a layer: hard links to trees where the file system has them, copies elsewhere.

The layer's own files are always written anew: nothing that a deployment or a person edits is
shared with the cache.
"""

from __future__ import annotations

import errno
import os
import shutil
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.files.tree import Tree
from venvstacks_rules.model.contents.files import MODIFICATION_TIME, ArchivedFile, OwnFile, OwnLink

# Another file system; one without links, or none for files of others; a file with too many links.
_NO_LINK = frozenset(
    {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}
)


@dataclass
class Placed:
    """How many files were placed; symbolic links to files of the cache do not count."""

    linked: int = 0
    copied: int = 0
    written: int = 0
    size: int = 0
    """Of the files linked and copied, in bytes."""


def place_trees(files: dict[str, tuple[Tree, ArchivedFile]], folder: Path) -> Placed:
    """Place `files`, by their paths, in the new folder `folder`."""
    make_folders(folder, files)
    placed = Placed()
    for path, (tree, file) in files.items():
        linked = place_file(tree, file, f"{folder}/{path}")
        if file.link_target is None:
            placed.linked += linked
            placed.copied += not linked
            placed.size += file.size
    return placed


def make_folders(root: Path, paths: Iterable[str]) -> None:
    """Make `root`, and all folders above `paths` in it."""
    folders = {""}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    for folder in sorted(folders):
        Path(root, folder).mkdir(parents=not folder, exist_ok=True)


def place_file(tree: Tree, file: ArchivedFile, place: str) -> bool:
    """Place a file or link of a tree; whether a hard link was possible."""
    if file.link_target is not None:
        os.symlink(file.link_target, place)
        return False
    source = f"{tree.folder}/{file.path}"
    try:
        os.link(source, place)
    except OSError as e:
        if e.errno not in _NO_LINK:
            raise
        shutil.copy2(source, place)
        return False
    return True


def write_own(files: Iterable[OwnFile], links: Iterable[OwnLink], folder: Path) -> int:
    """Write the layer's own files and links; how many these are."""
    files, links = tuple(files), tuple(links)
    make_folders(folder, [*(file.path for file in files), *(link.path for link in links)])
    for file in files:
        place = folder / file.path
        if file.source is not None:
            shutil.copyfile(file.source, place)
        else:
            place.write_bytes((file.text or "").encode("utf-8"))
        place.chmod(0o755 if file.executable else 0o644)
        os.utime(place, (MODIFICATION_TIME, MODIFICATION_TIME))
    for link in links:
        os.symlink(link.target, folder / link.path)
    return len(files) + len(links)
