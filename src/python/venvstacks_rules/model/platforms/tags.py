"""The wheel tags that a target platform accepts.

Computed from values, following the "platform compatibility tags" specification of PyPA.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from packaging import tags

from venvstacks_rules.model.platforms.libc import (
    DEFAULT_LINUX_TARGET,
    MUSL,
    LinuxTarget,
    parsed_linux_target,
)
from venvstacks_rules.model.platforms.python_versions import (
    is_free_threaded,
    language_version,
)
from venvstacks_rules.model.platforms.target_platforms import (
    DEFAULT_MACOSX_TARGET,
    TargetPlatform,
    macosx_version,
)

_MACOSX_TAG = re.compile(r"macosx_(\d{1,3})_(\d{1,3})_")
_MANYLINUX_TAG = re.compile(r"manylinux_(\d{1,3})_(\d{1,3})_")
_MUSLLINUX_TAG = re.compile(r"musllinux_(\d{1,3})_(\d{1,3})_")

# The glibc versions with manylinux aliases of their own.
_LEGACY_MANYLINUX = {(2, 17): "manylinux2014", (2, 12): "manylinux2010", (2, 5): "manylinux1"}


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


def newer_targets(
    platform_tags: Iterable[str], platform: TargetPlatform, linux_target: str, macosx_target: str
) -> tuple[str, ...]:
    """The versions of a system that wheels are for and that are newer than the target, in order.

    These are values of ``linux_target``, with the same C library, or of ``macosx_target``.
    """
    if platform.system == "win":
        return ()
    if platform.system == "macosx":
        found = {_MACOSX_TAG.match(tag) for tag in platform_tags}
        form, now = "{}.{}", macosx_version(macosx_target)
    else:
        target = parsed_linux_target(linux_target)
        pattern = _MUSLLINUX_TAG if target.libc == MUSL else _MANYLINUX_TAG
        found = {pattern.match(_modern_tag(tag)) for tag in platform_tags}
        form, now = f"{target.libc}@{{}}.{{}}", target.version
    versions = {(int(match[1]), int(match[2])) for match in found if match}
    return tuple(form.format(*version) for version in sorted(versions) if version > now)


def _modern_tag(tag: str) -> str:
    alias, _, machine = tag.partition("_")
    versions = [version for version, name in _LEGACY_MANYLINUX.items() if name == alias]
    return f"manylinux_{versions[0][0]}_{versions[0][1]}_{machine}" if versions else tag


def target_version(target: str) -> tuple[int, ...]:
    """The version in a ``linux_target`` or ``macosx_target``, to compare it with others."""
    return tuple(int(number) for number in target.rpartition("@")[2].split("."))


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
    """Like `tags.cpython_tags` of recent releases; older ones do not know these builds.

    ``abi3`` is the stable ABI of the other builds; PEP 803 gives these one of their own.
    """
    interpreter = f"cp{major}{minor}"
    for abi in (f"{interpreter}t", "abi3t", "none"):
        for platform in platforms:
            yield tags.Tag(interpreter, abi, platform)
    for older in range(minor - 1, 1, -1):
        for platform in platforms:
            yield tags.Tag(f"cp{major}{older}", "abi3t", platform)
