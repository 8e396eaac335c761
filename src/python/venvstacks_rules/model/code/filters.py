"""Which files a list of modules and folders names."""

from __future__ import annotations

from collections.abc import Collection

from venvstacks_rules.model.code.modules import module_name


def is_wanted(source: str, path: str, wanted: Collection[str]) -> bool:
    """Whether a file is among the modules, files and folders `wanted`; an empty list is all.

    `source` is its path in the repository, `path` that below its source root. What is in a package
    or in a folder belongs to it.
    """
    module = module_name(path) or ""
    return not wanted or any(
        source == each
        or source.startswith(f"{each.rstrip('/')}/")
        or module == each
        or module.startswith(f"{each}.")
        for each in wanted
    )
