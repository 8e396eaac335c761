"""Adapts names and links of an interpreter to the file system of the target.

If the file system ignores case, names that differ by case only are one file: it is kept once if
the contents are the same. On Windows not every user can create links: copies replace them.
"""

from __future__ import annotations

import posixpath
from bisect import bisect_left
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from venvstacks_rules.actions.interpreters.archive import (
    MAX_MEMBERS,
    TOP,
    InterpreterArchive,
    SpooledFile,
    resolved,
    with_folders,
)
from venvstacks_rules.local.files.streams import MIN_EXPANSION, sha256_of_chunks
from venvstacks_rules.model.paths import folded, windows_problem

_MAX_PLACE = 1024


@dataclass
class Selection:
    """The part of an interpreter archive to keep; paths are below ``python/``."""

    archive: InterpreterArchive
    files: dict[str, SpooledFile]
    links: dict[str, str]
    """From path to target."""
    problems: list[str] = field(default_factory=list)

    def merge_spellings(self) -> None:
        """Spell each path in one way, the first in the order of the alphabet."""
        # Sorted, a folder comes before its content.
        spelled = {"": ""}
        for path in sorted(with_folders([*self.files, *self.links]) - {"."}):
            folder, name = posixpath.split(path)
            spelled.setdefault(folded(path), posixpath.join(spelled[folded(folder)], name))
        first: dict[str, str] = {}
        for path in sorted([*self.files, *self.links]):
            other = first.setdefault(folded(path), path)
            if other != path and self._differ(other, path, spelled):
                self.problems.append(
                    f"`{TOP}/{other}` and `{TOP}/{path}` are the same file on a file system that "
                    "ignores case, but they differ"
                )
        leaves = [path for found in (self.files, self.links) for path in found]
        folders = {folded(path) for path in with_folders(leaves)} - {folded(x) for x in leaves}
        # No folder may be a file in another spelling.
        for path in sorted(with_folders(leaves) - set(leaves) - {"."}):
            if folded(path) not in folders:
                self.problems.append(
                    f"`{TOP}/{path}` is a folder, and `{TOP}/{first[folded(path)]}` is not; they "
                    "are the same on a file system that ignores case"
                )
        self.files = {
            spelled[folded(path)]: file
            for path, file in self.files.items()
            if first[folded(path)] == path
        }
        self.links = {
            spelled[folded(path)]: spelled.get(folded(target), target)
            for path, target in self.links.items()
            if first[folded(path)] == path
        }

    def _differ(self, one: str, other: str, spelled: Mapping[str, str]) -> bool:
        if one in self.links or other in self.links:
            targets = [self.links.get(path) for path in (one, other)]
            return None in targets or len({spelled.get(folded(t or ""), t) for t in targets}) > 1
        return self._content(one) != self._content(other)

    def _content(self, path: str) -> tuple[bool, str]:
        file = self.files[path]
        return file.executable, sha256_of_chunks(self.archive.content(file))[0]

    def copy_links(self) -> None:
        """Replace links by copies: of a file, or of the content of a folder."""
        existing = with_folders(self.files)
        copies: dict[str, SpooledFile] = {}
        files, links = sorted(self.files), sorted(self.links)
        waiting = [(path, path) for path in links]
        limit = max(MIN_EXPANSION, sum(file.size for file in self.files.values()))
        steps = size = 0
        while waiting:
            place, link = waiting.pop()
            target = resolved(link, existing, self.links)
            if target is None:
                continue
            if target in self.files:
                found = {place: self.files[target]}
            elif target == "." or f"{place}/".startswith(f"{target}/"):
                self.problems.append(
                    f"`{TOP}/{place}` links to a folder above it, and cannot be copied"
                )
                continue
            else:
                found = {
                    place + path[len(target) :]: self.files[path] for path in _below(target, files)
                }
                waiting += [(place + path[len(target) :], path) for path in _below(target, links)]
            copies.update(found)
            steps += 1 + len(found)
            size += sum(file.size for file in found.values())
            # Links in a circle make ever longer paths.
            if steps > MAX_MEMBERS or size > limit or len(place) > _MAX_PLACE:
                self.problems.append(
                    f"copies for its links take more than {limit} bytes or "
                    f"{MAX_MEMBERS} files, or paths of more than {_MAX_PLACE} characters"
                )
                break
        self.files.update(copies)
        self.links = {}

    def check_windows_names(self) -> None:
        """Add a problem for each name that is invalid on Windows."""
        for path in sorted(self.files):
            problem = windows_problem(path)
            if problem is not None:
                self.problems.append(f"`{TOP}/{path}`: {problem}")


def _below(folder: str, paths: Sequence[str]) -> Sequence[str]:
    """The part of the sorted `paths` that is below `folder`."""
    # `0` is the character after the slash.
    return paths[bisect_left(paths, f"{folder}/") : bisect_left(paths, f"{folder}0")]
