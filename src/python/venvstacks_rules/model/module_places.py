"""Where the launch and support modules of an application lie, and which of their files count.

A module may lie anywhere in the repository. Of a package directory, everything counts that version
control would keep, but its own files (their names start with ``.git``) and byte code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable


def module_place(folder: str, path: str) -> str | None:
    """`path`, written relative to `folder`, as a normal path from the root of the repository.

    None where that is outside of the repository.
    """
    place = posixpath.normpath(posixpath.join(folder, path))
    if place.startswith(("../", "/")) or place in ("..", "."):
        return None
    return place


def module_globs(place: str) -> tuple[str, ...]:
    """The globs of what lies at `place`, a normal path, but for byte code."""
    return (place,) if place.endswith(".py") else (f"{place}/**", f"!{place}/**/__pycache__/**")


def module_files(files: Iterable[str]) -> tuple[str, ...]:
    """Those of `files`, paths below a package directory, that belong to the module; sorted."""
    return tuple(sorted(file for file in files if not _is_git_metadata(file)))


def module_folders(files: Iterable[str]) -> tuple[str, ...]:
    """The folders of `files`, paths below a package directory, that belong to the module; sorted.

    A folder that holds only files of version control (``.gitkeep``) is one of them.
    """
    folders: set[str] = set()
    for file in files:
        folder = posixpath.dirname(file)
        while folder:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return module_files(folders)


def _is_git_metadata(path: str) -> bool:
    return any(part.startswith(".git") for part in path.split("/"))
