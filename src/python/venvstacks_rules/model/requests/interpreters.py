"""The requests and results of the actions that find and capture a CPython of this machine."""

from __future__ import annotations

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.libc import DEFAULT_LINUX_TARGET, LinuxTargetText
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class FindInterpreterRequest:
    """Look for a CPython on this machine (verb ``find-interpreter``)."""

    target: str
    """The address of the runtime layer, for messages."""
    python_version: str
    """``X.Y`` (for the newest) or ``X.Y.Z``; with a ``t`` for a free-threaded build."""
    linux_target: LinuxTargetText = DEFAULT_LINUX_TARGET
    """``glibc@X.Y`` or ``musl@X.Y``: the interpreter must be for this C library."""
    to_compile: bool = False
    """Whether it only has to run on this machine, to compile: any C library will do."""


@dataclass(frozen=True)
class FoundInterpreter:
    """A CPython installation of this machine."""

    executable: str
    """Absolute path of the interpreter."""
    python_version: str
    """X.Y.Z."""
    fingerprint: str
    """A hash over the names, modes and contents of all files that a capture takes."""


@dataclass(frozen=True)
class PackInterpreterRequest:
    """Capture a CPython of this machine as an archive (verb ``pack-interpreter``).

    The archive has the layout of python-build-standalone's ``install_only`` archives: one
    top-level folder ``python``.
    """

    found: FoundInterpreter
    output: GivenPath
    """The archive to write, a ``.tar.zst``."""


@dataclass(frozen=True)
class PackedInterpreter:
    """A new interpreter archive."""

    path: str
    sha256: str
    size: int
