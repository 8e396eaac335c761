"""Target platforms: their names, marker environments and wheel tags.

Everything is computed from values: nothing here looks at the machine it runs on. Tags follow the
"platform compatibility tags" specification of PyPA; markers follow PEP 508.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from packaging import tags

from venvstacks_rules.model.linux_targets import (
    DEFAULT_LINUX_TARGET,
    MUSL,
    LinuxTarget,
    parsed_linux_target,
)
from venvstacks_rules.model.python_versions import (
    is_free_threaded,
    language_version,
    names_patch_release,
    release,
)

DEFAULT_MACOSX_TARGET = "13.0"

_MACOSX_TARGET = re.compile(r"(\d{1,3})(?:\.(\d{1,3})(?:\.\d+)?)?")

# The last glibc minor version that had a manylinux alias of its own.
_LEGACY_MANYLINUX = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}


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
        """``posix`` or ``nt``, as in markers; it decides how a layer is laid out."""
        return "nt" if self.system == "win" else "posix"

    @property
    def case_sensitive(self) -> bool:
        """Whether names of files that differ only by case are surely two names."""
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
"""All target platforms by name, in the order in which messages and lockfiles list them."""


def macosx_version(macosx_target: str) -> tuple[int, int]:
    """The oldest macOS that a layer must run on, from ``X`` or ``X.Y``; ValueError otherwise.

    A patch release may follow; wheels do not tell these apart.
    """
    match = _MACOSX_TARGET.fullmatch(macosx_target)
    if match is None:
        raise ValueError(f"`{macosx_target}` is not a macOS version `X.Y`")
    return int(match[1]), int(match[2] or 0)


def marker_environment(platform: TargetPlatform, python_version: str) -> dict[str, str]:
    """The values of environment markers on `platform`, for CPython `python_version` (X.Y[.Z]).

    ``platform_release`` and ``platform_version`` are facts of one machine, not of a platform, and
    are empty.
    """
    full = release(python_version)
    if not names_patch_release(python_version):
        full = f"{full}.0"
    system = {
        "linux": ("linux", "Linux"),
        "macosx": ("darwin", "Darwin"),
        "win": ("win32", "Windows"),
    }
    sys_platform, platform_system = system[platform.system]
    machine = platform.machine.upper() if platform.system == "win" else platform.machine
    return {
        "implementation_name": "cpython",
        "implementation_version": full,
        "os_name": platform.os_name,
        "platform_machine": machine,
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": full,
        "python_version": language_version(python_version),
        "sys_platform": sys_platform,
        "extra": "",
    }


def wheel_platforms(
    platform: TargetPlatform, linux_target: str, macosx_target: str
) -> tuple[str, ...]:
    """The platform tags that wheels for `platform` may carry, best first."""
    if platform.system == "win":
        return (f"win_{platform.machine}",)
    if platform.system == "macosx":
        version = macosx_version(macosx_target)
        return tuple(tags.mac_platforms(version, platform.machine))
    return tuple(_linux_platforms(platform.machine, parsed_linux_target(linux_target)))


def _linux_platforms(machine: str, target: LinuxTarget) -> Iterator[str]:
    major, newest = target.version
    if target.libc == MUSL:
        for minor in range(newest, -1, -1):
            yield f"musllinux_{major}_{minor}_{machine}"
    else:
        # PEP 600 counts back to the first glibc for the machine: 2.5 for x86_64, 2.17 elsewhere.
        oldest = 5 if machine == "x86_64" else 17
        for minor in range(newest, oldest - 1, -1):
            yield f"manylinux_{major}_{minor}_{machine}"
            alias = _LEGACY_MANYLINUX.get((major, minor))
            if alias is not None:
                yield f"{alias}_{machine}"
    yield f"linux_{machine}"


def compatible_tags(
    platform: TargetPlatform,
    python_version: str,
    linux_target: str = DEFAULT_LINUX_TARGET,
    macosx_target: str = DEFAULT_MACOSX_TARGET,
) -> tuple[tags.Tag, ...]:
    """All wheel tags that CPython `python_version` accepts on `platform`, best first."""
    major, minor = (int(part) for part in language_version(python_version).split("."))
    platforms = list(wheel_platforms(platform, linux_target, macosx_target))
    interpreter = f"cp{major}{minor}"
    if is_free_threaded(python_version):
        own = _free_threaded_tags(major, minor, platforms)
    else:
        own = tags.cpython_tags((major, minor), abis=[interpreter], platforms=platforms)
    return (
        *own,
        *tags.compatible_tags((major, minor), interpreter=interpreter, platforms=platforms),
    )


def _free_threaded_tags(major: int, minor: int, platforms: list[str]) -> Iterator[tags.Tag]:
    """As `tags.cpython_tags` of releases that know these builds, which not all have to.

    ``abi3`` is the stable ABI of the other builds; PEP 803 gives these one of their own.
    """
    interpreter = f"cp{major}{minor}"
    for abi in (f"{interpreter}t", "abi3t", "none"):
        for platform in platforms:
            yield tags.Tag(interpreter, abi, platform)
    for older in range(minor - 1, 1, -1):
        for platform in platforms:
            yield tags.Tag(f"cp{major}{older}", "abi3t", platform)
