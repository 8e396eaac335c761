"""Locks the packages of one layer, and the interpreter archives of a runtime.

It writes the files of the ``venvstacks`` formats: the ``pylock`` file, its metadata, the declared
requirements and a summary for people. Locking again without changes gives the same bytes.
"""

from __future__ import annotations

import os
from typing import Any

from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.actions.locking.files import write_lock_files
from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.packages import PackageLocker
from venvstacks_rules.actions.locking.platforms import platforms_named
from venvstacks_rules.actions.locking.uv_config import UvConfig, layer_uv_config
from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.layers.requirements import normalised_requirements
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile, LockInputs
from venvstacks_rules.model.locks.shared import ProvidedPackages
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.python_versions import (
    is_release_of,
    language_version,
    names_patch_release,
    python_version_of,
)
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS, TargetPlatform
from venvstacks_rules.model.requests.lock import LockedLayer, LockLayerRequest


def run(request_text: str) -> LockedLayer:
    """Lock the layer of a :class:`LockLayerRequest`; raises LockError if impossible."""
    request = from_json(LockLayerRequest, request_text)
    use_network_settings(request.network)
    config = layer_uv_config(request)
    lower = tuple(
        (lock.layer_name, Lockfile.from_dict(read_toml(lock.path), lock.path))
        for lock in request.lower_locks
    )
    previous = None
    if request.previous_lock is not None:
        previous = Lockfile.from_dict(read_toml(request.previous_lock), request.previous_lock)
    named = platforms_named(request.target, request.platforms)
    # The order of the request does not change the lock.
    platforms = tuple(platform for platform in PLATFORMS.values() if platform in named)
    folders = LocalWheelFolders.of(request.local_wheels)
    version = _python_version(request, platforms, previous, lower)
    provided = ProvidedPackages.of(lower, platforms, version, request.choices.relaxed_pins)
    python = _interpreter(request, version)
    locker = PackageLocker(request, config, folders, provided, lower, previous, python)
    packages = locker.lock()
    _check_sources(request, packages)
    if any(package.wheels for package in packages):
        from venvstacks_rules.actions.locking.refused_wheels import WheelChecks

        WheelChecks(request, config, folders, platforms, version, previous).check(packages)
    declared = python_version_of(request.python_implementation)
    lock = Lockfile(
        requires_python=f"=={language_version(version)}.*",
        packages=packages,
        interpreters=_interpreters(request, version, platforms, previous),
        inputs=_inputs(request, config, platforms, lower),
        python_version=version if request.is_runtime and version != declared else None,
    )
    return write_lock_files(request, lock, previous, config.exclude_newer)


def _python_version(
    request: LockLayerRequest,
    platforms: tuple[TargetPlatform, ...],
    previous: Lockfile | None,
    lower: tuple[tuple[str, Lockfile], ...],
) -> str:
    """The release of Python to lock for; X.Y if only the machine that builds knows it.

    For a runtime that names X.Y that is the release in the previous lock, unless all is upgraded,
    or else the newest one. The layers above take that of the runtime.
    """
    declared = python_version_of(request.python_implementation)
    if names_patch_release(declared):
        return declared
    if not request.is_runtime:
        return lower[-1][1].python_version or declared if lower else declared
    if request.python_provider != "pbs":
        return declared
    from venvstacks_rules.actions.interpreters.pbs import newest_release

    pinned = None if previous is None or request.upgrade else previous.python_version
    names = {pin.platform for pin in previous.interpreters} if previous is not None else set()
    complete = names.issuperset(platform.name for platform in platforms)
    if pinned is not None and is_release_of(pinned, declared) and complete:
        return pinned
    return newest_release(request.target, declared, platforms)


def _interpreter(request: LockLayerRequest, version: str) -> str | None:
    """An interpreter that can tell what source archives require; None if nobody asks for it."""
    if not request.build_from_source:
        return None
    from venvstacks_rules.actions.interpreters.search import installations, search_patterns

    wanted = language_version(version)
    for found in installations(search_patterns(os.environ)):
        if is_release_of(found.python_version, wanted):
            return found.executable
    raise LockError(
        f"{request.target}: packages that are built from source",
        [
            f"locking asks them what they require, which needs CPython {wanted} on this machine. "
            f"Install it, with `uv python install {wanted}` for example, or lock on another "
            "machine."
        ],
    )


def _check_sources(request: LockLayerRequest, packages: tuple[LockedPackage, ...]) -> None:
    """Raise LockError for names in `build_from_source` that the layer does not need."""
    known = {package.name for package in packages}
    problems = []
    for name in request.declared_sources:
        if name not in known:
            meant = suggestion(name, known)
            hint = f"Did you mean {meant!r}?"
            if meant is None:
                hint = "Remove it, or name it in the layer above that installs it."
            problems.append(
                f"`build_from_source` has {name!r}, which the layer does not need. {hint}"
            )
    if problems:
        raise LockError(f"{request.target}: packages that are built from source", problems)


def _inputs(
    request: LockLayerRequest,
    config: UvConfig,
    platforms: tuple[TargetPlatform, ...],
    lower: tuple[tuple[str, Lockfile], ...],
) -> LockInputs:
    return LockInputs(
        python_implementation=request.python_implementation,
        python_provider=request.python_provider if request.is_runtime else None,
        requirements=normalised_requirements(request.requirements),
        platforms=tuple(platform.name for platform in platforms),
        linux_target=request.linux_target,
        macosx_target=request.macosx_target,
        lower_layers=tuple((name, lock.requirements_hash) for name, lock in lower),
        uv_config=config.hash,
        package_indexes=request.package_indexes,
        priority_indexes=request.priority_indexes,
        local_wheels=request.declared_local_wheels,
        choices=request.choices,
        build_from_source=request.build_from_source,
        distributions=tuple(
            built.distribution for built in request.distributions if not built.is_lower
        ),
    )


def _interpreters(
    request: LockLayerRequest,
    version: str,
    platforms: tuple[TargetPlatform, ...],
    previous: Lockfile | None,
) -> tuple[Any, ...]:
    if not request.is_runtime or request.python_provider != "pbs":
        return ()
    from venvstacks_rules.actions.interpreters.pbs import pin_interpreters

    return pin_interpreters(
        request.target,
        version,
        platforms,
        libc=parsed_linux_target(request.linux_target).libc,
        mirror=request.python_mirror,
        known=previous.interpreters if previous else (),
    )
