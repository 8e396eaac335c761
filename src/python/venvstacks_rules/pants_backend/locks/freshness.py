"""Whether the locks of layers match their definitions."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.util.docutil import bin_name
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.locks.freshness import (
    LockState,
    inconsistent_with_lower,
    metadata_reasons,
    stale_reasons,
)
from venvstacks_rules.model.locks.metadata import HashedInputs
from venvstacks_rules.model.locks.pylock import Lockfile, LockInputs
from venvstacks_rules.model.locks.resolve_pins import ResolvePins
from venvstacks_rules.model.locks.wheel_globs import refuse_unknown_distributions
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModulesRequest, layer_modules
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraphRequest,
    LayerInGraph,
    LayerRequest,
    find_layer,
    layer_graph,
)
from venvstacks_rules.pants_backend.locks.distributions import (
    LayerDistributionsRequest,
    layer_distributions,
)
from venvstacks_rules.pants_backend.locks.lockfiles import LockFiles, LockFilesRequest, lock_files
from venvstacks_rules.pants_backend.locks.python_resolves import (
    PythonResolveRequest,
    python_resolve,
)
from venvstacks_rules.pants_backend.locks.uv_config import UvConfigRequest, find_uv_config
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@dataclass(frozen=True)
class CheckedLock:
    """The lock of one layer, in any state."""

    layer: Layer
    path: str
    """The path of the ``pylock`` file, relative to the build root."""
    state: LockState
    reasons: tuple[str, ...]
    """Why it is stale or unreadable."""
    files: LockFiles

    @property
    def install_target(self) -> str:
        """The folder that the layer is deployed to."""
        return self.layer.install_target(self.files.lock_version)

    @property
    def problem(self) -> str | None:
        """The problem, with the command that repairs it; None if there is no problem."""
        return self._told(locking([self.layer.address]))

    @property
    def problem_alone(self) -> str | None:
        """The problem without the command, for a message about several locks."""
        return self._told(None)

    def _told(self, command: str | None) -> str | None:
        if self.state is LockState.MISSING:
            run = "" if command is None else f" Run {command}, and commit what it writes."
            text = f"there is no lockfile {self.path}.{run}"
        elif self.state is LockState.STALE:
            run = "" if command is None else f" Run {command}."
            text = f"the lockfile {self.path} is stale.{run}"
        elif self.state is LockState.UNREADABLE:
            run = "" if command is None else f" and run {command}"
            text = f"the lockfile {self.path} cannot be read. Restore it, or delete it{run}."
        else:
            return None
        return "\n".join(
            [f"{self.layer.address}: {text}", *(f"- {reason}" for reason in self.reasons)]
        )


def locking(addresses: Iterable[str]) -> str:
    """The command that locks layers, those above them, and unlocked ones below."""
    resolves = " ".join(f"--resolve={address}" for address in addresses)
    return f"`{bin_name()} generate-lockfiles {resolves}`"


@dataclass(frozen=True)
class CheckedLocksRequest:
    """The locks of a layer and of all layers below it, in any state."""

    address: Address
    among_broken: bool = False
    """Whether definitions of other layers may be broken."""


@dataclass(frozen=True)
class CheckedLocks:
    """Locks by address spec, lower layers first, the layer itself last."""

    locks: FrozenDict[str, CheckedLock]


@dataclass(frozen=True)
class ChainLocksRequest:
    """The locks of a layer and of all layers below it."""

    address: Address


@dataclass(frozen=True)
class ChainLocks:
    """Locks that match their layers, by address spec."""

    locks: FrozenDict[str, Lockfile]
    files: FrozenDict[str, LockFiles]

    def install_target(self, layer: Layer) -> str:
        """The folder that `layer`, one of the chain, is deployed to."""
        return layer.install_target(self.files[layer.address].lock_version)


@dataclass(frozen=True)
class RequiredLocksRequest:
    """The locks of layers that one run needs, and of all layers below them."""

    addresses: tuple[Address, ...]
    siblings: tuple[str, ...] = ()
    """If there is a problem, list those of all layers in the same folders for these platforms.

    Pants packages each target apart, and shows the first error only.
    """


@dataclass(frozen=True)
class RequiredLocks:
    """The locks of layers that one run needs: all of them match their layers."""


def lock_inputs(
    layer: Layer,
    lower: Iterable[tuple[str, str]],
    provider: str,
    config_hash: str | None,
    distributions: tuple[Distribution, ...] = (),
) -> LockInputs:
    """The inputs of a lock of `layer`.

    `lower` has the layer_name and requirements hash of each lower layer, in import order.
    """
    return LockInputs(
        python_implementation=layer.python_implementation,
        python_provider=provider if layer.kind is LayerKind.RUNTIME else None,
        requirements=layer.requirements,
        platforms=tuple(platform.name for platform in layer.platforms),
        linux_target=layer.linux_target,
        macosx_target=layer.macosx_target,
        lower_layers=tuple(lower),
        uv_config=config_hash,
        package_indexes=layer.package_indexes,
        priority_indexes=layer.priority_indexes,
        local_wheels=layer.local_wheels,
        choices=layer.lock_choices,
        build_from_source=layer.build_from_source,
        distributions=distributions,
    )


@rule
async def checked_locks(request: CheckedLocksRequest, options: VenvstacksSubsystem) -> CheckedLocks:
    found = await find_layer(LayerRequest(request.address, request.among_broken), **implicitly())
    chain = (*reversed(found.lower), found.layer)
    read = await concurrently(
        lock_files(LockFilesRequest(found.lockfile(layer)), **implicitly()) for layer in chain
    )
    configs = await concurrently(
        find_uv_config(UvConfigRequest(found.uv_config(layer)), **implicitly()) for layer in chain
    )
    built = await concurrently(
        layer_distributions(
            LayerDistributionsRequest(found.targets[layer.address].address, request.among_broken),
            **implicitly(),
        )
        for layer in chain
    )
    # Only the lock of a versioned layer goes stale when its modules change.
    versioned = [layer.address for layer in chain if layer.versioned]
    modules = await concurrently(
        layer_modules(LayerModulesRequest(found.targets[address].address), **implicitly())
        for address in versioned
    )
    hashes = {address: of_layer.hashes for address, of_layer in zip(versioned, modules)}
    files = {layer.address: file for layer, file in zip(chain, read)}
    decided = [layer for layer in chain if layer.lock_choices.python_resolve is not None]
    resolves = await concurrently(
        python_resolve(PythonResolveRequest.of(layer), **implicitly()) for layer in decided
    )
    pins = {layer.address: found.pins for layer, found in zip(decided, resolves)}
    checked = {}
    for layer, config, distributions in zip(chain, configs, built):
        state, reasons = _judge(
            found,
            layer,
            files,
            provider=options.python_provider.value,
            config_hash=config.hash,
            pins=pins.get(layer.address),
            distributions=distributions.inputs,
            inputs=_hashed_inputs(
                found, layer, hashes.get(layer.address, ()), distributions.hashes
            ),
        )
        checked[layer.address] = CheckedLock(
            layer, found.lockfile(layer), state, reasons, files[layer.address]
        )
    return CheckedLocks(FrozenDict(checked))


@rule
async def chain_locks(request: ChainLocksRequest) -> ChainLocks:
    checked = await checked_locks(CheckedLocksRequest(request.address), **implicitly())
    error = lock_error([checked])
    if error is not None:
        raise error
    files = {address: lock.files for address, lock in checked.locks.items()}
    locks = {address: file.lockfile for address, file in files.items() if file.lockfile}
    layers = {address: lock.layer for address, lock in checked.locks.items()}
    refuse_unknown_distributions(layers, locks)
    return ChainLocks(FrozenDict(locks), FrozenDict(files))


@rule
async def required_locks(request: RequiredLocksRequest) -> RequiredLocks:
    checked = await concurrently(
        checked_locks(CheckedLocksRequest(address), **implicitly()) for address in request.addresses
    )
    error = lock_error(checked)
    if request.siblings and error is not None:
        needed = frozenset(lock.path for chain in checked for lock in chain.locks.values())
        graphs = await concurrently(
            layer_graph(LayerGraphRequest(folder), **implicitly())
            for folder in sorted({address.spec_path for address in request.addresses})
        )
        siblings = {
            graph.targets[spec].address
            for graph in graphs
            for spec, layer in graph.layers.items()
            if any(platform.name in request.siblings for platform in layer.platforms)
        }
        checked = await concurrently(
            checked_locks(CheckedLocksRequest(address, among_broken=True), **implicitly())
            for address in sorted(siblings)
        )
        error = lock_error(checked, needed)
    if error is not None:
        raise error
    return RequiredLocks()


def lock_error(
    checked: Iterable[CheckedLocks], needed: frozenset[str] | None = None
) -> LockError | None:
    """The problems of all locks, as one error; None if there are none.

    `needed` has the lockfiles without which the run cannot be; None if that is all of them.
    """
    # By path, because layers in several archives have one lock.
    locks: dict[str, CheckedLock] = {}
    chains = list(checked)
    for chain in chains:
        for lock in chain.locks.values():
            locks.setdefault(lock.path, lock)
    wrong = [lock for lock in locks.values() if lock.problem is not None]
    if not wrong:
        return None
    if len(wrong) == 1:
        return LockError(
            "A lockfile does not match the layer definitions:", [wrong[0].problem or ""]
        )
    paths = {spec: lock.path for chain in chains for spec, lock in chain.locks.items()}
    lowest = lowest_of(wrong, paths)
    problems = [
        _of_another(lock) if needed is not None and lock.path not in needed else lock.problem_alone
        for lock in wrong
    ]
    problems.append(f"run {locking(lowest)}, which locks all of them, and commit what it writes")
    return LockError(
        f"{len(wrong)} lockfiles do not match the layer definitions:",
        [text or "" for text in problems],
    )


def _of_another(lock: CheckedLock) -> str:
    first, *reasons = (lock.problem_alone or "").splitlines()
    return "\n".join([f"{first} Only other layers of the folder need it.", *reasons])


def lowest_of(locks: Iterable[CheckedLock], paths: Mapping[str, str]) -> list[str]:
    """The addresses of the layers with none of the others below: the rest is locked with them.

    `paths` has the lockfile of each layer, which several may share.
    """
    every = list(locks)
    found = {lock.path for lock in every}
    return [
        lock.layer.address
        for lock in every
        if not any(paths.get(spec) in found for spec in lock.layer.lower)
    ]


def _judge(
    found: LayerInGraph,
    layer: Layer,
    files: dict[str, LockFiles],
    *,
    provider: str,
    config_hash: str | None,
    distributions: tuple[Distribution, ...],
    inputs: HashedInputs,
    pins: ResolvePins | None,
) -> tuple[LockState, tuple[str, ...]]:
    """The state of one lock, and the reasons for it."""
    own = files[layer.address]
    lock = own.lockfile
    if not layer.platforms:
        return LockState.DISABLED, ()
    if own.problems:
        return LockState.UNREADABLE, own.problems
    if lock is None:
        return LockState.MISSING, ()
    by_address = {member.address: member for member in (found.layer, *found.lower)}
    lower = []
    for address in layer.lower:
        below = files[address].lockfile
        if below is None:
            return LockState.UNJUDGED, ()
        lower.append((by_address[address].layer_name, below))
    hashes = [(name, below.requirements_hash) for name, below in lower]
    reasons = stale_reasons(
        lock,
        lock_inputs(layer, hashes, provider, config_hash, distributions),
        layer.requirement_origins,
    )
    if lock.inputs is None:
        platforms = (platform.name for platform in layer.platforms)
        reasons = (*reasons, *inconsistent_with_lower(lock, tuple(lower), platforms))
    reasons = (*reasons, *metadata_reasons(lock, own.metadata, inputs))
    if pins is not None:
        reasons = (*reasons, *pins.contradictions(lock, layer.lock_choices.relaxed_pins))
    return (LockState.STALE, reasons) if reasons else (LockState.VALID, ())


def _hashed_inputs(
    found: LayerInGraph,
    layer: Layer,
    module_hashes: tuple[str, ...],
    distribution_hashes: tuple[str, ...],
) -> HashedInputs:
    names = {member.address: member.layer_name for member in found.lower}
    return HashedInputs(
        layer_name=layer.layer_name,
        requirements=layer.requirements,
        python_version=layer.python_version,
        platforms=tuple(platform.name for platform in layer.platforms),
        linux_target=layer.linux_target,
        macosx_target=layer.macosx_target,
        lower_layers=tuple(names[address] for address in layer.lower),
        versioned=layer.versioned,
        module_hashes=module_hashes,
        choices=layer.lock_choices,
        distribution_hashes=distribution_hashes,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
