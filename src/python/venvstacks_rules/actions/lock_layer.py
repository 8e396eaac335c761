"""Locks the packages of one layer, and the interpreter archives of a runtime.

The files are those of the ``venvstacks`` formats: the ``pylock`` file, its metadata, the declared
requirements and a summary for people. Locking again with nothing changed gives the same bytes.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

from venvstacks_rules.actions._network import use_network_settings
from venvstacks_rules.actions._pbs import pin_interpreters
from venvstacks_rules.actions._toml import read_toml, write_toml
from venvstacks_rules.actions._uv import Resolution, UvFailedError, resolve
from venvstacks_rules.actions._uv_config import UvConfig, read_uv_config
from venvstacks_rules.actions._wheel_facts import complete_wheels, known_sizes
from venvstacks_rules.model.action_io import LockedLayer, LockLayerRequest, from_json
from venvstacks_rules.model.credentials import without_credentials
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.hashes import hash_strings
from venvstacks_rules.model.layering import Constraint, ProvidedPackages
from venvstacks_rules.model.layout import short_version
from venvstacks_rules.model.lockfiles import (
    LockedPackage,
    LockedWheel,
    Lockfile,
    LockInputs,
    normalised_requirements,
)
from venvstacks_rules.model.markers import may_hold
from venvstacks_rules.model.names import lock_file_stem
from venvstacks_rules.model.platforms import PLATFORMS, TargetPlatform
from venvstacks_rules.model.pylock import last_component
from venvstacks_rules.model.selection import best_wheel, fitting_platforms, no_wheel_problem


def run(request_text: str) -> LockedLayer:
    """Lock as a :class:`LockLayerRequest` asks; LockError where that is not possible."""
    request = from_json(LockLayerRequest, request_text)
    use_network_settings(request.network)
    config = read_uv_config(request.uv_config)
    lower = tuple(
        (lock.layer_name, Lockfile.from_dict(read_toml(lock.path), lock.path))
        for lock in request.lower_locks
    )
    previous = None
    if request.previous_lock is not None:
        previous = Lockfile.from_dict(read_toml(request.previous_lock), request.previous_lock)
    platforms = _platforms(request)
    provided = ProvidedPackages.of(lower, platforms, _python_version(request))
    lock = Lockfile(
        requires_python=f"=={short_version(_python_version(request))}.*",
        packages=_lock_packages(request, config, provided, previous),
        interpreters=_interpreters(request, platforms, previous),
        inputs=_inputs(request, config, lower),
    )
    return _write(request, lock, previous, provided)


def _python_version(request: LockLayerRequest) -> str:
    return request.python_implementation.rpartition("@")[2]


def _platforms(request: LockLayerRequest) -> tuple[TargetPlatform, ...]:
    unknown = [name for name in request.platforms if name not in PLATFORMS]
    if unknown or not request.platforms:
        what = ", ".join(f"`{name}`" for name in unknown) or "there is none"
        raise LockError(
            f"{request.target}: `platforms` cannot be locked for",
            [f"{what}; known are {', '.join(PLATFORMS)}"],
        )
    return tuple(PLATFORMS[name] for name in PLATFORMS if name in request.platforms)


def _inputs(
    request: LockLayerRequest, config: UvConfig, lower: tuple[tuple[str, Lockfile], ...]
) -> LockInputs:
    return LockInputs(
        python_implementation=request.python_implementation,
        python_provider=request.python_provider if request.is_runtime else None,
        requirements=normalised_requirements(request.requirements),
        platforms=tuple(name for name in PLATFORMS if name in request.platforms),
        linux_target=request.linux_target,
        macosx_target=request.macosx_target,
        lower_layers=tuple((name, lock.requirements_hash) for name, lock in lower),
        uv_config=config.hash,
    )


def _interpreters(
    request: LockLayerRequest, platforms: tuple[TargetPlatform, ...], previous: Lockfile | None
) -> tuple[Any, ...]:
    if not request.is_runtime or request.python_provider != "pbs":
        return ()
    return pin_interpreters(
        request.target,
        _python_version(request),
        platforms,
        mirror=request.python_mirror,
        known=previous.interpreters if previous else (),
    )


# ------------------------------------------------------------------------------------ packages
def _lock_packages(
    request: LockLayerRequest,
    config: UvConfig,
    provided: ProvidedPackages,
    previous: Lockfile | None,
) -> tuple[LockedPackage, ...]:
    """What the layer needs: its own packages with their wheels, and provided ones without."""
    if not request.requirements:
        return ()
    constraints = provided.constraints
    resolution = Resolution(
        python_version=_python_version(request),
        requirements=normalised_requirements(request.requirements),
        constraints=tuple(constraint.requirement for constraint in constraints),
        platforms=provided.platforms,
        config=config,
        previous=previous,
    )
    try:
        return _share(request, config, provided, previous, resolve(resolution))
    except UvFailedError as e:
        failure = e
    # Where a platform has no wheel there is no solution, and `uv` says so in its own terms. The
    # solution that does not ask for wheels shows which platforms lack them, and which do not.
    with contextlib.suppress(UvFailedError):
        _share(request, config, provided, previous, resolve(resolution, require_wheels=False))
    raise _unsatisfiable(request, constraints, str(failure)) from None


def _unsatisfiable(
    request: LockLayerRequest, constraints: tuple[Constraint, ...], text: str
) -> LockError:
    problems = [text]
    problems += [
        f"`{constraint.requirement}` is imposed by lower layer `{constraint.layer}`, "
        "which provides it"
        for constraint in constraints
        if re.search(rf"(?<![\w.-]){re.escape(constraint.name)}(?![\w-])", text)
    ]
    return LockError(
        f"{request.target}: `uv` cannot lock the requirements of layer `{request.layer_name}`",
        problems,
    )


def _share(
    request: LockLayerRequest,
    config: UvConfig,
    provided: ProvidedPackages,
    previous: Lockfile | None,
    exported: Mapping[str, Any],
) -> tuple[LockedPackage, ...]:
    raw = {(p["name"], p.get("version"), p.get("marker")): p for p in exported.get("packages", [])}
    resolved = {_without_wheels(package): key for key, package in raw.items()}
    shared, problems = provided.share(resolved)
    if problems:
        raise LockError(f"{request.target}: versions that contradict a lower layer", problems)
    found = {(p.name, p.version, p.index): raw[key] for p, key in resolved.items()}
    own = [package for package in shared if not package.from_lower_layer]
    sources = [found[package.name, package.version, package.index] for package in own]
    _check_wheels(request, [replace(p, wheels=_names(source)) for p, source in zip(own, sources)])
    completed = complete_wheels(sources, config, known_sizes(previous), request.target)
    # Read as untrusted data: an index decides much of what is in it.
    data = [
        # Whatever is not a wheel stays in, and is refused with its name.
        {**source, "name": package.name, "wheels": wheels, "marker": package.marker}
        for package, source, wheels in zip(own, sources, completed)
    ]
    for package in data:
        if package["marker"] is None:
            del package["marker"]
    read = Lockfile.from_dict(
        {"lock-version": "1.0", "requires-python": ">=3", "packages": data},
        f"{request.target}: what `uv` found",
    )
    packages = [replace(new, index=old.index) for new, old in zip(read.packages, own)]
    packages += [package for package in shared if package.from_lower_layer]
    return tuple(sorted(packages, key=lambda p: (p.name, p.version, p.marker or "")))


def _without_wheels(package: Mapping[str, Any]) -> LockedPackage:
    index = package.get("index")
    return LockedPackage(
        name=package["name"],
        # A source tree may have none; it has no wheels either, and is refused for that.
        version=package.get("version", "0"),
        marker=package.get("marker"),
        index=None if index is None else without_credentials(index),
        wheels=(),
    )


def _names(package: Mapping[str, Any]) -> tuple[LockedWheel, ...]:
    """The wheels of an exported package as far as their names say what they fit."""
    return tuple(
        LockedWheel(
            wheel.get("name") or last_component(wheel.get("url"), wheel.get("path")),
            wheel.get("url"),
            wheel.get("path"),
            0,
            "",
        )
        for wheel in package.get("wheels", [])
    )


def _check_wheels(request: LockLayerRequest, packages: Iterable[LockedPackage]) -> None:
    python_version = _python_version(request)
    targets = request.linux_target, request.macosx_target
    problems = []
    for package in packages:
        if not package.wheels:
            continue  # Not made of wheels at all: refused by name when it is read.
        missing = tuple(
            platform.name
            for platform in _platforms(request)
            if may_hold(package.marker, platform, python_version)
            and best_wheel(
                package.wheels,
                platform=platform,
                python_version=python_version,
                linux_target=request.linux_target,
                macosx_target=request.macosx_target,
            )
            is None
        )
        if missing:
            fitting = fitting_platforms(package.wheels, python_version, *targets)
            problems.append(no_wheel_problem(package, missing, fitting))
    if problems:
        raise LockError(f"{request.target}: packages without wheels", problems)


# --------------------------------------------------------------------------------------- files
def _write(
    request: LockLayerRequest,
    lock: Lockfile,
    previous: Lockfile | None,
    provided: ProvidedPackages,
) -> LockedLayer:
    # What a lock was made from may change and the lock be the same.
    changed = previous is None or replace(lock, inputs=None) != replace(previous, inputs=None)
    stem = lock_file_stem(request.layer_name)
    files = {
        f"pylock.{stem}.toml": write_toml(lock.to_dict()),
        f"pylock.{stem}.meta.json": _metadata(request, lock, changed=changed),
        f"requirements-{stem}.in": _declared(request),
        f"packages-{stem}.txt": _summary(request, lock, provided),
    }
    folder = Path(request.output_dir)
    folder.mkdir(parents=True, exist_ok=True)
    for name, text in files.items():
        (folder / name).write_bytes(text.encode("utf-8"))
    return LockedLayer(files=tuple(files), changed=changed)


def _metadata(request: LockLayerRequest, lock: Lockfile, *, changed: bool) -> str:
    old: dict[str, Any] = {}
    if request.previous_metadata is not None:
        try:
            read = json.loads(Path(request.previous_metadata).read_text(encoding="utf-8"))
        except ValueError as e:
            raise LockError(f"{request.previous_metadata}: not JSON", [str(e)]) from None
        old = read if isinstance(read, dict) else {}
    locked_at = old.get("locked_at")
    if changed or not isinstance(locked_at, str):
        now = dt.datetime.now(dt.timezone.utc)
        locked_at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    version = old.get("lock_version")
    other = [request.python_implementation, *sorted(request.platforms)]
    other += [request.linux_target, request.macosx_target]
    if lock.inputs is not None:
        other += [part for layer in lock.inputs.lower_layers for part in layer]
        other.append(lock.inputs.uv_config or "")
    data = {
        "lock_input_hash": hash_strings(sorted(request.requirements)),
        "lock_version": version if isinstance(version, int) else 1,
        "locked_at": locked_at,
        "other_inputs_hash": hash_strings(other),
        "requirements_hash": lock.requirements_hash,
        "version_inputs_hash": hash_strings(request.version_inputs),
    }
    return json.dumps(data, indent=2, sort_keys=True) + "\n"


def _declared(request: LockLayerRequest) -> str:
    return "".join(f"{requirement}\n" for requirement in sorted(request.requirements))


def _summary(request: LockLayerRequest, lock: Lockfile, provided: ProvidedPackages) -> str:
    lines = [
        f"# Packages of layer {request.layer_name}, for people to read.",
        "# Written when the layer is locked; edits are lost.",
    ]
    lines += [_pin(package) for package in lock.packages if not package.from_lower_layer]
    layers = {(c.name, c.version): c.layer for c in reversed(provided.constraints)}
    shared = [package for package in lock.packages if package.from_lower_layer]
    if shared:
        lines += ["", "# Shared packages, from lower layers:"]
        lines += [f"{_pin(p)}  # {layers[p.name, p.version]}" for p in shared]
    return "\n".join(lines) + "\n"


def _pin(package: LockedPackage) -> str:
    marker = f" ; {package.marker}" if package.marker else ""
    return f"{package.name}=={package.version}{marker}"
