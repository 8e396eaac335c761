"""Where the launch and support modules of an application lie, and which of their files count.

A module may lie anywhere in the repository. Of a package directory, everything counts that version
control would keep, but its own files (their names start with ``.git``), BUILD files and byte code.
"""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator

from venvstacks_rules.model.paths import place_inside


def module_place(folder: str, path: str) -> str | None:
    """`path`, written relative to `folder`, as a normal path from the root of the repository.

    None where that is outside of the repository.
    """
    place = place_inside(folder, path)
    return None if place == "." else place


def module_globs(place: str) -> tuple[str, ...]:
    """The globs of what lies at `place`, a normal path, but for byte code.

    BUILD files are among it: a glob cannot leave them out and keep folders of such a name.
    """
    return (place,) if place.endswith(".py") else (f"{place}/**", f"!{place}/**/__pycache__/**")


def module_files(files: Iterable[str]) -> tuple[str, ...]:
    """Those of `files`, paths below a package directory, that belong to the module; sorted."""
    return tuple(sorted(_kept(file for file in files if not _is_build_file(file))))


def module_folders(files: Iterable[str]) -> tuple[str, ...]:
    """The folders of `files`, paths below a package directory, that belong to the module; sorted.

    A folder that holds only files of version control (``.gitkeep``) is one of them; one that holds
    only a BUILD file is not, so that a BUILD file changes nothing.
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
    """Those of `paths` that are not version control's own."""
    return (path for path in paths if not any(p.startswith(".git") for p in path.split("/")))


def _is_build_file(path: str) -> bool:
    # What Pants takes for one unless it is told otherwise.
    name = posixpath.basename(path)
    return name == "BUILD" or name.startswith("BUILD.")
