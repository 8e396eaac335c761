"""Which wheels of a lockfile a layer installs on one target platform."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache

from packaging.tags import Tag
from packaging.utils import parse_wheel_filename

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.platforms.libc import GLIBC, MUSL, parsed_linux_target
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.python_versions import (
    is_free_threaded,
    language_version,
    short_version,
)
from venvstacks_rules.model.platforms.tags import (
    compatible_tags,
    newer_targets,
    target_version,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform


def select_wheels(
    lock: Lockfile,
    *,
    platform: TargetPlatform,
    python_version: str,
    linux_target: str,
    macosx_target: str,
) -> tuple[LockedWheel, ...]:
    """The layer's own wheels on `platform`, one for each package, sorted by package name.

    `python_version` is X.Y or X.Y.Z. Raises LockError with every package without a wheel that
    fits, and every package that is locked in two versions for this platform.
    """
    chosen: dict[str, tuple[LockedPackage, LockedWheel]] = {}
    problems = []
    lacks = []
    for package in lock.packages:
        if package.from_lower_layer or not holds(package.marker, platform, python_version):
            continue
        wheel = best_wheel(
            package.wheels,
            platform=platform,
            python_version=python_version,
            linux_target=linux_target,
            macosx_target=macosx_target,
        )
        if wheel is None and package.is_built:
            problems.append(unfit_build_problem(package, platform, python_version))
        elif wheel is None:
            fitting = fitting_platforms(package.wheels, python_version, linux_target, macosx_target)
            lacks.append(
                wheel_lack(
                    package,
                    (platform.name,),
                    fitting,
                    python_version=python_version,
                    linux_target=linux_target,
                    macosx_target=macosx_target,
                )
            )
        elif package.name in chosen:
            other = chosen[package.name][0].version
            problems.append(
                f"`{package.name}` is locked in two versions for {platform.name}: "
                f"{other} and {package.version}"
            )
        else:
            chosen[package.name] = package, wheel
    problems += no_wheel_problems(lacks)
    if problems:
        raise LockError(f"the lockfile does not fit platform {platform.name}", problems)
    return tuple(wheel for _, (_, wheel) in sorted(chosen.items()))


def best_wheel(
    wheels: Iterable[LockedWheel],
    *,
    platform: TargetPlatform,
    python_version: str,
    linux_target: str,
    macosx_target: str,
) -> LockedWheel | None:
    """The wheel that ``pip`` would prefer on the platform, or None if no wheel fits.

    The most specific tag wins, then the highest build tag.
    """
    ranks = _ranks(platform, short_version(python_version), linux_target, macosx_target)
    best: tuple[int, tuple[tuple[int, str], ...], str] | None = None
    found = None
    for wheel in wheels:
        _, _, build, tags = parse_wheel_filename(wheel.file_name)
        rank = min((ranks[tag] for tag in tags if tag in ranks), default=None)
        if rank is None:
            continue
        # Between equals the file name decides, so that the order of the lockfile does not.
        key = (-rank, (build,) if build else (), wheel.file_name)
        if best is None or key > best:
            best, found = key, wheel
    return found


def fitting_platforms(
    wheels: Iterable[LockedWheel], python_version: str, linux_target: str, macosx_target: str
) -> tuple[str, ...]:
    """The names of all platforms that one of the wheels fits."""
    candidates = tuple(wheels)
    return tuple(
        name
        for name, platform in PLATFORMS.items()
        if best_wheel(
            candidates,
            platform=platform,
            python_version=python_version,
            linux_target=linux_target,
            macosx_target=macosx_target,
        )
    )


def needed_target(
    wheels: Iterable[LockedWheel],
    *,
    platform: TargetPlatform,
    python_version: str,
    linux_target: str,
    macosx_target: str,
) -> str | None:
    """The oldest version of the system that one of the wheels fits, where none fits the layer's.

    That is a ``linux_target``, with the same C library, or a ``macosx_target``; None if no version
    would do.
    """
    candidates = tuple(wheels)
    names = {tag.platform for w in candidates for tag in parse_wheel_filename(w.file_name)[3]}
    for target in newer_targets(names, platform, linux_target, macosx_target):
        wheel = best_wheel(
            candidates,
            platform=platform,
            python_version=python_version,
            linux_target=target if platform.system == "linux" else linux_target,
            macosx_target=target if platform.system == "macosx" else macosx_target,
        )
        if wheel is not None:
            return target
    return None


def with_built_wheels(lock: Lockfile, built: Mapping[str, LockedWheel]) -> Lockfile:
    """`lock` with the wheels that were built for it, by the name of their package."""
    return replace(
        lock,
        packages=tuple(
            replace(package, wheels=(built[package.name],))
            if package.is_built and package.name in built
            else package
            for package in lock.packages
        ),
    )


def unfit_build_problem(
    package: LockedPackage, platform: TargetPlatform, python_version: str
) -> str:
    """The message for a package whose wheel was built here and does not fit the platform."""
    built = ", ".join(f"`{wheel.file_name}`" for wheel in package.wheels)
    origin = "the repository" if package.from_distribution else "source"
    remedies = ["package the layer on a machine of that platform"]
    if package.from_distribution:
        remedies += [
            "set the `interpreter_constraints` of the `python_distribution` to the layer's Python",
            "narrow the layer's `platforms`",
            "or make the distribution one of pure Python",
        ]
    else:
        remedies += ["or narrow the layer's `platforms`"]
    return (
        f"`{package.name}` {package.version} is built from {origin} as {built}, which does not fit "
        f"CPython {short_version(python_version)} on {platform.name}; {', '.join(remedies)}"
    )


@dataclass(frozen=True)
class WheelLack:
    """What is to be said of a package without a wheel for some platforms."""

    text: str
    remedies: tuple[str, ...]
    """Those of this package alone: the versions of systems that its wheels are for."""


def no_wheel_problems(lacks: Sequence[WheelLack], left: Sequence[str] | None = None) -> list[str]:
    """The messages for packages of a layer without wheels; what can be done is told once.

    `left` are the platforms for which all packages have a wheel, if that is known.
    """
    if not lacks:
        return []
    if len(lacks) == 1:
        ((text, own),) = ((lack.text, lack.remedies) for lack in lacks)
        remedies = (
            *own,
            "narrow the layer's `platforms`",
            "require another version",
            "name it in `build_from_source` of this layer",
            "or put a wheel that you build into a folder of `local_wheels`",
        )
        problem = f"{text}; {', '.join(remedies)}"
        return [problem] if left is None else [problem, _platforms_remedy(left)]
    narrow = "narrow the layer's `platforms`, " if left is None else ""
    remedy = (
        f"{narrow}require other versions, name packages in `build_from_source` of this layer, or "
        "put wheels that you build into a folder of `local_wheels`"
    )
    if left is not None:
        remedy = f"{_platforms_remedy(left)}; {'or ' if left else ''}{remedy}"
    return [*("; ".join([lack.text, *_in_one(lack.remedies)]) for lack in lacks), remedy]


def _in_one(remedies: Sequence[str]) -> list[str]:
    return [" and ".join(remedies)] if remedies else []


def wheel_lack(
    package: LockedPackage,
    missing: tuple[str, ...],
    fitting: tuple[str, ...],
    *,
    python_version: str,
    linux_target: str,
    macosx_target: str,
) -> WheelLack:
    """That of a package without a wheel for the platforms `missing`."""
    needed: dict[str, list[tuple[str, str]]] = {}
    for name in missing:
        platform = PLATFORMS[name]
        target = needed_target(
            package.wheels,
            platform=platform,
            python_version=python_version,
            linux_target=linux_target,
            macosx_target=macosx_target,
        )
        if target is not None:
            needed.setdefault(platform.system, []).append((name, target))
    other = None
    if "linux" not in needed:
        other = _other_libc(package, missing, python_version, linux_target, macosx_target)
    # What few packages have wheels for, and what is too old.
    having = []
    if is_free_threaded(python_version):
        having.append(f"free-threaded CPython {language_version(python_version)}")
    systems = {PLATFORMS[name].system for name in missing}
    musl = "linux" in systems and parsed_linux_target(linux_target).libc == MUSL
    having += [linux_target] if musl or other or "linux" in needed else []
    having += [f"macOS {macosx_target}"] if "macosx" in needed else []
    with_these = f" with {' and '.join(having)}" if having else ""
    works = f" (its wheels fit {', '.join(fitting)})" if fitting else ""
    if other is not None:
        works += f" (it has wheels for {other}; a stack has the C library of its runtime)"
    elif not works and not needed:
        works = " (its wheels fit no platform)"
    remedies = [_target_remedy(system, found, missing) for system, found in needed.items()]
    return WheelLack(
        f"`{package.name}` {package.version} has no wheel for {', '.join(missing)}{with_these}"
        f"{works}",
        tuple(remedies),
    )


def _other_libc(
    package: LockedPackage,
    missing: Iterable[str],
    python_version: str,
    linux_target: str,
    macosx_target: str,
) -> str | None:
    """The ``linux_target`` with the other C library that one of the package's wheels fits."""
    libc = GLIBC if parsed_linux_target(linux_target).libc == MUSL else MUSL
    for name in missing:
        if PLATFORMS[name].system == "linux":
            return needed_target(
                package.wheels,
                platform=PLATFORMS[name],
                python_version=python_version,
                linux_target=f"{libc}@0.0",
                macosx_target=macosx_target,
            )
    return None


def _target_remedy(system: str, needed: Sequence[tuple[str, str]], missing: Sequence[str]) -> str:
    """The field to set for the platforms of a system that need a newer version of it."""
    newest = max((target for _, target in needed), key=target_version)
    remedy = f'set `{system}_target` to "{newest}"'
    served = [name for name, _ in needed]
    others = [name for name in missing if PLATFORMS[name].system == system and name not in served]
    return f"{remedy} for {', '.join(served)}" if others else remedy


def _platforms_remedy(left: Sequence[str]) -> str:
    """The remedy if the packages of a layer have wheels for the platforms `left` only."""
    if not left:
        return "no platform has wheels for all packages"
    names = ", ".join(f'"{name}"' for name in left)
    return f"with `platforms=[{names}]` every package has a wheel"


@lru_cache(maxsize=64)
def _ranks(
    platform: TargetPlatform, python_version: str, linux_target: str, macosx_target: str
) -> Mapping[Tag, int]:
    ranks: dict[Tag, int] = {}
    tags = compatible_tags(platform, python_version, linux_target, macosx_target)
    for rank, tag in enumerate(tags):
        ranks.setdefault(tag, rank)
    return ranks
