"""The C library that a layer must run on, on Linux: ``glibc@X.Y`` or ``musl@X.Y``."""

from __future__ import annotations

import re
from typing import Annotated

from venvstacks_rules.model.values import dataclass

DEFAULT_LINUX_TARGET = "glibc@2.28"

GLIBC = "glibc"
MUSL = "musl"

# The versions for a C library that is named without one.
_DEFAULT_VERSIONS = {GLIBC: (2, 28), MUSL: (1, 2)}
# The tags of wheels count down from this version to the oldest: three digits are enough.
_LINUX_TARGET = re.compile(r"(glibc|musl)(?:@(\d{1,3})\.(\d{1,3}))?")


@dataclass(frozen=True)
class LinuxTarget:
    """The C library that a layer must run on, on Linux."""

    libc: str
    """``glibc`` or ``musl``."""
    version: tuple[int, int]
    """The oldest version."""

    def __str__(self) -> str:
        return f"{self.libc}@{self.version[0]}.{self.version[1]}"


def linux_target_problem(written: str) -> str | None:
    """Why `written` is no such target, or None."""
    try:
        parsed_linux_target(written)
    except ValueError as e:
        return str(e)
    return None


LinuxTargetText = Annotated[str, linux_target_problem]
"""``glibc@X.Y`` or ``musl@X.Y``, as written."""


def parsed_linux_target(written: str) -> LinuxTarget:
    """Parse ``glibc``, ``musl``, ``glibc@X.Y`` or ``musl@X.Y``; raises ValueError otherwise."""
    match = _LINUX_TARGET.fullmatch(written)
    if match is None:
        raise ValueError(f"`{written}` is not `glibc@X.Y` or `musl@X.Y`")
    if match[2] is None:
        return LinuxTarget(match[1], _DEFAULT_VERSIONS[match[1]])
    return LinuxTarget(match[1], (int(match[2]), int(match[3])))
