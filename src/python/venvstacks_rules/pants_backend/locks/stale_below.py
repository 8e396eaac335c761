"""Locks that are made on stale ones: they become stale again with these."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.internals.dep_rules import DependencyRulesError
from pants.engine.internals.session import RunId

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLock,
    CheckedLocks,
    CheckedLocksRequest,
    checked_locks,
    locking,
    lowest_of,
)


@dataclass(frozen=True)
class StaleBelowRequest:
    """The locks below layers that are to be locked, and that are not locked again themselves."""

    layers: tuple[Address, ...]
    renewed: tuple[str, ...]
    """The address specs of the layers that are locked in this run."""


@dataclass(frozen=True)
class StaleBelow:
    """What to say of stale locks below."""

    text: str | None
    """None if there are none, or if that cannot be known."""


# It runs in each run (`RunId`): the engine does not know that what failed depends on options, and
# would give it again when these are others.
@rule
async def stale_below(request: StaleBelowRequest, _run: RunId) -> StaleBelow:
    try:
        judged = await concurrently(
            checked_locks(CheckedLocksRequest(address, among_broken=True), **implicitly())
            for address in request.layers
        )
    except (VenvstacksError, DependencyRulesError):
        # Locking has the message.
        return StaleBelow(None)
    return StaleBelow(stale_below_text(judged, request.renewed))


def stale_below_text(chains: Sequence[CheckedLocks], renewed: Container[str]) -> str | None:
    """What to say of layers that are locked on others whose locks are stale."""
    paths = {spec: lock.path for chain in chains for spec, lock in chain.locks.items()}
    again = {path for spec, path in paths.items() if spec in renewed}
    stale: dict[str, CheckedLock] = {}
    above = []
    for chain in chains:
        *lower, upper = chain.locks.values()
        found = [lock for lock in lower if lock.state is LockState.STALE and lock.path not in again]
        stale.update((lock.path, lock) for lock in found)
        above += [upper.layer.address] if found else []
    if not stale:
        return None
    names = ", ".join(lock.layer.address for lock in stale.values())
    return (
        f"The lockfiles of layers below are stale: {names}. Once these are locked, what is locked "
        f"now is stale again: {', '.join(above)}. {locking(lowest_of(stale.values(), paths))} "
        "locks all of them, lower ones first."
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
