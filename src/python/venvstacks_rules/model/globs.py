"""Globs that match the end of a path."""

from __future__ import annotations

from fnmatch import fnmatchcase


def matches_end(path: str, glob: str) -> bool:
    """Whether `glob` matches the end of `path`.

    ``*`` matches anything within a component, ``**`` any number of components.
    """
    parts = path.split("/")
    pattern = glob.split("/")
    return any(_matches_parts(parts[start:], pattern) for start in range(len(parts)))


def _matches_parts(parts: list[str], pattern: list[str]) -> bool:
    if not pattern:
        return not parts
    if pattern[0] == "**":
        return any(_matches_parts(parts[n:], pattern[1:]) for n in range(len(parts) + 1))
    return (
        bool(parts)
        and fnmatchcase(parts[0], pattern[0])
        and (_matches_parts(parts[1:], pattern[1:]))
    )
