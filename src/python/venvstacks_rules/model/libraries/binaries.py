"""What the dynamic loaders of the target platforms read in a binary.

Facts only, as they stand in the file: which names it answers to, which it asks for and where it
looks for them. What follows from them is decided elsewhere.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

ELF, MACHO, PE = "elf", "macho", "pe"

FORMATS = {"linux": ELF, "macosx": MACHO, "win": PE}
"""The format of the binaries of a system, as target platforms name it."""

LIBRARY, BUNDLE, PROGRAM = "library", "bundle", "program"
"""The kinds of binaries. A bundle can be loaded by its path, and cannot be linked to."""


@dataclass(frozen=True)
class Binary:
    """A binary for one machine; a file for several is one for each."""

    path: str
    """Relative to the layer's folder, with forward slashes."""
    sha256: str
    """Of the whole file."""
    format: str
    """``elf``, ``macho`` or ``pe``."""
    kind: str = LIBRARY
    """``library``, ``bundle`` or ``program``."""
    machine: str = ""
    """As wheel tags for the format's system spell it, where they know it."""
    name: Optional[str] = None
    """The soname or the install name; None where there is none."""
    needed: tuple[str, ...] = ()
    """The libraries that it cannot be loaded without, as they are asked for."""
    optional: tuple[str, ...] = ()
    """Those that it can do without: weak ones, and those that are loaded when they are used."""
    run_paths: tuple[str, ...] = ()
    """The folders that it brings along, with ``$ORIGIN`` and the like as they are written."""
    inherited: bool = False
    """Whether the run paths serve those that it loads, too: a ``DT_RPATH``, an ``LC_RPATH``."""
    minimum: Optional[str] = None
    """The oldest glibc or macOS that it says it runs on, ``X.Y``."""
    problem: Optional[str] = None
    """Why nothing but path, hash and format are known."""
