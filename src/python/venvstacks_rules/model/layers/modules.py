"""The places of launch and support modules, and which of their files belong to them.

A module may be anywhere in the repository. A package directory has all files that version control
would keep, except version control's own (their names start with ``.git``), BUILD files and byte
code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from venvstacks_rules.model.paths import place_inside


def module_place(folder: str, path: str) -> str | None:
    """`path`, written relative to `folder`, as a normal path from the root of the repository.

    None for the root itself, and for a place outside of the repository.
    """
    place = place_inside(folder, path)
    return None if place == "." else place


def module_globs(place: str) -> tuple[str, ...]:
    """Globs for all files at `place`, a normal path, except byte code.

    They match BUILD files, too: a glob cannot exclude these and keep folders of such a name.
    """
    return (place,) if place.endswith(".py") else (f"{place}/**", f"!{place}/**/__pycache__/**")


def module_files(files: Iterable[str]) -> tuple[str, ...]:
    """The `files` (paths below a package directory) that belong to the module; sorted."""
    return tuple(sorted(_kept(file for file in files if not _is_build_file(file))))


def module_folders(files: Iterable[str]) -> tuple[str, ...]:
    """The folders of `files` (paths below a package directory) that belong to the module; sorted.

    A folder with only files of version control (``.gitkeep``) belongs to it; a folder with only a
    BUILD file does not, so that a BUILD file changes nothing.
    """
    folders: set[str] = set()
    for file in files:
        if _is_build_file(file):
            continue
        folder = posixpath.dirname(file)
        while folder:
            folders.add(folder)
            folder = posixpath.dirname(folder)
    return tuple(sorted(_kept(folders)))


def _kept(paths: Iterable[str]) -> Iterator[str]:
    """The `paths` that are not version control's own."""
    return (path for path in paths if not any(p.startswith(".git") for p in path.split("/")))


def _is_build_file(path: str) -> bool:
    # The names of BUILD files by default.
    name = posixpath.basename(path)
    return name == "BUILD" or name.startswith("BUILD.")
