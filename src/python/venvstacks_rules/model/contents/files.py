"""The files of a layer: those in its archive, and those that come from no wheel."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass

MODIFICATION_TIME = 315619200
"""1980-01-02T00:00:00Z. Zip archives store local times, 1980-01-01 at the earliest: programs that
pack files of a layer (``zipfile``, ``shutil.make_archive``) can do so in every time zone."""


@dataclass(frozen=True)
class ArchivedFile:
    """One file or link of a segment."""

    path: str
    """Relative to the layer's folder, with forward slashes."""
    size: int
    """In bytes; 0 for a link."""
    sha256: str
    """Of the content; empty for a link."""
    executable: bool = False
    link_target: Optional[str] = None
    """The target of a symbolic link, relative to the link's folder."""


@dataclass(frozen=True)
class OwnFile:
    """A file of the layer itself: generated text, or a file of the working directory."""

    path: str
    """Relative to the layer's folder."""
    text: Optional[str] = None
    source: Optional[GivenPath] = None
    """A file to copy; exactly one of `text` and `source` is set."""
    executable: bool = False


@dataclass(frozen=True)
class OwnLink:
    """A symbolic link of the layer itself."""

    path: str
    target: str
