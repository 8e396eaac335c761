"""The folders of packages that the files of a wheel make."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import PurePosixPath

_MODULES = (".py", ".so", ".pyd")


def package_folders(
    paths: Iterable[PurePosixPath], site_packages: PurePosixPath
) -> tuple[tuple[str, ...], tuple[str, ...]]:
    """Regular packages, and folders of modules without an ``__init__``: dotted names, sorted."""
    regular: set[str] = set()
    folders: set[str] = set()
    for path in paths:
        if path.suffix not in _MODULES or site_packages not in path.parents:
            continue
        parts = path.relative_to(site_packages).parts
        names = [".".join(parts[:end]) for end in range(1, len(parts))]
        # A folder of another name cannot be imported, nor what lies below it.
        if all(part.isidentifier() for part in parts[:-1]):
            folders.update(names)
            if names and parts[-1].split(".")[0] == "__init__":
                regular.add(names[-1])
    return tuple(sorted(regular)), tuple(sorted(folders - regular))
