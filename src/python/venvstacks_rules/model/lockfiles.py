"""Lockfiles: whether one still fits its layer and the layers below, and why it does not.

The types themselves are made in :mod:`~venvstacks_rules.model.pylock` and are offered here too.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from venvstacks_rules.model.credentials import has_credentials, without_credentials
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layout import short_version
from venvstacks_rules.model.markers import holds, may_hold
from venvstacks_rules.model.platforms import PLATFORMS, TargetPlatform
from venvstacks_rules.model.pylock import (
    LockedInterpreter,
    LockedPackage,
    LockedWheel,
    Lockfile,
    LockInputs,
    mirrored_url,
    uv_config_hash,
)

__all__ = [
    "LockInputs",
    "LockedInterpreter",
    "LockedPackage",
    "LockedWheel",
    "Lockfile",
    "inconsistent_with_lower",
    "mirrored_url",
    "normalised_requirements",
    "provided_packages",
    "stale_reasons",
    "uv_config_hash",
]


def normalised_requirements(requirements: Iterable[str]) -> tuple[str, ...]:
    """Requirements sorted and in one spelling, whatever release of ``packaging`` is at hand.

    LockError lists those that are not PEP 508 requirements, and those with a password in them.
    """
    declared = tuple(requirements)
    unreadable = sorted(text for text in declared if _parsed(text) is None)
    if unreadable:
        raise LockError(
            "requirements that cannot be read",
            [f"`{text}` is not a requirement as PEP 508 has them" for text in unreadable],
        )
    spreading = sorted(text for text in declared if has_credentials(Requirement(text).url or ""))
    if spreading:
        raise LockError(
            "requirements that would spread credentials",
            [_credentials_problem(Requirement(text)) for text in spreading],
        )
    return tuple(sorted({_normalised(Requirement(text)) for text in declared}))


def stale_reasons(lock: Lockfile, expected: LockInputs) -> tuple[str, ...]:
    """Why `lock` no longer fits what its layer asks for; empty where it does.

    A lockfile that another tool wrote has no inputs recorded: it fits if it satisfies the
    declared requirements on every platform.
    """
    expected = replace(expected, requirements=normalised_requirements(expected.requirements))
    reasons = [] if lock.inputs is None else list(_changed_inputs(lock.inputs, expected))
    if lock.inputs is None:
        reasons += _unsatisfied(lock, expected)
    # Other tools pin no interpreters; the build then pins the one that it takes.
    if expected.python_provider == "pbs" and lock.inputs is not None:
        pinned = {interpreter.platform for interpreter in lock.interpreters}
        missing = [name for name in expected.platforms if name not in pinned]
        if missing:
            reasons.append(f"it pins no interpreter archive for {_quoted(missing)}")
    return tuple(reasons)


def inconsistent_with_lower(
    lock: Lockfile, lower: tuple[tuple[str, Lockfile], ...], platforms: Iterable[str] = ()
) -> tuple[str, ...]:
    """Where `lock` and the locks of the lower layers, in import order, contradict each other.

    On every platform a package marked as provided must be one that a lower layer installs in that
    version, and the layer's own packages must not be there in another version. `platforms` are
    names; without them those recorded in `lock` are taken, or all.
    """
    names = tuple(platforms) or (lock.inputs.platforms if lock.inputs else tuple(PLATFORMS))
    python_version = lock.requires_python.replace("==", "").replace(".*", "").strip()
    reasons: dict[str, None] = {}
    for platform in (PLATFORMS[name] for name in names if name in PLATFORMS):
        provided = provided_packages(lower, platform, python_version)
        for package in lock.packages:
            if not may_hold(package.marker, platform, python_version):
                continue
            found = provided.get(package.name)
            what = f"`{package.name}=={package.version}`"
            if found is not None and found[0] != package.version:
                reasons[f"{what} is locked, and lower layer `{found[1]}` has {found[0]}"] = None
            elif found is None and package.from_lower_layer and lower:
                reasons[f"{what} is marked as provided, and no lower layer provides it"] = None
    return tuple(reasons)


def provided_packages(
    lower: Iterable[tuple[str, Lockfile]], platform: TargetPlatform, python_version: str
) -> dict[str, tuple[str, str]]:
    """What lower layers, in import order, install on a platform: name -> (version, layer_name).

    The first layer that provides a package wins, as it does on ``sys.path``.
    """
    found: dict[str, tuple[str, str]] = {}
    for layer, lock in lower:
        for package in lock.packages:
            if package.from_lower_layer or package.name in found:
                continue
            if may_hold(package.marker, platform, python_version):
                found[package.name] = (package.version, layer)
    return found


def _normalised(requirement: Requirement) -> str:
    text: str = canonicalize_name(requirement.name)
    if requirement.extras:
        extras = ",".join(sorted(canonicalize_name(extra) for extra in requirement.extras))
        text += f"[{extras}]"
    if requirement.url:
        text += f" @ {requirement.url}"
    text += ",".join(sorted(str(specifier) for specifier in requirement.specifier))
    return f"{text} ; {requirement.marker}" if requirement.marker else text


def _credentials_problem(requirement: Requirement) -> str:
    url = requirement.url or ""
    return (
        f"`{requirement.name} @ {without_credentials(url)}` is written with credentials, which a "
        f"lockfile would keep; put them into netrc, for {urlsplit(url).hostname}"
    )


def _changed_inputs(old: LockInputs, new: LockInputs) -> Iterator[str]:
    yield from _changed_requirements(old.requirements, new.requirements)
    for name in ("python_implementation", "linux_target", "macosx_target"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"`{name}` was `{before}`, is now `{after}`"
    if set(old.platforms) != set(new.platforms):
        yield f"`platforms` were {_quoted(old.platforms)}, are now {_quoted(new.platforms)}"
    if old.uv_config != new.uv_config:
        what = "was added" if old.uv_config is None else "changed"
        yield f"`[tool.uv]` {'was removed' if new.uv_config is None else what}"
    yield from _changed_layers(old.lower_layers, new.lower_layers)


def _changed_requirements(old: tuple[str, ...], new: tuple[str, ...]) -> Iterator[str]:
    gone = [requirement for requirement in old if requirement not in new]
    come = [requirement for requirement in new if requirement not in old]
    for requirement in come:
        name = Requirement(requirement).name
        # What cannot be parsed comes from a lockfile that was edited by hand.
        before = [other for other in gone if getattr(_parsed(other), "name", other) == name]
        if len(before) == 1:
            gone.remove(before[0])
            yield f"requirement `{before[0]}` is now `{requirement}`"
        else:
            yield f"requirement `{requirement}` was added"
    for requirement in gone:
        yield f"requirement `{requirement}` was removed"


def _changed_layers(
    old: tuple[tuple[str, str], ...], new: tuple[tuple[str, str], ...]
) -> Iterator[str]:
    before, after = dict(old), dict(new)
    for name, digest in after.items():
        if name not in before:
            yield f"lower layer `{name}` was added"
        elif before[name] != digest:
            yield f"lower layer `{name}` was locked again"
    for name in before:
        if name not in after:
            yield f"lower layer `{name}` was removed"
    if set(before) == set(after) and list(before) != list(after):
        yield f"the lower layers were {_quoted(before)}, are now {_quoted(after)}"


def _unsatisfied(lock: Lockfile, expected: LockInputs) -> Iterator[str]:
    python_version = expected.python_implementation.rpartition("@")[2]
    full = python_version != short_version(python_version)
    release = python_version if full else f"{python_version}.0"
    if not SpecifierSet(lock.requires_python).contains(release, prereleases=True):
        yield (
            f"it is for Python `{lock.requires_python}`, and the layer's is "
            f"`{expected.python_implementation}`"
        )
        return
    for text in expected.requirements:
        requirement = Requirement(text)
        marker = str(requirement.marker) if requirement.marker else None
        unmet = []
        for name in expected.platforms:
            platform = PLATFORMS[name]
            needed = holds(marker, platform, python_version)
            if needed and not _met(requirement, lock.packages, platform, python_version):
                unmet.append(name)
        if unmet:
            yield f"requirement `{text}` is not met on {_quoted(unmet)}"


def _met(
    requirement: Requirement,
    packages: tuple[LockedPackage, ...],
    platform: TargetPlatform,
    python_version: str,
) -> bool:
    name = canonicalize_name(requirement.name)
    return any(
        package.name == name
        and requirement.specifier.contains(package.version, prereleases=True)
        and may_hold(package.marker, platform, python_version)
        for package in packages
    )


def _parsed(requirement: str) -> Requirement | None:
    try:
        return Requirement(requirement)
    except InvalidRequirement:
        return None


def _quoted(names: Iterable[str]) -> str:
    return ", ".join(f"`{name}`" for name in names) or "none"
