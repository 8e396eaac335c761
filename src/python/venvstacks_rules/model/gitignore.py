"""Which paths ``.gitignore`` files ignore, exactly as git decides."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class IgnorePattern:
    """One line of a ``.gitignore`` file."""

    regex: re.Pattern[str]
    """It has to match the whole path, relative to the folder of the file."""
    negated: bool
    folders_only: bool

    def matches(self, path: str, *, is_folder: bool) -> bool:
        """Whether the pattern matches `path`, relative to the folder of its file."""
        return (is_folder or not self.folders_only) and self.regex.fullmatch(path) is not None


class IgnoreRules:
    """The ``.gitignore`` files of several folders."""

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """`files` maps each folder (empty for the root) to the content of its file."""
        self._patterns = {
            _bytewise(folder.encode()): ignore_patterns(content)
            for folder, content in files.items()
        }

    def ignored(self, path: str) -> bool:
        """Whether a rule ignores the file at `path`, from the root, or a folder above it."""
        path = _bytewise(path.encode())
        *folders, _ = _prefixes(path)
        return any(self._decides(folder, is_folder=True) for folder in folders) or self._decides(
            path, is_folder=False
        )

    def _decides(self, path: str, *, is_folder: bool) -> bool:
        """Whether the last matching pattern of the nearest file that has one ignores `path`."""
        for folder in ("", *_prefixes(posixpath.dirname(path)))[::-1]:
            relative = posixpath.relpath(path, folder or ".")
            for pattern in reversed(self._patterns.get(folder, ())):
                if pattern.matches(relative, is_folder=is_folder):
                    return not pattern.negated
        return False


def _prefixes(path: str) -> tuple[str, ...]:
    """The folders above `path`, from the top, and `path` itself; empty for the empty path."""
    parts = path.split("/") if path else []
    return tuple("/".join(parts[: depth + 1]) for depth in range(len(parts)))


def ignore_patterns(content: bytes) -> tuple[IgnorePattern, ...]:
    """The patterns of a ``.gitignore`` file."""
    lines = _bytewise(content).removeprefix(_BYTE_ORDER_MARK).split("\n")
    found = (_pattern(line.removesuffix("\r")) for line in lines)
    return tuple(pattern for pattern in found if pattern is not None)


def _bytewise(content: bytes) -> str:
    """One character for each byte: in git, ``?`` matches one byte, even a part of a character."""
    return content.decode("latin-1")


_BYTE_ORDER_MARK = _bytewise(b"\xef\xbb\xbf")


def _pattern(line: str) -> IgnorePattern | None:
    """The pattern of a line; None for a comment, and for a pattern that never matches in git."""
    bare = line.rstrip(" ")
    # A space counts after a backslash that is not itself escaped.
    line = line[: len(bare) + (len(bare) - len(bare.rstrip("\\"))) % 2]
    if not line or line.startswith("#"):
        return None
    negated = line.startswith("!")
    body = line[1:] if negated else line
    folders_only = body.endswith("/")
    body = body[:-1] if folders_only else body
    start = "(?:.*/)?"
    if "/" in body:
        body = body.removeprefix("/")
        # git compares the text before the first wildcard by itself: `**` after it is at a start.
        literal = re.split(r"[*?\[\\]", body, maxsplit=1)[0]
        start, body = re.escape(literal), body[len(literal) :]
    elif not body:
        return None
    regex = _regex(body)
    if regex is None:
        return None
    return IgnorePattern(re.compile(start + regex, re.DOTALL), negated, folders_only)


_TOKEN = re.compile(
    r"""
      (?P<any_folders> (?<![^/]) \*{2,}/ )
    | (?P<everything> (?<![^/]) \*{2,}$ )
    | (?P<stars> \*+ )
    | (?P<one> \? )
    | \[ (?P<not> [!^] | (?![!^]) )
      # A lookahead reads the set in one way only, so that an open set is found in linear time.
      (?= (?P<set> {item} (?: (?!\]) {item} )* ) ) (?P=set) \]
    | \\ (?P<escaped> . )
    | (?P<unfinished> [\[\\] .* )
    | (?P<plain> . )
    """.replace("{item}", r"(?: \[:[^]]*:\] | (?:\\.|[^\\]) (?:-(?:\\.|[^]\\]))? )"),
    re.VERBOSE | re.DOTALL,
)


def _regex(glob: str) -> str | None:
    """The regular expression for a pattern; None for a pattern that matches nothing."""
    parts = [_regex_part(token) for token in _TOKEN.finditer(glob)]
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def _regex_part(token: re.Match[str]) -> str | None:
    if token["any_folders"]:
        return "(?:.*/)?"
    if token["everything"]:
        return ".*"
    if token["stars"]:
        return "[^/]*"
    if token["one"]:
        return "[^/]"
    if token["set"]:
        members = _members(token["set"])
        return members and f"(?!/)[{'^' if token['not'] else ''}{members}]"
    return None if token["unfinished"] else re.escape(token["escaped"] or token["plain"])


_ITEM = re.compile(
    r"\[:(?P<class>[^]]*):\]|\\?(?P<low>.)(?:-\\?(?P<high>.))?",
    re.DOTALL,
)

_CLASSES = {
    "alnum": "0-9A-Za-z",
    "alpha": "A-Za-z",
    "blank": r"\x20\x09",
    "cntrl": r"\x00-\x1f\x7f",
    "digit": "0-9",
    "graph": r"\x21-\x7e",
    "lower": "a-z",
    "print": r"\x20-\x7e",
    "punct": r"\x21-\x2f\x3a-\x40\x5b-\x60\x7b-\x7e",
    "space": r"\x09-\x0d\x20",
    "upper": "A-Z",
    "xdigit": "0-9A-Fa-f",
}


def _members(written: str) -> str | None:
    """The inside of a bracket expression, for Python; None for a class unknown to git."""
    parts = []
    for item in _ITEM.finditer(written):
        if item["class"] is not None:
            parts.append(_CLASSES.get(item["class"]))
            continue
        low, high = ord(item["low"]), ord(item["high"] or item["low"])
        # In git, a range that runs backwards matches its start.
        parts.append(f"\\x{low:02x}-\\x{max(low, high):02x}")
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def folders_above(paths: Iterable[str]) -> tuple[str, ...]:
    """All folders above `paths`, with the root (empty); sorted."""
    found = {""}
    for path in paths:
        found.update(_prefixes(posixpath.dirname(path)))
    return tuple(sorted(found))
