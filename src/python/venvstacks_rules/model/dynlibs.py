"""Which shared libraries a layer offers to itself and to the layers above.

Libraries that packages carry in site-packages are linked into one folder, which the layers' Python
wrappers put on the dynamic loader's path. Extension modules are found by importing and stay out.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase
from pathlib import PurePosixPath

from venvstacks_rules.model.action_io import ArchivedFile, OwnLink
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layout import DYNLIB_DIR, LayerLayout

_SUFFIXES = frozenset({".so", ".dylib"})
_EXTENSION_MODULE = re.compile(r".*\.(cpython-[^.]*|abi3)\.so")
_MAX_LINKS = 40


def shared_library_links(
    files: Iterable[ArchivedFile], layout: LayerLayout, dynlib_exclude: Sequence[str]
) -> tuple[OwnLink, ...]:
    """The links in ``share/venv/dynlib`` for the `files` of a layer, sorted by path.

    `dynlib_exclude` holds globs that are matched against the end of a path: ``*`` within a
    component, ``**`` for any number of components. Of libraries with the same name and content the
    first by path is linked; DefinitionError lists those that differ in content.
    """
    by_path = {file.path: file for file in files}
    by_name: dict[str, list[ArchivedFile]] = {}
    for path in sorted(by_path):
        if is_offered(path, layout, dynlib_exclude):
            by_name.setdefault(posixpath.basename(path), []).append(by_path[path])
    problems = []
    links = []
    for name, candidates in sorted(by_name.items()):
        if len({_content(file, by_path) for file in candidates}) > 1:
            problems.append(_ambiguous(name, candidates))
        target = posixpath.relpath(f"/{candidates[0].path}", f"/{DYNLIB_DIR}")
        links.append(OwnLink(str(DYNLIB_DIR / name), target))
    if problems:
        raise DefinitionError(
            "Packages of one layer carry different shared libraries of the same name, and one "
            "folder offers them all.",
            problems,
        )
    return tuple(links)


def is_offered(path: str, layout: LayerLayout, dynlib_exclude: Sequence[str]) -> bool:
    """Whether a file at `path` in a layer is a shared library that the layer offers."""
    name = posixpath.basename(path)
    return (
        PurePosixPath(name).suffix in _SUFFIXES
        and _EXTENSION_MODULE.fullmatch(name) is None
        and path.startswith(f"{layout.site_packages}/")
        and not any(_matches(path, glob) for glob in dynlib_exclude)
    )


def _content(file: ArchivedFile, by_path: dict[str, ArchivedFile]) -> str:
    """What tells the content of a file from that of others: its hash, links followed."""
    for _ in range(_MAX_LINKS):
        if file.link_target is None:
            return file.sha256
        folder = posixpath.dirname(file.path)
        reached = posixpath.normpath(posixpath.join(folder, file.link_target))
        if reached not in by_path:
            return f"link to {reached}"
        file = by_path[reached]
    return f"link to {file.path}"


def _ambiguous(name: str, candidates: list[ArchivedFile]) -> str:
    paths = [file.path for file in candidates]
    # The shortest end of the second path that the first one does not share.
    parts = paths[-1].split("/")
    length = next(n for n in range(1, len(parts) + 1) if parts[-n:] != paths[0].split("/")[-n:])
    listed = "\n".join(f"`{path}`" for path in paths)
    example = "/".join(parts[-length:])
    return (
        f"`{name}`:\n{listed}\nExclude all but one of them, for example with "
        f'`dynlib_exclude=["{example}"]`.'
    )


def _matches(path: str, glob: str) -> bool:
    """Whether `glob` matches the end of `path`."""
    parts = path.split("/")
    pattern = glob.split("/")
    return any(_matches_parts(parts[start:], pattern) for start in range(len(parts)))


def _matches_parts(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches_parts(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern[0])
        and (_matches_parts(parts[1:], pattern[1:]))
    )
