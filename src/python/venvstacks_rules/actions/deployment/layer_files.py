"""Makes the files of a layer, from trees and anew.

The layer's own files are always written anew: nothing that a deployment or a person edits is
shared with the cache.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.deployment.links import place_file
from venvstacks_rules.actions.files.tree import Tree
from venvstacks_rules.local.files.streams import naming
from venvstacks_rules.model.contents.files import MODIFICATION_TIME, ArchivedFile, OwnFile, OwnLink


@dataclass
class Placed:
    """How many files were placed; symbolic links of trees do not count."""

    linked: int = 0
    copied: int = 0
    written: int = 0
    size: int = 0
    """Of the files linked and copied, in bytes."""


def place_trees(files: Mapping[str, tuple[Tree, ArchivedFile]], folder: Path) -> Placed:
    """Place `files`, by their paths, in the new folder `folder`."""
    _make_folders(folder, files)
    placed = Placed()
    for path, (tree, file) in files.items():
        place = f"{folder}/{path}"
        if file.link_target is not None:
            os.symlink(file.link_target, place)
            continue
        if place_file(f"{tree.folder}/{file.path}", place):
            placed.linked += 1
        else:
            placed.copied += 1
        placed.size += file.size
    return placed


def write_own(files: Iterable[OwnFile], links: Iterable[OwnLink], folder: Path) -> int:
    """Write the layer's own files and links; return how many these are."""
    files, links = tuple(files), tuple(links)
    _make_folders(folder, [*(file.path for file in files), *(link.path for link in links)])
    for file in files:
        place = folder / file.path
        with naming(place):
            if file.source is not None:
                shutil.copyfile(file.source, place)
            else:
                place.write_bytes((file.text or "").encode("utf-8"))
        place.chmod(0o755 if file.executable else 0o644)
        os.utime(place, (MODIFICATION_TIME, MODIFICATION_TIME))
    for link in links:
        os.symlink(link.target, folder / link.path)
    return len(files) + len(links)


def _make_folders(root: Path, paths: Iterable[str]) -> None:
    """Make `root`, and all folders above `paths` in it."""
    folders = {""}
    for path in paths:
        folder = path.rpartition("/")[0]
        while folder not in folders:
            folders.add(folder)
            folder = folder.rpartition("/")[0]
    for folder in sorted(folders):
        Path(root, folder).mkdir(parents=not folder, exist_ok=True)
