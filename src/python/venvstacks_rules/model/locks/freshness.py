"""Whether a lockfile still fits its layer and the layers below, or why not."""

from __future__ import annotations

import enum
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import NamedTuple

from packaging.requirements import Requirement

from venvstacks_rules.model.layers.requirements import normalised_requirements, parsed_requirement
from venvstacks_rules.model.locks.distributions import changed_distributions
from venvstacks_rules.model.locks.foreign import changes_shown, unsatisfied
from venvstacks_rules.model.locks.metadata import HashedInputs, LockMetadata
from venvstacks_rules.model.locks.pylock import (
    Lockfile,
    LockInputs,
)
from venvstacks_rules.model.platforms.markers import may_hold
from venvstacks_rules.model.platforms.python_versions import (
    is_release_of,
    names_patch_release,
    python_version_of,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform
from venvstacks_rules.model.wording import quoted


class LockState(enum.Enum):
    """Whether a lock can be used, and if not, why."""

    DISABLED = "disabled"
    """The layer has no platforms, so it needs no lock."""
    MISSING = "missing"
    UNREADABLE = "unreadable"
    STALE = "stale"
    UNJUDGED = "unjudged"
    """A layer below has no readable lock; locking that layer renews this lock too."""
    VALID = "valid"


def stale_reasons(
    lock: Lockfile, expected: LockInputs, origins: Iterable[tuple[str, str]] = ()
) -> tuple[str, ...]:
    """Why `lock` no longer fits its layer; empty if it fits.

    `origins` has the addresses of targets that declare requirements, by the requirement.
    A lockfile of another tool does not record its inputs: it fits if it satisfies the declared
    requirements on every platform.
    """
    expected = replace(expected, requirements=normalised_requirements(expected.requirements))
    if lock.inputs is None:
        return (
            *unsatisfied(lock, expected),
            *_unnamed_release(lock, expected),
            *changed_distributions((), expected.distributions),
        )
    declared = {normalised_requirements([text])[0]: spec for text, spec in origins}
    reasons = [*_changed_inputs(lock.inputs, expected, declared), *_unnamed_release(lock, expected)]
    # Other tools do not pin interpreters; then the build pins the interpreter that it takes.
    if expected.python_provider == "pbs":
        pinned = {interpreter.platform for interpreter in lock.interpreters}
        missing = [name for name in expected.platforms if name not in pinned]
        if missing:
            reasons.append(f"it pins no interpreter archive for {quoted(missing)}")
    return tuple(reasons)


def _unnamed_release(lock: Lockfile, expected: LockInputs) -> Iterator[str]:
    """That a lock should name the release of an interpreter, and does not."""
    wanted = python_version_of(expected.python_implementation)
    if expected.python_provider != "pbs" or names_patch_release(wanted):
        return
    if lock.python_version is None or not is_release_of(lock.python_version, wanted):
        yield f"it names no release of CPython {wanted}"


def metadata_reasons(
    lock: Lockfile, metadata: LockMetadata | None, inputs: HashedInputs
) -> tuple[str, ...]:
    """Why `lock` no longer fits, according to the hashes in the file beside it."""
    reasons = list(changes_shown(lock, metadata, inputs)) if lock.inputs is None else []
    if not inputs.versioned:
        return tuple(reasons)
    if metadata is None:
        reasons.append("there is no `.meta.json` beside it, which has the layer's version")
        return tuple(reasons)
    now = inputs.hashes(lock.requirements_hash)
    if lock.inputs is not None and metadata.hashes.requirements != now.requirements:
        reasons.append("its `.meta.json` has the version of different content")
    if metadata.hashes.version_inputs != now.version_inputs:
        what = inputs.version_inputs_called
        reasons.append(f"{what} changed since version {metadata.lock_version} was locked")
    return tuple(reasons)


def inconsistent_with_lower(
    lock: Lockfile, lower: tuple[tuple[str, Lockfile], ...], platforms: Iterable[str] = ()
) -> tuple[str, ...]:
    """Contradictions between `lock` and the locks of the lower layers, in import order.

    On every platform, a lower layer must install each package marked as provided, in the same
    version, and must not install the layer's own packages in another version. `platforms` are
    names; by default those recorded in `lock`, or all.
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
            if found is not None and found.version != package.version:
                reasons[
                    f"{what} is locked, but lower layer `{found.layer}` has {found.version}"
                ] = None
            elif found is None and package.from_lower_layer and lower:
                reasons[f"{what} is marked as provided, but no lower layer provides it"] = None
    return tuple(reasons)


class ProvidedPackage(NamedTuple):
    """A package that a lower layer installs on a platform."""

    version: str
    layer: str
    """The layer_name."""
    url: str | None = None
    """What a requirement names if that is no version: the URL of its wheel, or a commit."""


def provided_packages(
    lower: Iterable[tuple[str, Lockfile]], platform: TargetPlatform, python_version: str
) -> dict[str, ProvidedPackage]:
    """The packages that lower layers, in import order, install on a platform, by name.

    The first layer that provides a package wins, as it does on ``sys.path``.
    """
    found: dict[str, ProvidedPackage] = {}
    for layer, lock in lower:
        for package in lock.packages:
            if package.from_lower_layer or package.name in found:
                continue
            if may_hold(package.marker, platform, python_version):
                # A URL that is required directly names one wheel, which is in no index.
                one = package.index is None and len(package.wheels) == 1
                direct = package.wheels[0].url if one else None
                if package.source is not None and package.source.commit is not None:
                    direct = package.source.commit.reference
                found[package.name] = ProvidedPackage(package.version, layer, direct)
    return found


def _changed_inputs(old: LockInputs, new: LockInputs, origins: Mapping[str, str]) -> Iterator[str]:
    yield from _changed_requirements(old.requirements, new.requirements, origins)
    yield from changed_distributions(old.distributions, new.distributions)
    for name in ("python_implementation", "linux_target", "macosx_target"):
        before, after = getattr(old, name), getattr(new, name)
        if before != after:
            yield f"`{name}` was `{before}`, is now `{after}`"
    if set(old.platforms) != set(new.platforms):
        before, after = (quoted(inputs.platforms) or "none" for inputs in (old, new))
        yield f"`platforms` were {before}, are now {after}"
    for name in ("package_indexes", "priority_indexes", "local_wheels", "build_from_source"):
        if getattr(old, name) != getattr(new, name):
            yield f"`{name}` changed"
    yield from old.choices.changes(new.choices)
    if old.uv_config != new.uv_config:
        what = "was added" if old.uv_config is None else "changed"
        yield f"`[tool.uv]` {'was removed' if new.uv_config is None else what}"
    yield from _changed_layers(old.lower_layers, new.lower_layers)


def _changed_requirements(
    old: tuple[str, ...], new: tuple[str, ...], origins: Mapping[str, str]
) -> Iterator[str]:
    gone = [requirement for requirement in old if requirement not in new]
    come = [requirement for requirement in new if requirement not in old]
    for requirement in come:
        name = Requirement(requirement).name
        of_target = f", of {origins[requirement]}" if requirement in origins else ""
        # Only a lockfile that somebody edited has requirements that cannot be parsed.
        before = [
            other for other in gone if getattr(parsed_requirement(other), "name", other) == name
        ]
        if len(before) == 1:
            gone.remove(before[0])
            yield f"requirement `{before[0]}` is now `{requirement}`{of_target}"
        else:
            yield f"requirement `{requirement}` was added{of_target}"
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
        yield f"the lower layers were {quoted(before)}, are now {quoted(after)}"
