"""Locks the packages of one layer, and the interpreter archives of a runtime.

It writes the files of the ``venvstacks`` formats: the ``pylock`` file, its metadata, the declared
requirements and a summary for people. Locking again without changes gives the same bytes.
"""

from __future__ import annotations

from typing import Any

from venvstacks_rules.actions.files.toml import read_toml
from venvstacks_rules.actions.locking.files import write_lock_files
from venvstacks_rules.actions.locking.local_wheels import LocalWheelFolders
from venvstacks_rules.actions.locking.packages import PackageLocker
from venvstacks_rules.actions.locking.platforms import platforms_named
from venvstacks_rules.actions.locking.uv_config import UvConfig, layer_uv_config
from venvstacks_rules.actions.network.settings import use_network_settings
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.layers.requirements import normalised_requirements
from venvstacks_rules.model.locks.pylock import Lockfile, LockInputs
from venvstacks_rules.model.locks.shared import ProvidedPackages
from venvstacks_rules.model.platforms.libc import parsed_linux_target
from venvstacks_rules.model.platforms.python_versions import language_version, python_version_of
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
    locker = PackageLocker(
        request,
        config,
        LocalWheelFolders.of(request.local_wheels),
        ProvidedPackages.of(lower, platforms, python_version_of(request.python_implementation)),
        previous,
    )
    lock = Lockfile(
        requires_python=f"=={language_version(python_version_of(request.python_implementation))}.*",
        packages=locker.lock(),
        interpreters=_interpreters(request, platforms, previous),
        inputs=_inputs(request, config, platforms, lower),
    )
    return write_lock_files(request, lock, previous, config.exclude_newer)


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
    )


def _interpreters(
    request: LockLayerRequest, platforms: tuple[TargetPlatform, ...], previous: Lockfile | None
) -> tuple[Any, ...]:
    if not request.is_runtime or request.python_provider != "pbs":
        return ()
    from venvstacks_rules.actions.interpreters.pbs import pin_interpreters

    return pin_interpreters(
        request.target,
        python_version_of(request.python_implementation),
        platforms,
        libc=parsed_linux_target(request.linux_target).libc,
        mirror=request.python_mirror,
        known=previous.interpreters if previous else (),
    )
