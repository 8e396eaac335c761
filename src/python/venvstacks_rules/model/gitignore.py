"""What ``.gitignore`` files say of paths, as git itself reads them."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Mapping
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

    def __init__(self, files: Mapping[str, bytes]) -> None:
        """`files` has the content of each file by its folder (empty for the root)."""
        self._patterns = {
            _bytewise(folder.encode()): ignore_patterns(content)
            for folder, content in files.items()
        }

    def ignored(self, path: str) -> bool:
        """Whether the file at `path`, from the root, is ignored: itself or a folder above it."""
        path = _bytewise(path.encode())
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


def ignore_patterns(content: bytes) -> tuple[IgnorePattern, ...]:
    """The patterns of a ``.gitignore`` file."""
    lines = _bytewise(content).removeprefix(_BYTE_ORDER_MARK).split("\n")
    found = (_pattern(line.removesuffix("\r")) for line in lines)
    return tuple(pattern for pattern in found if pattern is not None)


def _bytewise(content: bytes) -> str:
    """A character for each byte: to git, ``?`` is one byte, whatever it is a part of."""
    return content.decode("latin-1")


_BYTE_ORDER_MARK = _bytewise(b"\xef\xbb\xbf")


def _pattern(line: str) -> IgnorePattern | None:
    """What a line says; None for a comment, and for what git never matches anything with."""
    bare = line.rstrip(" ")
    # A space behind a backslash that is not itself escaped counts.
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
      # In a lookahead: how it is read is settled before it is asked whether it ends.
      (?= (?P<set> {item} (?: (?!\]) {item} )* ) ) (?P=set) \]
    | \\ (?P<escaped> . )
    | (?P<unfinished> [\[\\] .* )
    | (?P<plain> . )
    """.replace("{item}", r"(?: \[:[^]]*:\] | (?:\\.|[^\\]) (?:-(?:\\.|[^]\\]))? )"),
    re.VERBOSE | re.DOTALL,
)


def _regex(glob: str) -> str | None:
    """The regular expression for a pattern; None for one that nothing matches."""
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
    """The inside of a bracket expression, for Python; None where git knows a class in it not."""
    parts = []
    for item in _ITEM.finditer(written):
        if item["class"] is not None:
            parts.append(_CLASSES.get(item["class"]))
            continue
        low, high = ord(item["low"]), ord(item["high"] or item["low"])
        # Of a range that runs backwards, git still knows where it starts.
        parts.append(f"\\x{low:02x}-\\x{max(low, high):02x}")
    known = [part for part in parts if part is not None]
    return "".join(known) if len(known) == len(parts) else None


def folders_above(paths: Iterable[str]) -> tuple[str, ...]:
    """All folders that hold one of `paths`, directly or not, the root (empty) included; sorted."""
    found = {""}
    for path in paths:
        found.update(_prefixes(posixpath.dirname(path)))
    return tuple(sorted(found))
