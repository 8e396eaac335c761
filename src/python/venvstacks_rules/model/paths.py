"""Judges paths that come from outside: wheels, archives, segment indexes."""

from __future__ import annotations

import posixpath
import re

_DRIVE = re.compile(r"[A-Za-z]:")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


def path_problem(path: str) -> str | None:
    """Why `path` cannot be the path of a file below a folder, or None.

    Accepted are relative paths in normal form, with forward slashes, that name a file on every
    platform: what one unpacker reads as a name, no other may read as a way out of the folder.
    """
    if _CONTROL.search(path) or "\\" in path:
        return "the path holds a backslash or a control character"
    if path.startswith("/") or _DRIVE.match(path):
        return "the path is absolute"
    parts = path.split("/")
    if ".." in parts:
        return "the path holds `..`"
    if "" in parts or "." in parts:
        return "the path holds an empty component or `.`"
    try:
        path.encode("utf-8")
    except UnicodeEncodeError:
        return "the path is not Unicode text"
    return None


def literal_glob(path: str) -> str:
    """A glob that matches `path` and nothing else, whatever characters are in it."""
    return re.sub(r"[\[\]*?]", r"[\g<0>]", path)


def link_problem(path: str, target: str) -> str | None:
    """Why a link at `path` in a layer may not point to `target`, or None.

    A link is relative, and stays in the layer's folder or enters the folder of a sibling layer.
    """
    if _CONTROL.search(target) or "\\" in target:
        return "the link's target holds a backslash or a control character"
    if not target or target.startswith("/") or _DRIVE.match(target):
        return "the link's target is not a relative path"
    # Nothing is assumed of what the folder is called: a name that fits would lead back into it.
    steps = posixpath.normpath(posixpath.join(posixpath.dirname(path), target)).split("/")
    if steps == [".."] or steps[:2] == ["..", ".."]:
        return "the link's target is outside of the layers' folder"
    return None
