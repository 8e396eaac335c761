"""Checks paths from outside: from wheels, archives and segment indexes."""

from __future__ import annotations

import posixpath
import re
import unicodedata
from collections.abc import Sequence
from typing import Annotated

from venvstacks_rules.model.wording import is_unicode

MOST_FOLDERS = 100
"""In a path: removing deeper ones takes more memory than many programs have for it."""
MOST_PATH_BYTES, MOST_NAME_BYTES = 1024, 255
"""The limits of macOS; those of Linux are higher or the same."""

_MOST_GIVEN_BYTES = 4000


def given_path_problem(path: str) -> str | None:
    """Why `path`, of a request, cannot lead to a file or a folder, or None."""
    if not path:
        return "is empty"
    size, folders = len(path.encode("utf-8")), path.count("/")
    if size > _MOST_GIVEN_BYTES or folders > 2 * MOST_FOLDERS:
        return f"a path with {size} bytes and {folders} folders is too long"
    return None


_INSTALL_TARGET = re.compile(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,254}")


def install_target_problem(name: str) -> str | None:
    """Why `name` cannot be the name of a layer's folder, or None."""
    if _INSTALL_TARGET.fullmatch(name) is not None:
        return None
    return f"`{name}` is not the name of a layer's folder"


GivenPath = Annotated[str, given_path_problem]
"""A path of a request, from the working directory on."""

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")

_WINDOWS_CHARACTERS = frozenset('<>:"|?*')
# Windows takes superscripts for digits.
_WINDOWS_DEVICES = frozenset(
    {"con", "prn", "aux", "nul", "conin$", "conout$"}
    | {f"{port}{digit}" for port in ("com", "lpt") for digit in "123456789\u00b9\u00b2\u00b3"}
)
_MAX_WINDOWS_NAME = 255


def path_problem(path: str) -> str | None:
    """Why `path` cannot be the path of a file below a folder, or None.

    A valid path is relative, in normal form, with forward slashes, and names a file on every
    platform: a name for one unpacker must not be a way out of the folder for another.
    """
    if _CONTROL.search(path) or "\\" in path:
        return "the path contains a backslash or a control character"
    if path.startswith("/") or _DRIVE.match(path):
        return "the path is absolute"
    parts = path.split("/")
    if ".." in parts:
        return "the path contains `..`"
    if "" in parts or "." in parts:
        return "the path contains an empty component or `.`"
    if not is_unicode(path):
        return "the path is not Unicode text"
    return _length_problem(path, parts)


def folded(path: str) -> str:
    """`path` in a form that is equal for all names of one file if case does not count.

    Some file systems that ignore case also ignore how accents are composed.
    """
    return unicodedata.normalize("NFC", path.casefold())


def windows_problem(path: str) -> str | None:
    """Why a file or folder cannot have the relative path `path` on Windows, or None."""
    for name in path.split("/"):
        found = sorted(_WINDOWS_CHARACTERS.intersection(name))
        if found:
            return f"Windows does not allow {' '.join(found)} in a name"
        if name != name.rstrip(". "):
            return f"on Windows a name cannot end with a dot or a space, as `{name}` does"
        if name.split(".")[0].rstrip(" ").lower() in _WINDOWS_DEVICES:
            return f"on Windows `{name}` is the name of a device"
        if len(name.encode("utf-16-le", "surrogatepass")) > 2 * _MAX_WINDOWS_NAME:
            return f"on Windows a name cannot have more than {_MAX_WINDOWS_NAME} characters"
    return None


def literal_glob(path: str) -> str:
    """A glob that matches only `path`, with any characters in it."""
    return re.sub(r"[\[\]*?]", r"[\g<0>]", path)


def place_inside(folder: str, path: str, *, siblings: bool = False) -> str | None:
    """Where `path`, written relative to `folder`, leads; None if it leads outside.

    `folder` is relative to a root folder (empty for the root itself), and so is the result, in
    normal form: ``.`` for the root. With `siblings` it may also lead into another folder beside the
    root, ``../<name>``. Nothing is assumed of the root's own name: a way out and back in by that
    name leads outside.
    """
    place = posixpath.normpath(posixpath.join(folder, path))
    if place.startswith("/"):
        return None
    ups, below = _ups(place)
    inside = ups == 0 or (siblings and ups == 1 and bool(below))
    return place if inside else None


def link_problem(path: str, target: str, *, ups_first: bool = False) -> str | None:
    """Why a link at `path` in a layer may not point to `target`, or None.

    A link is relative, and stays in the layer's folder or enters the folder of a sibling layer.
    `ups_first` allows ``..`` only before all names: a name may be another link, and ``..`` after it
    could lead anywhere.
    """
    if _CONTROL.search(target) or "\\" in target:
        return "the link's target contains a backslash or a control character"
    if not target or target.startswith("/") or _DRIVE.match(target):
        return "the link's target is not a relative path"
    if not is_unicode(target):
        return "the link's target is not Unicode text"
    if ups_first and ".." in _ups(target)[1]:
        return "the link's target has `..` after a name"
    if place_inside(posixpath.dirname(path), target, siblings=True) is None:
        return "the link's target is outside of the layers' folder"
    return None


def _ups(path: str) -> tuple[int, tuple[str, ...]]:
    """How many steps up a relative path begins with, and the names that follow them."""
    parts = tuple(part for part in path.split("/") if part not in ("", "."))
    ups = next((i for i, part in enumerate(parts) if part != ".."), len(parts))
    return ups, parts[ups:]


def _length_problem(path: str, parts: Sequence[str]) -> str | None:
    folders = len(parts) - 1
    if folders > MOST_FOLDERS:
        return f"the path has {folders} folders; {MOST_FOLDERS} are accepted"
    size = len(path.encode("utf-8"))
    if size > MOST_PATH_BYTES:
        return f"the path has {size} bytes; {MOST_PATH_BYTES} are accepted"
    if size <= MOST_NAME_BYTES:
        return None
    # In bytes: the name with the most characters need not be the longest.
    name = max(parts, key=lambda part: len(part.encode("utf-8")))
    size = len(name.encode("utf-8"))
    return None if size <= MOST_NAME_BYTES else f"`{name[:20]}...` is a name of {size} bytes"
