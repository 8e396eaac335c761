"""``generate-lockfiles``: each layer is a resolve with the address of its target as name."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.core.goals.generate_lockfiles import (
    GenerateLockfile,
    GenerateLockfileResult,
    GenerateLockfilesSubsystem,
    KnownUserResolveNames,
    KnownUserResolveNamesRequest,
    RequestedUserResolveNames,
    UserGenerateLockfiles,
)
from pants.engine.addresses import Address
from pants.engine.fs import PathGlobs
from pants.engine.internals.session import RunId
from pants.engine.target import AllTargets, Target
from pants.engine.unions import UnionRule
from pants.util.docutil import bin_name
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.locks.upgrades import upgrade_problems
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.lock_options import LayerLockOptions
from venvstacks_rules.pants_backend.graph.references import layer_references
from venvstacks_rules.pants_backend.locks.freshness import CheckedLocksRequest, checked_locks
from venvstacks_rules.pants_backend.locks.lockfiles import LockFilesRequest, lock_files
from venvstacks_rules.pants_backend.locks.locking import LockRequest, Upgrade
from venvstacks_rules.pants_backend.locks.outcomes import (
    LockOutcomesRequest,
    UnlockedLayers,
    failure,
    lock_outcomes,
)
from venvstacks_rules.pants_backend.targets.layers import PlatformsField
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField, is_layer

# Pants says of every resolve to which file its lockfile was written.
_NO_FILE = "no file: the layer cannot be locked, see below"

logger = logging.getLogger(__name__)

_NOTHING_TO_DO = (LockState.VALID, LockState.DISABLED)


@dataclass(frozen=True)
class GenerateLayerLockfile(GenerateLockfile):
    """The lock of one layer."""

    address: Address
    renewed: tuple[str, ...]
    """The address specs of all layers that are locked in this run."""
    addresses: tuple[Address, ...]
    """Their addresses."""
    upgrade: Upgrade


class KnownLayerResolveNames(KnownUserResolveNamesRequest):
    """The names of all layers."""


class RequestedLayerResolveNames(RequestedUserResolveNames):
    """The names of some layers."""


@rule
async def known_layer_resolve_names(
    _: KnownLayerResolveNames, targets: AllTargets
) -> KnownUserResolveNames:
    layers = [target.address.spec for target in targets if is_layer(target)]
    return KnownUserResolveNames(
        names=tuple(sorted((*layers, *layers_by_stack(targets)))),
        option_name="the venvstacks targets",
        requested_resolve_names_cls=RequestedLayerResolveNames,
    )


def layers_by_stack(targets: Iterable[Target]) -> dict[str, list[str]]:
    """The address specs of the layers of stack files, by that of the generating target."""
    found: dict[str, list[str]] = {}
    for target in targets:
        if is_layer(target) and target.address.is_generated_target:
            stack = target.address.maybe_convert_to_target_generator()
            found.setdefault(stack.spec, []).append(target.address.spec)
    return found


def _locked_layers(count: int) -> str:
    return "The layer is locked" if count == 1 else f"All {count} layers are locked"


def layers_to_lock(
    asked: Iterable[str], lower: Mapping[str, Iterable[str]], locked: frozenset[str]
) -> tuple[str, ...]:
    """The layers to lock when the user asks for `asked`: these, all above, and unlocked ones below.

    `lower` has the layers directly below each layer; `locked` are the layers that have a lockfile.
    A layer can be locked only after all layers below it.
    """
    chosen = set(asked)
    while True:
        above = {layer for layer, below in lower.items() if chosen.intersection(below)}
        missing = {
            below for layer in chosen for below in lower.get(layer, ()) if below not in locked
        }
        grown = chosen | above | missing
        if grown == chosen:
            return tuple(sorted(chosen))
        chosen = grown


# It depends on `RunId` so that it says in every run that there is nothing to do.
@rule
async def requested_layer_resolve_names(
    request: RequestedLayerResolveNames,
    targets: AllTargets,
    goal: GenerateLockfilesSubsystem,
    _: RunId,
) -> UserGenerateLockfiles:
    options = LayerLockOptions.of(goal)
    layers = {target.address.spec: target for target in targets if is_layer(target)}
    lower: dict[str, list[str]] = {}
    for spec, target in layers.items():
        named = [reference.address for reference in layer_references(target)]
        lower[spec] = [
            address.spec for address in named if address is not None and address.spec in layers
        ]
    lockfiles = {
        spec: target.get(LayerSourcesField).lockfile_path for spec, target in layers.items()
    }
    present = await engine.path_globs_to_paths(PathGlobs(sorted(lockfiles.values())))
    locked = frozenset(spec for spec, path in lockfiles.items() if path in present.files)
    stacks = layers_by_stack(targets)
    asked = {layer for name in request for layer in stacks.get(name, (name,))}
    if options.packages:
        read = await concurrently(
            lock_files(LockFilesRequest(lockfiles[spec]), **implicitly()) for spec in layers
        )
        locks = {spec: files.lockfile for spec, files in zip(layers, read) if files.lockfile}
        problems = [*upgrade_problems(options.packages, locks, asked, bin_name())]
        if problems:
            raise LockError("Packages that cannot be upgraded:", problems)
    if options.if_needed:
        judged = await concurrently(
            checked_locks(
                CheckedLocksRequest(layers[spec].address, among_broken=True), **implicitly()
            )
            for spec in sorted(asked)
        )
        states = {spec: lock.state for chain in judged for spec, lock in chain.locks.items()}
        asked = {spec for spec, state in states.items() if state not in _NOTHING_TO_DO}
        if not asked:
            logger.info("%s as defined: nothing to do.", _locked_layers(len(states)))
    # A layer without platforms is disabled, and has nothing to lock.
    renewed = tuple(
        spec
        for spec in layers_to_lock(asked, lower, locked)
        if layers[spec][PlatformsField].value != ()
    )
    return UserGenerateLockfiles(
        GenerateLayerLockfile(
            resolve_name=spec,
            lockfile_dest=lockfiles[spec],
            diff=False,
            address=layers[spec].address,
            renewed=renewed,
            addresses=tuple(layers[other].address for other in renewed),
            upgrade=options.upgrade(asked),
        )
        for spec in renewed
    )


@rule(desc="Lock layer", level=LogLevel.DEBUG)
async def generate_layer_lockfile(request: GenerateLayerLockfile) -> GenerateLockfileResult:
    locks = tuple(
        LockRequest(address, request.renewed, request.upgrade) for address in request.addresses
    )
    outcomes = await lock_outcomes(LockOutcomesRequest(locks), **implicitly())
    lock = outcomes.by_address[request.address.spec]
    if lock.error is None:
        return GenerateLockfileResult(lock.digest, request.resolve_name, request.lockfile_dest)
    # Once, for all layers without a lock.
    last = request.address.spec == outcomes.failed[-1]
    diff: Any = UnlockedLayers(failure(outcomes.by_address)) if last else None
    return GenerateLockfileResult(lock.digest, request.resolve_name, _NO_FILE, diff)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(GenerateLockfile, GenerateLayerLockfile),
        UnionRule(KnownUserResolveNamesRequest, KnownLayerResolveNames),
        UnionRule(RequestedUserResolveNames, RequestedLayerResolveNames),
    ]
