"""The top-level modules of first-party code, with their hashes."""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.hashes import hash_module_directory, hash_module_file


def top_level_hashes(files: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The name and hash of each top-level module, or other file, sorted by name.

    `files` are pairs of a path relative to site-packages and the hexadecimal SHA-256. The hashes
    are those of support modules with the same files.
    """
    folders: dict[str, list[tuple[str, str]]] = {}
    hashes: dict[str, str] = {}
    for path, sha256 in files:
        name, slash, below = path.partition("/")
        if slash:
            folders.setdefault(name, []).append((below, sha256))
        else:
            hashes[name.removesuffix(".py")] = hash_module_file(name, sha256)
    for name, content in folders.items():
        hashes[name] = hash_module_directory(name, content)
    return sorted(hashes.items())
