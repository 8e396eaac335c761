"""Locks layers, lower ones first."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass, replace

from pants.engine.addresses import Address
from pants.engine.env_vars import EnvironmentVarsRequest
from pants.engine.fs import AddPrefix, Digest, DigestSubset, MergeDigests, PathGlobs, RemovePrefix
from pants.engine.internals.session import RunId
from pants.engine.process import ProcessCacheScope
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.locks.resolve_pins import ResolvePins
from venvstacks_rules.model.requests.lock import (
    ChosenFiles,
    LocalWheels,
    LockLayerRequest,
    LowerLock,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_modules import (
    LayerModules,
    LayerModulesRequest,
    layer_modules,
)
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest, find_layer
from venvstacks_rules.pants_backend.locks.distributions import (
    LockDistributionsRequest,
    lock_distributions,
)
from venvstacks_rules.pants_backend.locks.local_wheels import (
    LocalWheelsInFolders,
    LocalWheelsRequest,
    local_wheels,
)
from venvstacks_rules.pants_backend.locks.lockfiles import lock_metadata_path
from venvstacks_rules.pants_backend.locks.python_resolves import (
    PythonResolveRequest,
    python_resolve,
)
from venvstacks_rules.pants_backend.locks.uv_config import UvConfig, UvConfigRequest, find_uv_config
from venvstacks_rules.pants_backend.processes.actions_lock import parsed_lockfile
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    run_network_action,
)
from venvstacks_rules.pants_backend.processes.python import SEARCH_VARIABLES
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

_CACHE_VARIABLE, _CACHE_DIR = "UV_CACHE_DIR", "__uv_cache"


@dataclass(frozen=True)
class Upgrade:
    """Which pins may change although they still satisfy everything."""

    layers: tuple[str, ...] = ()
    """The address specs of the layers; other layers keep their pins."""
    packages: tuple[str, ...] = ()
    """The normalised names of packages; without names it is all of them."""


@dataclass(frozen=True)
class LockRequest:
    """Lock a layer."""

    address: Address
    renewed: tuple[str, ...]
    """The address specs of all layers to lock again; the locks of others are read."""
    run: RunId
    """A lock of an earlier run counts for nothing. Else the engine would check whether it does, and
    start processes that it cancels at the first input that changed."""
    upgrade: Upgrade = Upgrade()


@dataclass(frozen=True)
class LayerLock:
    """The files of a layer's lock, at their paths in the repository."""

    digest: Digest


@rule
async def layer_lock(request: LockRequest, options: VenvstacksSubsystem) -> LayerLock:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    layer = found.layer
    pylock = found.lockfile(layer)
    committed = await engine.path_globs_to_digest(PathGlobs([pylock, lock_metadata_path(pylock)]))
    # A layer that is disabled on every platform has nothing to lock.
    if layer.address not in request.renewed or not layer.platforms:
        return LayerLock(committed)
    lower = await concurrently(
        layer_lock(replace(request, address=found.locked_as[address]), **implicitly())
        for address in layer.lower
    )
    config = await find_uv_config(UvConfigRequest(found.uv_config(layer)), **implicitly())
    folders = await concurrently(
        local_wheels(
            LocalWheelsRequest(found.targets[member.address].address, member.local_wheels),
            **implicitly(),
        )
        for member in (layer, *found.lower)
    )
    # The committed lock must not mix with the new files.
    previous, lower_digest = await concurrently(
        engine.add_prefix(AddPrefix(committed, "previous")),
        engine.merge_digests(MergeDigests(lock.digest for lock in lower)),
    )
    wheels = await engine.merge_digests(MergeDigests(one.digest for one in folders))
    below, beside, snapshot = await concurrently(
        engine.add_prefix(AddPrefix(lower_digest, "lower")),
        engine.add_prefix(AddPrefix(wheels, "wheels")),
        engine.digest_to_snapshot(previous),
    )
    distributions = await lock_distributions(
        LockDistributionsRequest(request.address), **implicitly()
    )
    inputs = await engine.merge_digests(
        MergeDigests([previous, below, beside, config.digest, distributions.digest])
    )
    modules = await layer_modules(LayerModulesRequest(request.address), **implicitly())
    lock = _lock_request(
        found, options, previous=snapshot.files, wheels=folders, config=config, modules=modules
    )
    lock = replace(lock, distributions=distributions.built)
    if layer.address in request.upgrade.layers:
        names = request.upgrade.packages
        lock = replace(lock, upgrade=not names, upgrade_packages=names)
    pins = None
    if layer.lock_choices.python_resolve is not None:
        decided = await python_resolve(PythonResolveRequest.of(layer), **implicitly())
        pins = decided.pins
        lock = _decided(lock, pins)
    search = await engine.environment_vars_subset(_needed_variables(layer))
    result = await run_network_action(
        NetworkActionRequest(
            ActionProcessRequest(
                verb="lock-layer",
                request=to_json(lock),
                input_digest=inputs,
                output_directories=(lock.output_dir,),
                description=f"Lock {layer.address}",
                done=f"Locked {layer.address}",
                env=FrozenDict({**search, _CACHE_VARIABLE: _CACHE_DIR}),
                append_only_caches=FrozenDict({"venvstacks_uv": _CACHE_DIR}),
                # The index may answer differently tomorrow.
                cache_scope=ProcessCacheScope.PER_SESSION,
                run=request.run,
            ),
            # Packages at a commit: git finds the same settings as when their files are fetched.
            programs=bool(layer.build_from_source),
        ),
        **implicitly(),
    )
    output = await engine.digest_subset_to_digest(
        DigestSubset(result.digest, PathGlobs([f"{lock.output_dir}/**"]))
    )
    written = await engine.remove_prefix(RemovePrefix(output, lock.output_dir))
    if pins is not None:
        contents = await engine.get_digest_contents(written)
        (text,) = (file.content for file in contents if file.path == os.path.basename(pylock))
        refuse_contradictions(layer, parsed_lockfile(text, pylock), pins)
    return LayerLock(await engine.add_prefix(AddPrefix(written, os.path.dirname(pylock))))


def refuse_contradictions(layer: Layer, lock: Lockfile, pins: ResolvePins) -> None:
    """Raise LockError if a new lock has not what its resolve decides."""
    problems = list(pins.contradictions(lock, layer.lock_choices.relaxed_pins))
    if problems:
        raise LockError(
            f"{layer.address}: a lock that contradicts its `python_resolve`",
            [
                *problems,
                "lock that resolve again, and with the same indexes as the layer",
            ],
        )


def _needed_variables(layer: Layer) -> EnvironmentVarsRequest:
    """Those that find the interpreter that packages built from source are asked with."""
    return EnvironmentVarsRequest(SEARCH_VARIABLES if layer.build_from_source else ())


def _lock_request(
    found: LayerInGraph,
    options: VenvstacksSubsystem,
    *,
    previous: Iterable[str],
    wheels: Iterable[LocalWheelsInFolders],
    config: UvConfig,
    modules: LayerModules,
) -> LockLayerRequest:
    """The request of the action; `previous` has the paths of the committed files of the lock."""
    layer = found.layer
    pylock = found.lockfile(layer)
    file_name = os.path.basename(pylock)
    names = {os.path.basename(path): path for path in previous}
    return LockLayerRequest(
        target=layer.address,
        layer_name=layer.layer_name,
        python_implementation=layer.python_implementation,
        python_provider=options.python_provider.value,
        is_runtime=layer.kind is LayerKind.RUNTIME,
        requirements=layer.requirements,
        platforms=tuple(platform.name for platform in layer.platforms),
        linux_target=layer.linux_target,
        macosx_target=layer.macosx_target,
        lower_locks=tuple(
            LowerLock(member.layer_name, os.path.join("lower", found.lockfile(member)))
            for member in found.lower
        ),
        previous_lock=names.get(file_name),
        previous_metadata=names.get(lock_metadata_path(file_name)),
        uv_config=config.path,
        package_indexes=layer.package_indexes,
        priority_indexes=layer.priority_indexes,
        choices=layer.lock_choices,
        requirement_origins=layer.requirement_origins,
        local_wheels=tuple(
            LocalWheels(
                os.path.join("wheels", folder), os.path.relpath(folder, os.path.dirname(pylock))
            )
            for member in wheels
            for folder in member.folders
        ),
        declared_local_wheels=layer.local_wheels,
        build_from_source=layer.build_from_source,
        declared_sources=layer.declared_sources,
        chosen_files=_chosen_files(layer),
        python_mirror=options.python_mirror,
        versioned=layer.versioned,
        module_hashes=modules.hashes,
        output_dir="lock",
        network=NETWORK_DIR,
    )


def _decided(lock: LockLayerRequest, pins: ResolvePins) -> LockLayerRequest:
    """The request with what a resolve decides."""
    return replace(
        lock,
        resolve_pins=pins.constraints,
        resolve_lockfile=pins.path,
        resolve_repositories=pins.repositories,
    )


def _chosen_files(layer: Layer) -> tuple[ChosenFiles, ...]:
    exclude, scripts = dict(layer.exclude_files), dict(layer.include_scripts)
    return tuple(
        ChosenFiles(name, exclude.get(name, ()), scripts.get(name, ()))
        for name in sorted({*exclude, *scripts})
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
