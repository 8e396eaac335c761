"""The folders of packages that the files of a wheel make."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

from venvstacks_rules.model.contents.top_level import module_parts


def package_folders(
    paths: Iterable[PurePosixPath], site_packages: PurePosixPath
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Regular packages, and folders of modules without an ``__init__``: dotted names, sorted."""
    regular: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        parts = module_parts(path, site_packages)
        names = [".".join(parts[:end]) for end in range(1, len(parts))]
        # A folder of another name cannot be imported, nor what lies below it.
        if all(part.isidentifier() for part in parts[:-1]):
            folders.update(names)
            if names and parts[-1].split(".")[0] == "__init__":
                regular.add(names[-1])
    return tuple(sorted(regular)), tuple(sorted(folders - regular))
