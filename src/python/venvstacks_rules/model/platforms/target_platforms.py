"""Target platforms and their names.

Nothing here looks at the machine it runs on.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Annotated

DEFAULT_MACOSX_TARGET = "13.0"

_MACOSX_TARGET = re.compile(r"(\d{1,3})(?:\.(\d{1,3})(?:\.\d+)?)?")


@dataclass(frozen=True)
class TargetPlatform:
    """A platform that layers are built for."""

    name: str
    """As in stack files and file names: ``linux_x86_64``."""
    system: str
    """``linux``, ``macosx`` or ``win``."""
    machine: str
    """The machine as wheel tags spell it: ``x86_64``, ``aarch64``, ``arm64``, ``amd64``."""

    @property
    def os_name(self) -> str:
        """``posix`` or ``nt``, as in markers; it decides the layout of a layer."""
        return "nt" if self.system == "win" else "posix"

    @property
    def case_sensitive(self) -> bool:
        """Whether file names that differ only by case always are two names."""
        return self.system == "linux"


LINUX_X86_64 = TargetPlatform("linux_x86_64", "linux", "x86_64")
LINUX_AARCH64 = TargetPlatform("linux_aarch64", "linux", "aarch64")
MACOSX_ARM64 = TargetPlatform("macosx_arm64", "macosx", "arm64")
MACOSX_X86_64 = TargetPlatform("macosx_x86_64", "macosx", "x86_64")
WIN_AMD64 = TargetPlatform("win_amd64", "win", "amd64")
WIN_ARM64 = TargetPlatform("win_arm64", "win", "arm64")

PLATFORMS: dict[str, TargetPlatform] = {
    platform.name: platform
    for platform in (
        LINUX_X86_64,
        LINUX_AARCH64,
        MACOSX_ARM64,
        MACOSX_X86_64,
        WIN_AMD64,
        WIN_ARM64,
    )
}
"""All target platforms by name, in the order of messages and lockfiles."""


def macosx_version(macosx_target: str) -> tuple[int, int]:
    """The oldest macOS that a layer must run on, from ``X`` or ``X.Y``.

    A patch release may follow, and does not count: wheel tags do not have it. Raises ValueError for
    other text.
    """
    match = _MACOSX_TARGET.fullmatch(macosx_target)
    if match is None:
        raise ValueError(f"`{macosx_target}` is not a macOS version `X.Y`")
    return int(match[1]), int(match[2] or 0)


def macosx_target_problem(written: str) -> str | None:
    """Why `written` is no version of macOS, or None."""
    try:
        macosx_version(written)
    except ValueError as e:
        return str(e)
    return None


MacosxTarget = Annotated[str, macosx_target_problem]
"""The oldest macOS that a layer must run on, as written."""
