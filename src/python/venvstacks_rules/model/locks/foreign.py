"""Locks of other tools: whether they still fit their layer."""

from __future__ import annotations

from collections.abc import Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from venvstacks_rules.model.locks.metadata import HashedInputs, LockMetadata
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile, LockInputs
from venvstacks_rules.model.locks.selection import fitting_platforms
from venvstacks_rules.model.platforms.markers import holds, may_hold
from venvstacks_rules.model.platforms.python_versions import (
    language_version,
    names_patch_release,
    python_version_of,
    release,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform
from venvstacks_rules.model.wording import quoted


def changes_shown(
    lock: Lockfile, metadata: LockMetadata | None, inputs: HashedInputs
) -> Iterator[str]:
    """The changes since a lock that show in the hashes beside it, and not in its own content.

    Without the hashes we cannot trust the lock: then it must have wheels for every platform. With
    them, only a build for a platform needs the platform's wheels.
    """
    if metadata is None:
        yield from _without_wheel(lock, inputs)
        return
    now = inputs.hashes(lock.requirements_hash)
    then = metadata.hashes
    if then.requirements != now.requirements:
        yield "its `.meta.json` belongs to different content: only one of the two files was changed"
    if then.lock_input != now.lock_input:
        yield "`requirements` are not those that it was locked for"
    if then.other_inputs != now.other_inputs:
        yield (
            "the Python version, `linux_target`, `macosx_target` or the layers below are not "
            "those that it was locked for"
        )


def _without_wheel(lock: Lockfile, inputs: HashedInputs) -> Iterator[str]:
    version = inputs.python_version
    for package in lock.packages:
        if package.from_lower_layer:
            continue
        fitting = fitting_platforms(
            package.wheels, version, inputs.linux_target, inputs.macosx_target
        )
        missing = [
            name
            for name in inputs.platforms
            if name not in fitting and may_hold(package.marker, PLATFORMS[name], version)
        ]
        if missing:
            yield f"`{package.name}=={package.version}` has no wheel for {quoted(missing)}"


def unsatisfied(lock: Lockfile, expected: LockInputs) -> Iterator[str]:
    """The inputs in `expected` that the content of `lock` does not satisfy."""
    python_version = python_version_of(expected.python_implementation)
    some_release = f"{language_version(python_version)}.0"
    if names_patch_release(python_version):
        some_release = release(python_version)
    if not SpecifierSet(lock.requires_python).contains(some_release, prereleases=True):
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
            yield f"requirement `{text}` is not met on {quoted(unmet)}"


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
