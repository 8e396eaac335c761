"""Claims: how several writers of one tag take turns, where nothing is written under a condition.

Who wants to write puts a claim, a tag of its own with a random name, and then lists the claims.
Whoever sees no other's may write. Of two that claim at the same time at least one sees the other,
because each lists after it has put: this needs a registry whose list has a tag as soon as the
request that put it was answered. Who sees others waits if its own name is the first of all, and
otherwise withdraws, and tries again later. So there is always one that goes on.

A claim that has been there for `CLAIM_LIFE` was left behind, and is removed. Its owner does not
write after a quarter of that, so a request to write must not take longer than the rest.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Callable, Iterator

from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.artifacts import Artifacts
from venvstacks_rules.repository.stores.attempts import PassingError
from venvstacks_rules.repository.stores.tags import claim_prefix

CLAIM_LIFE = 60.0
"""In seconds, by the clock of who waits."""


def written(
    artifacts: Artifacts, key: str, may: Callable[[], bool], write: Callable[[], None]
) -> bool:
    """Call `write` while nobody else writes `key`, if `may` says so then; False if it does not."""
    claims, wait = _Claims(artifacts, key), 0.1
    while may():
        # A claim beside others is withdrawn most of the time, and keeps them waiting meanwhile.
        if not claims.others(""):
            # The first that came is the first of all.
            name, end = _new_name(), time.monotonic() + CLAIM_LIFE / 4
            try:
                claims.put(name)
                if claims.is_alone(name, end):
                    if not may():
                        return False
                    if time.monotonic() < end:
                        return _done(write, end)
            finally:
                claims.withdraw(name)
        time.sleep(random.uniform(0, wait))  # noqa: S311
        wait = min(2 * wait, 1.0)
    return False


def _done(write: Callable[[], None], end: float) -> bool:
    """Call `write` until it succeeds, but not after the end: what it writes may be old then."""
    while True:
        try:
            write()
        except PassingError:
            attempts.pause(0.2)
            if time.monotonic() > end:
                raise
        else:
            return True


def _new_name() -> str:
    return f"{time.time_ns() // 1000:016x}{secrets.token_hex(8)}"


class _Claims:
    """The claims for one key."""

    def __init__(self, artifacts: Artifacts, key: str) -> None:
        self._artifacts = artifacts
        self._key = key
        self._prefix = claim_prefix(key)
        self._seen: dict[str, float] = {}
        """When a claim was seen first."""
        self._withdrawn: set[str] = set()

    def put(self, name: str) -> None:
        """Make a claim. Its content is its own: one that is removed takes no other along."""
        self._artifacts.put_artifact(self._prefix + name, self._prefix + name, ())

    def withdraw(self, name: str) -> None:
        """Remove a claim, or have it say that it is none if the registry removes nothing."""
        tag = self._prefix + name
        if not self._artifacts.remove_tag(self._key, tag):
            self._artifacts.put_artifact("", tag, ())

    def is_alone(self, name: str, end: float) -> bool:
        """Wait until no other claim is there; False if another one goes first, or at the end."""
        while time.monotonic() < end:
            others = self.others(name)
            if not others:
                return True
            if min(others) < name:
                return False
            time.sleep(random.uniform(0.02, 0.1))  # noqa: S311
        return False

    def others(self, name: str) -> list[str]:
        """The claims beside `name`; those that were left behind are removed."""
        found = list(self._names(name))
        now = time.monotonic()
        for other in found:
            if now - self._seen.setdefault(other, now) > CLAIM_LIFE:
                self.withdraw(other)
        return found

    def _names(self, own: str) -> Iterator[str]:
        """All claims but `own` that are not withdrawn."""
        for tag in self._artifacts.tags(self._key):
            name = tag[len(self._prefix) :]
            if tag.startswith(self._prefix) and name not in {own, *self._withdrawn}:
                artifact = self._artifacts.artifact(self._key, tag)
                if artifact is not None and not artifact.key:
                    self._withdrawn.add(name)
                elif artifact is not None:
                    yield name
                # Else it is on its way in or out. Who is on the way in has not looked yet, and
                # will see us; but it may be there the next time.
