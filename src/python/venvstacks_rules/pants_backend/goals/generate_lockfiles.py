"""``generate-lockfiles``: each layer is a resolve with the address of its target as name."""

from __future__ import annotations

import logging
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from pants.core.goals.generate_lockfiles import (
    GenerateLockfile,
    GenerateLockfileResult,
    GenerateLockfilesSubsystem,
    KnownUserResolveNames,
    KnownUserResolveNamesRequest,
    LockfileDiff,
    LockfilePackages,
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

from venvstacks_rules.model.errors import DefinitionError, LockError
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.locks.upgrades import upgrade_problems
from venvstacks_rules.model.locks.versions import installed_versions
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.lock_options import LayerLockOptions
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraphRequest,
    layer_graph,
    refuse_broken,
)
from venvstacks_rules.pants_backend.graph.references import layer_references
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import CheckedLocksRequest, checked_locks
from venvstacks_rules.pants_backend.locks.lockfiles import LockFilesRequest, lock_files
from venvstacks_rules.pants_backend.locks.locking import LockRequest, Upgrade
from venvstacks_rules.pants_backend.locks.outcomes import (
    LockOutcomesRequest,
    UnlockedLayers,
    failure,
    lock_outcomes,
)
from venvstacks_rules.pants_backend.processes.actions_lock import parsed_lockfile
from venvstacks_rules.pants_backend.targets.layers import PlatformsField
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
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
    run: RunId
    upgrade: Upgrade


class KnownLayerResolveNames(KnownUserResolveNamesRequest):
    """The names of all layers."""


class RequestedLayerResolveNames(RequestedUserResolveNames):
    """The names of some layers."""


@rule
async def known_layer_resolve_names(
    _: KnownLayerResolveNames, targets: AllTargets, options: GenerateLockfilesSubsystem
) -> KnownUserResolveNames:
    layers = [target.address.spec for target in targets if is_layer(target)]
    names = tuple(sorted((*layers, *manifests_by_name(targets))))
    refuse_misspelt(options.resolve, names)
    return KnownUserResolveNames(
        names=names,
        option_name="the venvstacks targets",
        requested_resolve_names_cls=RequestedLayerResolveNames,
    )


def refuse_misspelt(asked: Iterable[str], known: Collection[str]) -> None:
    """Raise DefinitionError for addresses that are probably misspelt.

    Pants would list all names; it has its own message for everything that is no address.
    """
    problems = []
    for name in asked:
        meant = suggestion(name, known) if ":" in name and name not in known else None
        if meant is not None:
            problems.append(f"there is no layer or stack {name!r}. Did you mean {meant!r}?")
    if problems:
        raise DefinitionError("`--generate-lockfiles-resolve` cannot be used:", problems)


def manifests_by_name(targets: Iterable[Target]) -> dict[str, Target]:
    """The manifests, by address spec; that of a stack file also by that of the generating target.

    A stack file has a manifest even if it cannot be read.
    """
    found = {}
    for target in targets:
        if target.has_field(ManifestLayersField):
            for address in (target.address, target.address.maybe_convert_to_target_generator()):
                found[address.spec] = target
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
    run: RunId,
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
    manifests = manifests_by_name(targets)
    known = {**layers, **manifests}
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(folder), **implicitly())
        for folder in sorted({known[name].address.spec_path for name in request})
    )
    refuse_broken(graphs)
    stacks = await concurrently(
        stack_layers(StackLayersRequest.of(manifests[name]), **implicitly())
        for name in request
        if name in manifests
    )
    asked = {name for name in request if name in layers}
    asked.update(layer.address for stack in stacks for layer in stack.layers)
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
            run=run,
            upgrade=options.upgrade(asked),
        )
        for spec in renewed
    )


@rule(desc="Lock layer", level=LogLevel.DEBUG)
async def generate_layer_lockfile(
    request: GenerateLayerLockfile, options: GenerateLockfilesSubsystem
) -> GenerateLockfileResult:
    path, name = request.lockfile_dest, request.resolve_name
    locks = tuple(
        LockRequest(address, request.renewed, request.run, request.upgrade)
        for address in request.addresses
    )
    outcomes, previous = await concurrently(
        lock_outcomes(LockOutcomesRequest(locks), **implicitly()),
        lock_files(LockFilesRequest(path), **implicitly()),
    )
    lock = outcomes.by_address[request.address.spec]
    diff: Any = None
    if lock.error is not None:
        # Once, for all layers without a lock.
        if request.address.spec == outcomes.failed[-1]:
            diff = UnlockedLayers(failure(outcomes.by_address))
        return GenerateLockfileResult(lock.digest, name, _NO_FILE, diff)
    # The default of Pants differs between its versions.
    if previous.lockfile and (request.diff or options.options.is_default("diff")):
        contents = await engine.get_digest_contents(lock.digest)
        (new,) = (parsed_lockfile(file.content, path) for file in contents if file.path == path)
        diff = lockfile_diff(path, name, previous.lockfile, new)
    return GenerateLockfileResult(lock.digest, name, path, diff)


def lockfile_diff(path: str, name: str, old: Lockfile, new: Lockfile) -> LockfileDiff | None:
    """What changed in the packages that a layer installs; None if nothing did."""
    before, after = (LockfilePackages(installed_versions(lock)) for lock in (old, new))
    diff = LockfileDiff.create(path, name, before, after)
    return None if before == after else diff


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(GenerateLockfile, GenerateLayerLockfile),
        UnionRule(KnownUserResolveNamesRequest, KnownLayerResolveNames),
        UnionRule(RequestedUserResolveNames, RequestedLayerResolveNames),
    ]
