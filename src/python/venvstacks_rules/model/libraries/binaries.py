"""The facts in a binary that the dynamic loaders of the target platforms read.

Only facts, as in the file: its names, the names that it asks for, and where it looks for them.
Other modules decide what follows from them.
"""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.values import dataclass

ELF, MACHO, PE = "elf", "macho", "pe"

FORMATS = {"linux": ELF, "macosx": MACHO, "win": PE}
"""The format of the binaries of a system, as target platforms name it."""

LIBRARY, BUNDLE, PROGRAM = "library", "bundle", "program"
"""The kinds of binaries. A bundle can be loaded by its path, and cannot be linked to."""


@dataclass(frozen=True)
class Binary:
    """A binary for one machine; a file for several machines is several binaries."""

    path: str
    """Relative to the layer's folder, with forward slashes."""
    sha256: str
    """Of the whole file."""
    format: str
    """``elf``, ``macho`` or ``pe``."""
    kind: str = LIBRARY
    """``library``, ``bundle`` or ``program``."""
    machine: str = ""
    """In the spelling of wheel tags for the format's system, if they have it."""
    name: Optional[str] = None
    """The soname or the install name; None if it has neither."""
    needed: tuple[str, ...] = ()
    """The libraries that it cannot load without, as it asks for them."""
    optional: tuple[str, ...] = ()
    """Libraries that it can do without: weak ones, and those that it loads when it uses them."""
    run_paths: tuple[str, ...] = ()
    """The folders where it looks for them, as written, with ``$ORIGIN`` and the like."""
    inherited: bool = False
    """Whether the libraries that it loads use its run paths, too: ``DT_RPATH``, ``LC_RPATH``."""
    minimum: Optional[str] = None
    """The oldest glibc or macOS that it claims to run on, ``X.Y``."""
    debug_size: int = 0
    """The bytes of its sections that only debuggers read."""
    problem: Optional[str] = None
    """Why only path, hash and format are known; None for a readable binary."""


def version_numbers(version: str) -> tuple[int, ...]:
    """The numbers of a version like ``2.28``, to compare versions with."""
    return tuple(int(number) for number in version.split("."))
