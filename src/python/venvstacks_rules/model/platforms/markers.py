"""Environment markers (PEP 508), evaluated for target platforms instead of the host."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import lru_cache

from packaging.markers import InvalidMarker, Marker, UndefinedComparison
from packaging.version import InvalidVersion

from venvstacks_rules.model.platforms.python_versions import (
    language_version,
    names_patch_release,
    release,
)
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


def marker_environment(platform: TargetPlatform, python_version: str) -> dict[str, str]:
    """The values of environment markers on `platform`, for CPython `python_version` (X.Y[.Z]).

    ``platform_release`` and ``platform_version`` are empty: they depend on the machine.
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


_PROVIDED_CLAUSE = "sys_platform == 'from_lower_layer'"
_PROVIDED = re.compile(r"\((?P<own>.*)\) and " + re.escape(_PROVIDED_CLAUSE), re.DOTALL)

# Newer than any patch release that CPython will have.
_LAST_PATCH = 999


def split_provided(marker: str | None) -> tuple[str | None, bool]:
    """A marker without its never-true ``from_lower_layer`` clause, and whether it had one."""
    if marker is None:
        return None, False
    if marker == _PROVIDED_CLAUSE:
        return None, True
    match = _PROVIDED.fullmatch(marker)
    return (match["own"], True) if match else (marker, False)


def provided_marker(marker: str | None) -> str:
    """`marker` with the never-true clause of a package that a lower layer provides."""
    return f"({marker}) and {_PROVIDED_CLAUSE}" if marker else _PROVIDED_CLAUSE


def marker_problem(marker: str) -> str | None:
    """Why `marker` is not an environment marker, or None."""
    try:
        Marker(marker)
    except (InvalidMarker, RecursionError):
        return f"`{marker}` is not an environment marker"
    return None


def normalised_marker(marker: str) -> str:
    """`marker` in the spelling that goes into hashes."""
    return str(_parsed(marker)).replace('"', "'")


@lru_cache(maxsize=8192)
def holds(
    marker: str | None, platform: TargetPlatform, python_version: str, extra: str = ""
) -> bool:
    """Whether `marker` is true on `platform` for CPython `python_version` (X.Y.Z, or X.Y for .0).

    `extra` is the one that is asked for. A comparison with a value that depends on the machine
    (``platform_release``) is false.
    """
    if marker is None:
        return True
    environment = {**marker_environment(platform, python_version), "extra": extra}
    try:
        return _parsed(marker).evaluate(environment)
    except (InvalidVersion, UndefinedComparison):
        return False


def may_hold(marker: str | None, platform: TargetPlatform, python_version: str) -> bool:
    """Whether `marker` is true for some patch release of `python_version`, X.Y[.Z]."""
    return any(holds(marker, platform, version) for version in _releases(python_version))


def always_holds(marker: str | None, platform: TargetPlatform, python_version: str) -> bool:
    """Whether `marker` is true for all patch releases of `python_version`, X.Y[.Z]."""
    return all(holds(marker, platform, version) for version in _releases(python_version))


def platform_marker(platforms: Iterable[TargetPlatform]) -> str:
    """A marker that is true on exactly these platforms."""
    return _any_of([_clause(platform) for platform in platforms])


def platforms_among(group: Iterable[TargetPlatform], layer: Iterable[TargetPlatform]) -> str | None:
    """A marker that selects `group` among the platforms of a layer; None for all of them.

    It is as short as possible: if the group has all of the layer's platforms of a system, it does
    not ask for the machine.
    """
    wanted, every = tuple(group), tuple(layer)
    if set(every) <= set(wanted):
        return None
    clauses: dict[str, None] = {}
    for platform in wanted:
        whole = all(other in wanted for other in every if other.system == platform.system)
        clauses[_system(platform) if whole else _clause(platform)] = None
    return _any_of(list(clauses))


def _system(platform: TargetPlatform) -> str:
    return f"sys_platform == '{marker_environment(platform, '3')['sys_platform']}'"


def _clause(platform: TargetPlatform) -> str:
    machine = marker_environment(platform, "3")["platform_machine"]
    return f"{_system(platform)} and platform_machine == '{machine}'"


def _any_of(clauses: list[str]) -> str:
    if len(clauses) == 1:
        return clauses[0]
    return " or ".join(f"({clause})" if " and " in clause else clause for clause in clauses)


def _releases(python_version: str) -> tuple[str, ...]:
    if names_patch_release(python_version):
        return (python_version,)
    language = language_version(python_version)
    return f"{language}.0", f"{language}.{_LAST_PATCH}"


@lru_cache(maxsize=4096)
def _parsed(marker: str) -> Marker:
    return Marker(marker)
