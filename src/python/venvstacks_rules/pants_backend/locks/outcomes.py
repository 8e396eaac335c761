"""Locks several layers: one that cannot be locked does not undo the locks of others."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import NoReturn

from pants.engine.fs import EMPTY_DIGEST, Digest
from pants.engine.internals.dep_rules import DependencyRulesError
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import LockError, VenvstacksError
from venvstacks_rules.model.wording import counted
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.locks.locking import LockRequest, layer_lock

DENIED = (
    "Layers depend on code that denies it. Let its `__dependents_rules__` name their folder, for "
    'example by `"//stacks/**"`:'
)


@dataclass(frozen=True)
class LockOutcomeRequest:
    """Try to lock a layer."""

    lock: LockRequest


@dataclass(frozen=True)
class LockOutcome:
    """A lock, or why there is none."""

    digest: Digest
    """The files of the lock; empty without it."""
    error: VenvstacksError | None


@dataclass(frozen=True)
class LockOutcomesRequest:
    """Try to lock layers."""

    locks: tuple[LockRequest, ...]


@dataclass(frozen=True)
class LockOutcomes:
    """What became of layers that were to be locked."""

    by_address: FrozenDict[str, LockOutcome]
    """By address spec; at least one has a lock."""

    @property
    def failed(self) -> tuple[str, ...]:
        """The address specs of the layers without a lock."""
        return tuple(spec for spec, outcome in self.by_address.items() if outcome.error is not None)

    @property
    def written(self) -> tuple[Digest, ...]:
        """The files of all new locks."""
        return tuple(out.digest for out in self.by_address.values() if out.error is None)


class UnlockedLayers:
    """Stands where Pants expects what changed in a lockfile: printing it raises an error.

    Pants writes what all rules of ``generate-lockfiles`` return, or nothing, and has no other way
    to write some files and fail all the same. It prints changes after it has written.
    """

    def __init__(self, error: VenvstacksError) -> None:
        self._error = error

    def __getattr__(self, _: str) -> NoReturn:
        raise self._error


@rule
async def lock_outcome(request: LockOutcomeRequest) -> LockOutcome:
    try:
        lock = await layer_lock(request.lock, **implicitly())
    except VenvstacksError as e:
        return LockOutcome(EMPTY_DIGEST, e)
    except DependencyRulesError as e:
        # Of Pants: a rule of its `visibility` backend. It must not undo the locks of others.
        return LockOutcome(EMPTY_DIGEST, LockError(DENIED, [str(e)]))
    return LockOutcome(lock.digest, None)


@rule
async def lock_outcomes(request: LockOutcomesRequest) -> LockOutcomes:
    outcomes = await concurrently(
        lock_outcome(LockOutcomeRequest(lock), **implicitly()) for lock in request.locks
    )
    found = LockOutcomes(
        FrozenDict({lock.address.spec: out for lock, out in zip(request.locks, outcomes)})
    )
    if len(found.failed) == len(outcomes):
        raise failure(found.by_address)
    return found


def failure(outcomes: Mapping[str, LockOutcome]) -> VenvstacksError:
    """The error for the layers without a lock, of which there is at least one."""
    errors = {spec: outcome.error for spec, outcome in outcomes.items() if outcome.error}
    # A layer above one without a lock has the error of that.
    first = {str(error): error for error in reversed(list(errors.values()))}
    if len(first) == 1 and len(errors) == len(outcomes):
        return next(iter(first.values()))
    what = counted(len(errors), "layer")
    others = "; the locks of the others were written" if len(errors) < len(outcomes) else ""
    problems = []
    for text in sorted(first):
        waiting = [
            spec for spec, error in errors.items() if str(error) == text and not _names(text, spec)
        ]
        note = [f"layers above wait for it: {', '.join(waiting)}"] if waiting else []
        problems.append("\n".join([text, *note]))
    return LockError(f"{what} cannot be locked{others}: {', '.join(errors)}", problems)


def _names(text: str, spec: str) -> bool:
    """Whether the message is about this very layer."""
    return bool(re.search(rf"(?<!\S){re.escape(spec)}(?=:?\s)", text))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
