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

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.locks.upgrades import upgrade_problems
from venvstacks_rules.model.locks.versions import installed_versions
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.lock_options import LayerLockOptions
from venvstacks_rules.pants_backend.goals.resolve_names import (
    layers_by_name,
    manifests_by_name,
    refuse_misspelt,
)
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraphRequest,
    layer_graph,
    refuse_broken,
    shared_locks,
)
from venvstacks_rules.pants_backend.graph.references import layer_references
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.graph.variants import TargetsByName
from venvstacks_rules.pants_backend.locks.freshness import CheckedLocksRequest, checked_locks
from venvstacks_rules.pants_backend.locks.lockfiles import LockFilesRequest, lock_files
from venvstacks_rules.pants_backend.locks.locking import LockRequest, Upgrade
from venvstacks_rules.pants_backend.locks.outcomes import (
    LockOutcomesRequest,
    UnlockedLayers,
    failure,
    lock_outcomes,
)
from venvstacks_rules.pants_backend.locks.rivals import RivalVersionsRequest, rival_versions
from venvstacks_rules.pants_backend.locks.stale_below import StaleBelowRequest, stale_below
from venvstacks_rules.pants_backend.processes.actions_lock import parsed_lockfile
from venvstacks_rules.pants_backend.targets.layers import PlatformsField
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField, is_layer

# Pants says of every resolve to which file its lockfile was written. Of those that were not, one
# error tells at the end.
_NO_FILE = "no file: the layer cannot be locked"

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


def tells_of_a_file(record: logging.LogRecord) -> bool:
    """Whether a record is other than that of a lockfile which was not written."""
    return not record.getMessage().endswith(_NO_FILE)


logging.getLogger("pants.core.goals.generate_lockfiles").addFilter(tells_of_a_file)


class KnownLayerResolveNames(KnownUserResolveNamesRequest):
    """The names of all layers."""


class RequestedLayerResolveNames(RequestedUserResolveNames):
    """The names of some layers."""


@rule
async def known_layer_resolve_names(
    _: KnownLayerResolveNames, targets: AllTargets, options: GenerateLockfilesSubsystem
) -> KnownUserResolveNames:
    names = tuple(sorted({*layers_by_name(targets), *manifests_by_name(targets)}))
    refuse_misspelt(options.resolve, names)
    return KnownUserResolveNames(
        names=names,
        option_name="the venvstacks targets",
        requested_resolve_names_cls=RequestedLayerResolveNames,
    )


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


@dataclass(frozen=True)
class _LockableLayers:
    """Layers with a lock of their own: of one layer in several archives, the first variant."""

    targets: Mapping[str, Target]
    """By address spec."""
    lower: Mapping[str, Iterable[str]]
    """The layers directly below each layer."""
    one_lock: Mapping[str, Address]

    @classmethod
    def of(cls, targets: Iterable[Target]) -> _LockableLayers:
        layers = [target for target in targets if is_layer(target)]
        one_lock = shared_locks(layers)
        named = TargetsByName.of(layers)
        found = cls({}, {}, one_lock)
        own: dict[str, Target] = {}
        lower: dict[str, list[str]] = {}
        for target in layers:
            spec = found.locked_as(target.address.spec)
            if spec == target.address.spec:
                own[spec] = target
            lower.setdefault(spec, []).extend(
                found.locked_as(address.spec)
                for reference in layer_references(target)
                for address in named.meant(reference.address, target.address, target)
            )
        return cls(own, lower, one_lock)

    def locked_as(self, spec: str) -> str:
        """The layer whose lock a layer has."""
        return self.one_lock[spec].spec if spec in self.one_lock else spec


# It depends on `RunId` so that it says in every run that there is nothing to do.
@rule
async def requested_layer_resolve_names(
    request: RequestedLayerResolveNames,
    targets: AllTargets,
    goal: GenerateLockfilesSubsystem,
    run: RunId,
) -> UserGenerateLockfiles:
    options = LayerLockOptions.of(goal)
    by_name = layers_by_name(targets)
    lockable = _LockableLayers.of(targets)
    layers, locked_as = lockable.targets, lockable.locked_as
    lockfiles = {
        spec: target.get(LayerSourcesField).lockfile_path for spec, target in layers.items()
    }
    present = await engine.path_globs_to_paths(PathGlobs(sorted(lockfiles.values())))
    locked = frozenset(spec for spec, path in lockfiles.items() if path in present.files)
    manifests = manifests_by_name(targets)
    known = {**by_name, **manifests}
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(folder), **implicitly())
        for folder in sorted({t.address.spec_path for name in request for t in known[name]})
    )
    refuse_broken(graphs)
    stacks = await concurrently(
        stack_layers(StackLayersRequest.of(manifest), **implicitly())
        for manifest in dict.fromkeys(t for name in request for t in manifests.get(name, ()))
    )
    asked = {locked_as(t.address.spec) for name in request for t in by_name.get(name, ())}
    asked.update(locked_as(layer.address) for stack in stacks for layer in stack.layers)
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
        states = {
            locked_as(spec): lock.state for chain in judged for spec, lock in chain.locks.items()
        }
        asked = {spec for spec, state in states.items() if state not in _NOTHING_TO_DO}
        if not asked:
            logger.info("%s as defined: nothing to do.", _locked_layers(len(states)))
    # A layer without platforms is disabled, and has nothing to lock.
    renewed = tuple(
        spec
        for spec in layers_to_lock(asked, lockable.lower, locked)
        if layers[spec][PlatformsField].value != ()
    )
    on_others = [
        spec for spec in renewed if any(below not in renewed for below in lockable.lower[spec])
    ]
    below = await stale_below(
        StaleBelowRequest(tuple(layers[spec].address for spec in on_others), renewed),
        **implicitly(),
    )
    if below.text is not None:
        logger.warning("%s", below.text)
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
    rival = await rival_versions(
        RivalVersionsRequest(request.address, outcomes.written), **implicitly()
    )
    if rival.text is not None:
        logger.warning("%s", rival.text)
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
