"""Hashes in the two notations of ``venvstacks``: ``sha256:<hex>`` and ``sha256/<hex>``."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable

_SHA256_HEX = re.compile(r"[0-9a-f]{64}")


def hash_strings(strings: Iterable[str]) -> str:
    """``sha256:<hex>`` of the concatenated UTF-8 of `strings`."""
    hasher = hashlib.sha256()
    for string in strings:
        hasher.update(string.encode("utf-8"))
    return f"sha256:{hasher.hexdigest()}"


def hash_module_file(name: str, content_sha256: str) -> str:
    """The hash of a launch or support module that is one file.

    `name` is the file's name without folders, `content_sha256` the hexadecimal hash of its bytes.
    """
    return hash_strings([name, f"sha256:{content_sha256}"])


def hash_module_directory(
    name: str, files: Iterable[tuple[str, str]], folders: Iterable[str] = ()
) -> str:
    """The hash of a launch or support module that is a package directory, ``sha256/<hex>``.

    `name` is the directory's name; `files` are pairs of the path below it, with forward slashes,
    and the hexadecimal SHA-256 of the content; `folders` are paths of folders that may have no
    files. The hash walks the folders top down in sorted order, and takes the name of each and then
    its files in order.
    """
    tree: dict[tuple[str, ...], list[tuple[str, str]]] = {
        (): [],
        **{tuple(folder.split("/")): [] for folder in folders},
    }
    for path, content_sha256 in files:
        *folders, file_name = path.split("/")
        for depth in range(len(folders) + 1):
            tree.setdefault(tuple(folders[:depth]), [])
        tree[tuple(folders)].append((file_name, content_sha256))
    parts: list[str] = []
    for folder in sorted(tree):
        parts.append(folder[-1] if folder else name)
        for file_name, content_sha256 in sorted(tree[folder]):
            parts += [file_name, f"sha256:{content_sha256}"]
    return hash_strings(parts).replace("sha256:", "sha256/", 1)


def is_sha256_hex(value: str) -> bool:
    """Whether `value` is a SHA-256 in lower-case hexadecimal."""
    return _SHA256_HEX.fullmatch(value) is not None
