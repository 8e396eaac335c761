"""The top-level module that a file of a package belongs to."""

from __future__ import annotations

from pathlib import PurePosixPath


def top_level_module(path: PurePosixPath, site_packages: PurePosixPath) -> str | None:
    """The top-level module that a file belongs to, or None for a file that is not code."""
    if path.suffix not in (".py", ".so", ".pyd") or site_packages not in path.parents:
        return None
    top = path.relative_to(site_packages).parts[0]
    name = top.split(".")[0] if path.parent == site_packages else top
    return name if name.isidentifier() else None
