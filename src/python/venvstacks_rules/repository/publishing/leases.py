"""Leases: a publish and a prune of one repository do not run at the same time.

A publisher relies on blobs that are there, although nothing names them yet; a prune removes blobs
that nothing names. So each says that it is there before it looks for the other:

- A publisher stores ``locks/publish/<id>.json``, its lease, and *then* looks for
  ``locks/prune.json``. If that is there, it withdraws its lease and waits.
- A prune stores ``locks/prune.json`` and *then* lists the leases. If one is live, it withdraws its
  lock and fails.

Whoever comes second sees the other, in every order of these four steps; if they come together,
both withdraw.

A process may be killed, so a lease and a lock end by themselves. They name a grace period and are
renewed long before it ends. One that is older is *abandoned*; its age is the difference of two
times of the store's own clock, that of the object and that of the asker's object, which is new. A
process may also sleep and wake up: before each step that relies on the lease it calls
:meth:`Held.check`, which fails if the own clock says that the last renewal was half of the grace
period ago. After that it never renews. So of a pair of which one slept, at most one goes on:

- A publisher that slept too long moves no channel. The prune that found its lease abandoned
  removed it.
- A prune that slept too long removes nothing more. The next prune takes over its lock by
  compare-and-swap.

Clocks of different machines are never compared.
"""

from __future__ import annotations

import contextlib
import secrets
import threading
import time
from collections.abc import Iterator, Mapping
from typing import Callable

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.model.repository.keys import LOCKS
from venvstacks_rules.model.wording import duration_text
from venvstacks_rules.repository.stores.store import Content, Entry, Store, StoreError

PUBLISHERS = f"{LOCKS}/publish/"
"""The leases of publishers."""
PRUNE = f"{LOCKS}/prune.json"
"""The lock of a prune."""
_CLOCKS = f"{LOCKS}/clock-"
"""Objects that tell the time of the store."""
GRACE = 3600.0
"""The grace period, in seconds."""
_MOST_GRACE = 7 * 24 * 3600.0
"""What others may ask for."""
_MOST_LEASE_BYTES = 64 * 1024
_OTHER_PUBLISHERS = "A publish may have begun meanwhile. Run this again."
_OTHER_PRUNES = (
    "A prune may have removed what this publish relies on. Run it again, and then"
    " `venvstacks-repository verify`."
)
_RENEWALS = 8
"""In a grace period."""


class Held:
    """A lease or a lock that this process holds; a thread renews it."""

    def __init__(self, store: Store, key: str, grace: float) -> None:
        """`key` is where it is going to lie; `grace` is in seconds."""
        self.key = key
        self.grace = grace
        self._store = store
        self._id = secrets.token_hex(8)
        self._renewals = 0
        self._renewed = _now()
        self._lost = ""
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._renew_all, name="lease", daemon=True)

    @property
    def data(self) -> bytes:
        """What lies there now."""
        values = {"id": self._id, "grace": self.grace, "renewals": self._renewals}
        return published_json(values).encode("utf-8")

    def start(self) -> None:
        """Renew it from now on; it was stored just now."""
        self._thread.start()

    def stop(self) -> None:
        """Renew it no longer."""
        self._end.set()
        if self._thread.is_alive():
            self._thread.join()

    def refresh(self) -> None:
        """It is going to be stored; its age begins now."""
        self._renewed = _now()

    def check(self) -> None:
        """RepositoryError if it may have ended, and others may have acted on that."""
        age = _age(self._renewed)
        if not self._lost and age > self.grace / 2:
            self._lost = f"it was not renewed for {duration_text(round(age * 1000))}"
        if self._lost:
            raise RepositoryError(
                f"{self._store.url}: the lease `{self.key}` may have ended: {self._lost}.",
                [_OTHER_PUBLISHERS if self.key == PRUNE else _OTHER_PRUNES],
            )

    @property
    def is_lost(self) -> bool:
        """Whether it may have ended."""
        try:
            self.check()
        except RepositoryError:
            return True
        return False

    def _renew_all(self) -> None:
        while not self._end.wait(self.grace / _RENEWALS):
            # One of the next tries may reach the store, and have an answer that makes sense; else
            # `check` says that it is too late.
            with contextlib.suppress(RepositoryError, StoreError):
                self._renew()
            if self._lost:
                return

    def _renew(self) -> None:
        if self.is_lost:
            return
        begin = _now()
        found = self._store.get(self.key, limit=_MOST_LEASE_BYTES)
        if found is None or _id(found.data) != self._id:
            self._lost = "somebody removed it"
            return
        self._renewals += 1
        if self._store.replace(self.key, self.data, found.mark):
            self._renewed = begin
        else:
            self._lost = "somebody changed it"


@contextlib.contextmanager
def publisher_lease(
    store: Store,
    *,
    grace: float = GRACE,
    patience: float = 600.0,
    waiting: Callable[[str], None] = lambda _: None,
) -> Iterator[Held]:
    """Hold a lease for publishing.

    Waits up to `patience` seconds for a prune to end, and calls `waiting` with a line about that
    once. RepositoryError if the prune takes longer.
    """
    end = time.monotonic() + patience
    told = False
    while True:
        held = Held(store, f"{PUBLISHERS}{secrets.token_hex(8)}.json", grace)
        store.put_if_absent(held.key, Content.of(held.data))
        try:
            pruned = _prune_is_live(store, held)
            if not pruned:
                held.start()
                yield held
                return
        finally:
            held.stop()
            _remove(store, held)
        if time.monotonic() >= end:
            raise RepositoryError(
                f"{store.url}: a prune is running.",
                [
                    f"Wait until it ends, and run this again. If it was killed, its lock `{PRUNE}`"
                    f" counts for {duration_text(round(grace * 1000))} at most."
                ],
            )
        if not told:
            waiting(f"{store.url}: waiting for a prune to end")
            told = True
        time.sleep(min(2.0, max(0.05, patience / 100)))


@contextlib.contextmanager
def prune_lock(store: Store, *, grace: float = GRACE) -> Iterator[Held]:
    """Hold the lock for pruning; call its `check` before everything that is removed.

    RepositoryError if a publish is running, or another prune. The leases of publishers that were
    killed longer than the grace period ago are removed.
    """
    held = Held(store, PRUNE, grace)
    if not store.put_if_absent(PRUNE, Content.of(held.data)):
        _take_over(store, held)
    try:
        _refuse_live_publishers(store, held)
        held.start()
        yield held
    finally:
        held.stop()
        _remove(store, held)


def _prune_is_live(store: Store, held: Held) -> bool:
    if store.size(PRUNE) is None:
        return False
    found = store.get(PRUNE, limit=_MOST_LEASE_BYTES)
    locks = {entry.key: entry for entry in store.list(f"{LOCKS}/")}
    if found is None or PRUNE not in locks:
        # It ended just now, and what was read before the lease does not count yet.
        return False
    return not _is_abandoned(locks[PRUNE], found.data, locks.get(held.key), held)


def _take_over(store: Store, held: Held) -> None:
    """Take the lock of a prune that was killed."""
    found = store.get(PRUNE, limit=_MOST_LEASE_BYTES)
    # An object of its own tells the time of the store.
    clock = f"{_CLOCKS}{secrets.token_hex(8)}.json"
    store.put_if_absent(clock, Content.of(held.data))
    try:
        locks = {entry.key: entry for entry in store.list(f"{LOCKS}/")}
    finally:
        store.delete([clock])
    if found is not None and PRUNE in locks:
        own = locks.get(clock)
        if not _is_abandoned(locks[PRUNE], found.data, own, held):
            age = max(0.0, own.modified - locks[PRUNE].modified) if own else 0.0
            raise RepositoryError(
                f"{store.url}: another prune is running; its lock was renewed"
                f" {duration_text(round(age * 1000))} ago.",
                [
                    "Wait until it ends; if it was killed, its lock ends by itself,"
                    f" {_lasts(found.data, held)} after its last renewal."
                ],
            )
    held.refresh()
    if not store.replace(PRUNE, held.data, None if found is None else found.mark):
        raise RepositoryError(
            f"{store.url}: another prune is running; it began just now.", ["Wait until it ends."]
        )


def _refuse_live_publishers(store: Store, held: Held) -> None:
    locks = {entry.key: entry for entry in store.list(f"{LOCKS}/")}
    abandoned = []
    for key, entry in locks.items():
        if not key.startswith((PUBLISHERS, _CLOCKS)):
            continue
        found = store.get(key, limit=_MOST_LEASE_BYTES)
        if found is None:
            continue
        if not _is_abandoned(entry, found.data, locks.get(PRUNE), held):
            if key.startswith(_CLOCKS):
                continue
            raise RepositoryError(
                f"{store.url}: a publish is running; its lease is `{key}`.",
                [
                    "Run this again when it has ended. The lease of a publish that was killed ends"
                    f" by itself, {_lasts(found.data, held)} after its last renewal."
                ],
            )
        abandoned.append(key)
    store.delete(abandoned)


def _is_abandoned(entry: Entry, data: bytes, own: Entry | None, held: Held) -> bool:
    """Whether `entry`, with `data`, is older than its grace period and that of `held`.

    `own` is an object that this process stored just now.
    """
    if own is None:
        return False
    return own.modified - entry.modified > max(held.grace, _grace(data))


def _lasts(data: bytes, held: Held) -> str:
    """How long after its last renewal a lease or a lock with `data` ends."""
    return duration_text(round(max(held.grace, _grace(data)) * 1000))


def _remove(store: Store, held: Held) -> None:
    # What may have ended may be of somebody else by now.
    if not held.is_lost:
        with contextlib.suppress(RepositoryError, StoreError):
            store.delete([held.key])


def _values(data: bytes) -> Mapping[str, object]:
    try:
        values = parsed_json(data)
    except ValueError:
        return {}
    return values if isinstance(values, dict) else {}


def _id(data: bytes) -> object:
    return _values(data).get("id")


def _grace(data: bytes) -> float:
    grace = _values(data).get("grace")
    if isinstance(grace, bool) or not isinstance(grace, (int, float)):
        return 0.0
    return min(float(grace), _MOST_GRACE) if grace == grace else 0.0  # noqa: PLR0124 - not NaN


def _now() -> tuple[float, float]:
    return time.monotonic(), time.time()


def _age(since: tuple[float, float]) -> float:
    """In seconds. The monotonic clock may stand still while a machine sleeps."""
    monotonic, wall = _now()
    return max(monotonic - since[0], wall - since[1])
