"""Whether the files of a layer, from wherever they come, can all lie in one folder."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence

from venvstacks_rules.model.action_io import ArchivedFile, OwnFile, OwnLink
from venvstacks_rules.model.paths import link_problem, path_problem


def own_problems(files: Iterable[OwnFile], links: Iterable[OwnLink]) -> Iterator[str]:
    """What is wrong with each of the layer's own files and links."""
    for file in files:
        if (file.text is None) == (file.source is None):
            yield f"`{file.path}`: exactly one of `text` and `source` is to be set"
        problem = path_problem(file.path)
        if problem is not None:
            yield f"{file.path!a}: {problem}"
    for link in links:
        problem = path_problem(link.path) or link_problem(link.path, link.target)
        if problem is not None:
            yield f"{link.path!a}: {problem}: {link.target!a}"


def clashes(
    sources: Iterable[tuple[str, Sequence[ArchivedFile]]],
    files: Iterable[OwnFile],
    links: Iterable[OwnLink],
) -> Iterator[str]:
    """Paths that cannot all be unpacked; a source is a wheel or the interpreter, by name.

    Two wheels may hold the same file, as packages that share a folder of tests do; the later one
    wins, which is what installers do as well. The layer's own files are never overwritten.
    """
    taken: dict[str, tuple[str, ArchivedFile]] = {}
    for source, members in sources:
        for member in members:
            other = taken.setdefault(member.path, (source, member))
            if (other[1].link_target is None) != (member.link_target is None):
                yield f"`{member.path}` is a link in one of `{other[0]}` and `{source}` only"
    own_paths = [*(file.path for file in files), *(link.path for link in links)]
    for path in own_paths:
        if path in taken:
            yield f"`{path}` is a file of `{taken[path][0]}` and of the layer itself"
        taken[path] = ("layer", ArchivedFile(path, 0, ""))
    folders_seen: set[str] = set()
    for path, (source, _file) in sorted(taken.items()):
        folder = posixpath.dirname(path)
        while folder and folder not in folders_seen:
            folders_seen.add(folder)
            if folder in taken:
                yield f"`{folder}` is a file of `{taken[folder][0]}` and a folder of `{source}`"
            folder = posixpath.dirname(folder)
