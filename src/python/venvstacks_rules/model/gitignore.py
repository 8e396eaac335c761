"""What ``.gitignore`` files say of paths, as git itself reads them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class IgnorePattern:
    """One line of a ``.gitignore`` file."""

    regex: re.Pattern[str]
    """Of the whole path, relative to the folder of the file."""
    negated: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether the pattern is about `path`, relative to the folder of its file."""
        return (is_folder or not self.folders_only) and self.regex.fullmatch(path) is not None


class IgnoreRules:
    """The ``.gitignore`` files of some folders."""

    def __init__(self, files: Mapping[str, str]) -> None:
        """`files` has the text of each file by its folder (empty for the root)."""
        self._patterns = {folder: ignore_patterns(text) for folder, text in files.items()}

    def ignored(self, path: str) -> bool:
        """Whether the file at `path`, from the root, is ignored: itself or a folder above it."""
        *folders, _ = _prefixes(path)
        return any(self._decides(folder, is_folder=True) for folder in folders) or self._decides(
            path, is_folder=False
        )

    def _decides(self, path: str, *, is_folder: bool) -> bool:
        """What the nearest file with a pattern about `path` says of it; its last pattern counts."""
        for folder in ("", *_prefixes(posixpath.dirname(path)))[::-1]:
            relative = posixpath.relpath(path, folder or ".")
            for pattern in reversed(self._patterns.get(folder, ())):
                if pattern.matches(relative, is_folder=is_folder):
                    return not pattern.negated
        return False


def _prefixes(path: str) -> tuple[str, ...]:
    """The folders above `path`, from the top, and `path` itself; nothing where it is empty."""
    parts = path.split("/") if path else []
    return tuple("/".join(parts[: depth + 1]) for depth in range(len(parts)))


def ignore_patterns(text: str) -> tuple[IgnorePattern, ...]:
    """The patterns of a ``.gitignore`` file."""
    found = (_pattern(line.rstrip("\r")) for line in text.split("\n"))
    return tuple(pattern for pattern in found if pattern is not None)


def _pattern(line: str) -> IgnorePattern | None:
    line = re.sub(r"(?<!\\) +$", "", line)
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    body = line[1:] if negated else line
    folders_only = body.endswith("/")
    body = body.rstrip("/") if folders_only else body
    if not body:
        return None
    anchored = "/" in body
    regex = "".join(_regex_parts(body.lstrip("/")))
    try:
        compiled = re.compile(regex if anchored else f"(?:.*/)?{regex}", re.DOTALL)
    except re.error:
        return None  # Such as a range that runs backwards; git matches nothing with it either.
    return IgnorePattern(compiled, negated, folders_only)


_TOKEN = re.compile(
    r"""
      (?P<any_folders> (?:(?<=^)|(?<=/)) \*\*/ )
    | (?P<everything> (?<=/) \*\*$ )
    | (?P<stars> \*+ )
    | (?P<one> \? )
    | \[ (?P<not> [!^]? ) (?P<set> \]? (?: \\. | \[:\w+:\] | [^]\\] )* ) \]
    | \\ (?P<escaped> . )
    | (?P<plain> . )
    """,
    re.VERBOSE | re.DOTALL,
)

_CLASSES = {
    "[:alnum:]": "a-zA-Z0-9",
    "[:alpha:]": "a-zA-Z",
    "[:digit:]": "0-9",
    "[:lower:]": "a-z",
    "[:upper:]": "A-Z",
    "[:space:]": r"\s",
}


def _regex_parts(glob: str) -> Iterator[str]:
    for token in _TOKEN.finditer(glob):
        if token["any_folders"]:
            yield "(?:.*/)?"
        elif token["everything"]:
            yield ".+"
        elif token["stars"]:
            yield "[^/]*"
        elif token["one"]:
            yield "[^/]"
        elif token["set"] is not None:
            yield f"(?!/)[{'^' if token['not'] else ''}{_set(token['set'])}]"
        else:
            yield re.escape(token["escaped"] or token["plain"])


def _set(written: str) -> str:
    """The inside of a bracket expression, for Python."""
    for name, members in _CLASSES.items():
        written = written.replace(name, members)
    return re.sub(r"^\]", r"\\]", written).replace("[", r"\[").replace("&&", r"\&&")


def folders_above(paths: Iterable[str]) -> tuple[str, ...]:
    """All folders that hold one of `paths`, directly or not, the root (empty) included; sorted."""
    found = {""}
    for path in paths:
        found.update(_prefixes(posixpath.dirname(path)))
    return tuple(sorted(found))
