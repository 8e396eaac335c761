"""The files that layers are made from: wheels and interpreter archives."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.python_versions import PythonVersion
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class WheelFile:
    """A wheel's file, and what is known of it."""

    path: GivenPath
    file_name: str
    """As in the lockfile; the tags in it count, not those of `path`."""
    sha256: str
    """In hexadecimal, as in the lockfile."""
    size: int
    """In bytes."""


@dataclass(frozen=True)
class LayerWheel(WheelFile):
    """A wheel, and which of its files a layer has."""

    exclude: tuple[str, ...] = ()
    """Globs of its files that stay out of the layer, sorted."""
    scripts: tuple[str, ...] = ()
    """Globs of the names of its scripts that the layer has, sorted."""


@dataclass(frozen=True)
class InterpreterFile:
    """An interpreter's archive, and what is known of it."""

    archive: GivenPath
    """``.tar.gz``, ``.tar.zst``, ``.tar.xz`` or ``.tar``, with one top-level folder ``python``."""
    sha256: Optional[str]
    """What the lockfile says of the archive; None if nothing is pinned."""
    size: Optional[int]
    """In bytes."""
    python_version: PythonVersion
    """``X.Y`` or ``X.Y.Z`` that the runtime declares."""
    strip: tuple[str, ...] = ()
    """The parts that the runtime leaves out, sorted."""
