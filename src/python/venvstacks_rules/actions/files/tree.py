"""Trees of files: the content of a wheel or an interpreter, unpacked.

All files of a tree carry one constant time. A write into a file, also through a hard link to it,
gives it another one, and :func:`is_sound` sees that without reading anything.
"""

from __future__ import annotations

import hashlib
import json
import os
import stat
from collections.abc import Iterable
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from venvstacks_rules.actions.files.sealed import read_sealed, write_sealed
from venvstacks_rules.actions.files.sinks import write_exactly
from venvstacks_rules.local.files.streams import naming, sha256_of, write_all
from venvstacks_rules.model.contents.files import MODIFICATION_TIME, ArchivedFile

LISTING = "tree.json"
"""Beside the files of a tree: what they are."""

_FILES = "files"
_TIME_NS = MODIFICATION_TIME * 10**9


@dataclass(frozen=True)
class Tree:
    """A folder of files that never change."""

    folder: Path
    files: tuple[ArchivedFile, ...]
    """Paths are relative to `folder`, which is that of the layer."""

    def has_content(self, file: ArchivedFile) -> bool:
        """Whether the content of a file has the hash that it was written with."""
        if file.link_target is not None:
            return True
        try:
            return sha256_of(f"{self.folder}/{file.path}")[0] == file.sha256
        except OSError:
            return False


class TreeWriter:
    """Writes a new tree into the empty folder `place`; a sink of files and links.

    The caller has checked the paths.
    """

    def __init__(self, place: Path) -> None:
        self._place = place
        self._root = place / _FILES
        self._folders: set[str] = set()
        self._files: list[ArchivedFile] = []
        self._root.mkdir()

    def add_file(
        self, path: str, content: Iterable[bytes], size: int, *, executable: bool = False
    ) -> ArchivedFile:
        """Write a file of `size` bytes. Raises ValueError if `content` is not that long."""
        place = self._new(path)
        with naming(place), open(place, "xb", buffering=0) as out:
            sha256 = write_exactly(path, content, size, partial(write_all, out))
            _finish(out.fileno(), executable=executable)
        file = ArchivedFile(path, size, sha256, executable)
        self._files.append(file)
        return file

    def add_link(self, path: str, target: str) -> None:
        """Make a symbolic link."""
        os.symlink(target, self._new(path))
        self._files.append(ArchivedFile(path, 0, "", link_target=target))

    def move_file(self, path: str, source: str) -> None:
        """Move the file `source` into the tree; it must be on the same file system."""
        with open(source, "rb") as stream:
            content = stream.read()
            _finish(stream.fileno(), executable=False)
        os.rename(source, self._new(path))
        sha256 = hashlib.sha256(content).hexdigest()
        self._files.append(ArchivedFile(path, len(content), sha256))

    def finish(self) -> tuple[ArchivedFile, ...]:
        """Write the listing, which makes the folder a tree, and return the files."""
        rows = [
            [file.path, file.size, file.sha256, file.executable, file.link_target]
            for file in self._files
        ]
        write_sealed(self._place / LISTING, json.dumps(rows, separators=(",", ":")))
        return tuple(self._files)

    def _new(self, path: str) -> str:
        folder = path.rpartition("/")[0]
        if folder not in self._folders:
            os.makedirs(self._root / folder, exist_ok=True)
            self._folders.add(folder)
        return f"{self._root}/{path}"


def _finish(descriptor: int, *, executable: bool) -> None:
    # An archive only says whether a file is executable; the umask does not count.
    os.fchmod(descriptor, 0o755 if executable else 0o644)
    os.utime(descriptor, (MODIFICATION_TIME, MODIFICATION_TIME))


def tree_in(place: Path, files: tuple[ArchivedFile, ...]) -> Tree:
    """The tree in the folder `place`, which was just written and has these files."""
    return Tree(place / _FILES, files)


def read_tree(place: Path, *, verify: bool = False) -> Tree | None:
    """The tree in the folder `place`; None if it is missing or not as it was written.

    With `verify`, all files are read and compared with their hashes.
    """
    text = read_sealed(place / LISTING)
    if text is None:
        return None
    # The seal vouches for the shape.
    tree = tree_in(place, tuple(ArchivedFile(*row) for row in json.loads(text)))
    sound = all(is_sound(tree, file) for file in tree.files)
    return tree if sound and (not verify or all(map(tree.has_content, tree.files))) else None


def is_sound(tree: Tree, file: ArchivedFile) -> bool:
    """Whether the size, mode and time of a file are those that it was written with."""
    path = f"{tree.folder}/{file.path}"
    try:
        found = os.lstat(path)
        if file.link_target is not None:
            return stat.S_ISLNK(found.st_mode) and os.readlink(path) == file.link_target
    except OSError:
        return False
    return (
        stat.S_ISREG(found.st_mode)
        and found.st_size == file.size
        and found.st_mtime_ns == _TIME_NS
        and stat.S_IMODE(found.st_mode) == (0o755 if file.executable else 0o644)
    )
