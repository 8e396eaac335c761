"""The top-level module that a file of a package belongs to."""

from __future__ import annotations

from pathlib import PurePosixPath


def module_parts(path: PurePosixPath, site_packages: PurePosixPath) -> tuple[str, ...]:
    """The parts of the path of a file of code below site-packages; none for any other file."""
    if path.suffix not in (".py", ".so", ".pyd") or site_packages not in path.parents:
        return ()
    return path.relative_to(site_packages).parts


def top_level_module(path: PurePosixPath, site_packages: PurePosixPath) -> str | None:
    """The top-level module that a file belongs to, or None for a file that is not code."""
    parts = module_parts(path, site_packages)
    if not parts:
        return None
    name = parts[0].split(".")[0] if len(parts) == 1 else parts[0]
    return name if name.isidentifier() else None
