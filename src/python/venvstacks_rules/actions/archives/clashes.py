"""Whether the files of a layer, from wherever they come, can all lie in one folder."""

from __future__ import annotations

import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

from venvstacks_rules.model.contents.files import ArchivedFile, OwnFile, OwnLink
from venvstacks_rules.model.paths import folded, link_problem, path_problem, windows_problem
from venvstacks_rules.model.wording import printable


def own_problems(
    files: Iterable[OwnFile], links: Iterable[OwnLink], *, os_name: str
) -> Iterator[str]:
    """What is wrong with each of the layer's own files and links, on ``posix`` or ``nt``."""
    for file in files:
        if (file.text is None) == (file.source is None):
            yield f"`{file.path}`: exactly one of `text` and `source` is to be set"
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
    """Paths that cannot all be unpacked; a source is a wheel or the interpreter, by name.

    Two wheels may hold the same file, as packages that share a folder of tests do; the later one
    wins, which is what installers do as well. Names that differ by case may be one file, if it is
    the same. The layer's own files are never overwritten.
    """
    key = _same if case_sensitive else folded
    taken: dict[str, tuple[str, ArchivedFile]] = {}
    for source, members in sources:
        for member in members:
            other = taken.setdefault(key(member.path), (source, member))
            if (other[1].link_target is None) != (member.link_target is None):
                yield f"`{member.path}` is a link in one of `{other[0]}` and `{source}` only"
            elif other[1].path != member.path and _content(other[1]) != _content(member):
                yield _one("file", (other[1].path, other[0]), (member.path, source))
    own_paths = [*(file.path for file in files), *(link.path for link in links)]
    for path in own_paths:
        found = taken.get(key(path))
        if found is not None and found[1].path == path:
            yield f"`{path}` is a file of `{found[0]}` and of the layer itself"
        elif found is not None:
            yield _one("file", (found[1].path, found[0]), (path, "layer"))
        taken[key(path)] = ("layer", ArchivedFile(path, 0, ""))
    yield from _folder_clashes(taken, key)


def _folder_clashes(
    taken: Mapping[str, tuple[str, ArchivedFile]], key: Callable[[str], str]
) -> Iterator[str]:
    """Folders that are files elsewhere, or that are spelled in two ways; files by `key`."""
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
        f"`{first[0]}` of `{first[1]}` and `{second[0]}` of `{second[1]}` are one {what} where "
        "case does not count"
    )
