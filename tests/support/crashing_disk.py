"""A disk that remembers what a crash of the machine would leave, before each step of the client.

It looks at the real folder, so that it also sees what other programs write: post-installation.
"""

from __future__ import annotations

import os
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Union

from venvstacks_rules.client.disk.operations import Disk

Entry = Union[int, str]
"""The number of a file or a folder, or the target of a link."""
Node = Union[None, str, tuple[bytes, int]]
"""A folder, a link with its target, or a file with its content and mode."""
State = dict[str, Node]


@dataclass
class Seen:
    """What is in a folder: names by the numbers of folders, contents by those of files."""

    names: dict[int, dict[str, Entry]] = field(default_factory=dict)
    contents: dict[int, tuple[bytes, int]] = field(default_factory=dict)


class CrashingDisk(Disk):
    """A real disk. `states` has, for each step, what a crash may leave in `folder`."""

    def __init__(self, folder: Path) -> None:
        super().__init__()
        self._folder = folder
        self._safe = self._look()
        self.steps: list[str] = []
        self.states: dict[str, State] = {}
        """By a name that says when, and what was lost; each state once."""
        self._known: set[int] = set()

    def step(self, what: str, path: str) -> None:
        """Remember what a crash leaves now."""
        now = self._look()
        number = len(self.steps)
        self.steps.append(f"{what} {os.path.relpath(path, self._folder)}")
        there = {inode for names in now.names.values() for inode in names.values()}
        there |= {inode for names in self._safe.names.values() for inode in names.values()}
        self._safe.contents = {i: c for i, c in self._safe.contents.items() if i in there}
        for lost, names, contents in (
            ("nothing", now.names, now.contents),
            ("contents", now.names, self._safe.contents),
            ("names and contents", self._safe.names, self._safe.contents),
        ):
            root = self._folder.stat().st_ino
            state = dict(_walked(root, names, contents, now.contents))
            mark = hash(tuple(sorted((path, str(node)) for path, node in state.items())))
            if mark not in self._known:
                self._known.add(mark)
                self.states[f"{number}: {lost} lost before {self.steps[-1]}"] = state

    def synced(self, what: str, path: str) -> None:
        """What is on the disk now, whatever happens."""
        now = self._look()
        if what == "tree":
            for folder, _, names in os.walk(path):
                inode = Path(folder).stat().st_ino
                self._safe.names[inode] = now.names[inode]
                for name in names:
                    status = os.lstat(f"{folder}/{name}")
                    if stat.S_ISREG(status.st_mode):
                        self._safe.contents[status.st_ino] = now.contents[status.st_ino]
            return
        inode = Path(path).stat().st_ino
        if what == "file":
            self._safe.contents[inode] = now.contents[inode]
        elif inode in now.names:
            self._safe.names[inode] = now.names[inode]

    def _look(self) -> Seen:
        seen = Seen()
        for folder, folders, names in os.walk(self._folder):
            entries = seen.names.setdefault(Path(folder).stat().st_ino, {})
            for name in (*folders, *names):
                place = f"{folder}/{name}"
                status = os.lstat(place)
                if stat.S_ISLNK(status.st_mode):
                    entries[name] = str(Path(place).readlink())
                    continue
                entries[name] = status.st_ino
                if stat.S_ISREG(status.st_mode):
                    content = Path(place).read_bytes()
                    seen.contents[status.st_ino] = (content, stat.S_IMODE(status.st_mode))
        return seen


def _walked(
    folder: int,
    names: dict[int, dict[str, Entry]],
    contents: dict[int, tuple[bytes, int]],
    modes: dict[int, tuple[bytes, int]],
    prefix: str = "",
) -> Iterator[tuple[str, Node]]:
    for name, entry in names.get(folder, {}).items():
        path = f"{prefix}{name}"
        if isinstance(entry, str):
            yield path, entry
        elif entry in contents or entry in modes:
            # A name whose content was not written: an empty file.
            yield path, contents.get(entry, (b"", modes.get(entry, (b"", 0o644))[1]))
        else:
            yield path, None
            yield from _walked(entry, names, contents, modes, f"{path}/")


def restore(folder: Path, state: State) -> None:
    """Have a folder in this state."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for path, node in state.items():
        place = folder / path
        if node is None:
            place.mkdir()
        elif isinstance(node, str):
            place.symlink_to(node)
        else:
            place.write_bytes(node[0])
            place.chmod(node[1])
