"""Checks that the files of a layer, whatever their source, fit into one folder."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from venvstacks_rules.model.contents.files import ArchivedFile, OwnFile, OwnLink
from venvstacks_rules.model.contents.segments import OWN_FILES
from venvstacks_rules.model.paths import folded, link_problem, path_problem, windows_problem
from venvstacks_rules.model.wording import printable


def own_problems(
    files: Iterable[OwnFile], links: Iterable[OwnLink], *, os_name: str
) -> Iterator[str]:
    """Problems of the layer's own files and links, on ``posix`` or ``nt``."""
    for file in files:
        if (file.text is None) == (file.source is None):
            yield f"`{file.path}`: set exactly one of `text` and `source`"
        problem = path_problem(file.path)
        if problem is None and os_name == "nt":
            problem = windows_problem(file.path)
        if problem is not None:
            yield f"`{printable(file.path)}`: {problem}"
    for link in links:
        problem = path_problem(link.path) or link_problem(link.path, link.target)
        if os_name == "nt":
            problem = "there are no links on Windows"
        if problem is not None:
            yield f"`{printable(link.path)}`: {problem}: `{printable(link.target)}`"


def clashes(
    sources: Iterable[tuple[str, Sequence[ArchivedFile]]],
    files: Iterable[OwnFile],
    links: Iterable[OwnLink],
    *,
    case_sensitive: bool,
) -> Iterator[str]:
    """Paths that cannot be unpacked together; a source is a wheel or the interpreter, by name.

    Two wheels may have the same file, for example in a shared folder of tests; the later one wins,
    as with installers. Names that differ by case only may be one file if the content is the same.
    Nothing overwrites the layer's own files.
    """
    key = _same if case_sensitive else folded
    taken: dict[str, tuple[str, ArchivedFile]] = {}
    for source, members in sources:
        for member in members:
            other = taken.setdefault(key(member.path), (source, member))
            if (other[1].link_target is None) != (member.link_target is None):
                yield f"`{member.path}` is a link in only one of `{other[0]}` and `{source}`"
            elif other[1].path != member.path and _content(other[1]) != _content(member):
                yield _one("file", (other[1].path, other[0]), (member.path, source))
    own_paths = [*(file.path for file in files), *(link.path for link in links)]
    for path in own_paths:
        found = taken.get(key(path))
        if found is not None and found[1].path == path:
            yield f"`{path}` is a file of `{found[0]}` and of the layer itself"
        elif found is not None:
            yield _one("file", (found[1].path, found[0]), (path, OWN_FILES))
        taken[key(path)] = (OWN_FILES, ArchivedFile(path, 0, ""))
    yield from _folder_clashes(taken, key)


def _folder_clashes(
    taken: Mapping[str, tuple[str, ArchivedFile]], key: Callable[[str], str]
) -> Iterator[str]:
    """Folders that are files of another source, or have two spellings; `taken` is by `key`."""
    spelled: dict[str, tuple[str, str]] = {}
    seen: set[str] = set()
    for source, file in sorted(taken.values(), key=lambda found: found[1].path):
        folder = posixpath.dirname(file.path)
        while folder and folder not in seen:
            seen.add(folder)
            name = key(folder)
            other = spelled.setdefault(name, (folder, source))
            if other[0] != folder and posixpath.basename(folder) != posixpath.basename(other[0]):
                yield _one("folder", other, (folder, source))
            if name in taken:
                yield f"`{folder}` is a file of `{taken[name][0]}` and a folder of `{source}`"
            folder = posixpath.dirname(folder)


def _same(path: str) -> str:
    return path


def _content(file: ArchivedFile) -> tuple[str, str | None]:
    return file.sha256, file.link_target


def _one(what: str, first: tuple[str, str], second: tuple[str, str]) -> str:
    return (
        f"`{first[0]}` of `{first[1]}` and `{second[0]}` of `{second[1]}` are the same {what} "
        "on a file system that ignores case"
    )
