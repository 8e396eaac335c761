"""``prune``: removes what no channel needs and nobody published lately.

Kept are

1. the manifests that channels point at, and of each stack and platform the newest;
2. the indexes that these name, and of each layer the newest versions that no manifest names;
3. the deltas that make segments of these indexes, whatever they are made of: who has an old version
   may come back after years;
4. the blobs that these name;

and everything that is younger than the grace period. What names something is removed before it, so
that a reader, and a prune that is killed, never leave a name of what is gone.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from typing import Any, TypeVar

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.outputs.names import MANIFEST_FOLDER
from venvstacks_rules.model.repository.keys import (
    ARCHIVES,
    LOCKS,
    DeltaKey,
    LayerKey,
    StackKey,
)
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.repository.publishing.leases import GRACE, PRUNE, Held
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import REMEDY, Entry, StoreError
from venvstacks_rules.repository.upkeep.selection import natural

_OF_ARCHIVES = f"/{MANIFEST_FOLDER}/"
"""In the key of a manifest of archives."""
_BATCH = 200
"""Keys that are removed after one look at the lock."""

K = TypeVar("K", StackKey, LayerKey, DeltaKey)
Listed = tuple[K, Entry]


@dataclass(frozen=True)
class Pruning:
    """What is removed, or was."""

    url: str
    keep: int
    grace: float
    """In seconds."""
    stacks: tuple[StackKey, ...]
    layers: tuple[LayerKey, ...]
    archives: tuple[str, ...]
    """The keys of the archives of versions that are gone."""
    deltas: tuple[DeltaKey, ...]
    """Of segments that are gone, and those that nobody can read."""
    blobs: tuple[str, ...]
    """Their keys."""
    size: int
    """Of all of it, in bytes."""
    kept_stacks: int
    kept_layers: int
    kept_blobs: int
    kept_size: int
    """Of these blobs, in bytes."""
    incomplete: tuple[str, ...] = ()
    """Files that publishers left that were killed."""
    applied: bool = False

    @property
    def groups(self) -> tuple[tuple[str, ...], ...]:
        """What is removed, one group after the other."""
        of_archives = [key for key in self.archives if _OF_ARCHIVES in key]
        return (
            self.incomplete,
            # Who finds it need not ask for the others.
            tuple(of_archives),
            tuple(key for key in self.archives if _OF_ARCHIVES not in key),
            tuple(map(str, self.stacks)),
            tuple(map(str, self.layers)),
            tuple(map(str, self.deltas)),
            self.blobs,
        )

    @property
    def keys(self) -> tuple[str, ...]:
        """All that is removed."""
        return tuple(key for group in self.groups for key in group)

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "url": self.url,
            "applied": self.applied,
            "keep": self.keep,
            "grace": self.grace,
            "removed": {
                "stacks": list(map(str, self.stacks)),
                "layers": list(map(str, self.layers)),
                "archives": list(self.archives),
                "deltas": list(map(str, self.deltas)),
                "blobs": list(self.blobs),
                "incomplete": list(self.incomplete),
                "size": self.size,
            },
            "kept": {
                "stacks": self.kept_stacks,
                "layers": self.kept_layers,
                "blobs": self.kept_blobs,
                "blob_size": self.kept_size,
            },
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield self.url
        verb = "removed" if self.applied else "to remove"
        for key in self.keys[: len(self.keys) - len(self.blobs)]:
            yield f"  {verb}: {key}"
        incomplete = counted(len(self.incomplete), "incomplete file")
        incomplete = f", {incomplete}" if self.incomplete else ""
        yield (
            f"{'Removed' if self.applied else 'Would remove'}"
            f" {counted(len(self.stacks), 'manifest')},"
            f" {counted(len(self.layers), 'layer version')},"
            f" {counted(len(self.archives), 'file')} of archives,"
            f" {counted(len(self.blobs), 'blob')}{incomplete}: {size_text(self.size)}."
        )
        yield (
            f"{'Kept' if self.applied else 'Would keep'} {counted(self.kept_stacks, 'manifest')},"
            f" {counted(self.kept_layers, 'layer version')},"
            f" {counted(self.kept_blobs, 'blob')} with {size_text(self.kept_size)}, with all that"
            f" is younger than {_grace_text(self.grace)}."
        )
        if not self.applied and self.keys:
            yield "Nothing was removed; `--apply` does it."


def _grace_text(seconds: float) -> str:
    for unit, size in (("h", 3600), ("m", 60)):
        if seconds >= size and seconds % size == 0:
            return f"{seconds // size:.0f}{unit}"
    return f"{seconds:.0f}s"


def planned_pruning(
    repository: Repository, keep: int, grace: float, now: float | None = None
) -> Pruning:
    """What a prune would remove. RepositoryError if something cannot be read: it might need all.

    `now` is the time of the store, in seconds since 1970; by default that of this machine.
    """
    clock = time.time() if now is None else now
    return _Planning(repository, keep, clock, grace).plan()


def pruned(repository: Repository, keep: int, grace: float, held: Held) -> Pruning:
    """Remove it, under the lock, which must have been there before any of this is read."""
    locks = {entry.key: entry for entry in repository.store.list(f"{LOCKS}/")}
    held.check()
    if PRUNE not in locks:
        raise StoreError(f"{repository.url}: `{PRUNE}` was removed.")
    now = locks[PRUNE].modified
    plan = planned_pruning(repository, keep, grace, now)
    # What a prune that was killed had told the time with.
    clocks = [
        entry.key
        for entry in locks.values()
        if entry.key.startswith(f"{LOCKS}/clock-") and now - entry.modified > held.grace
    ]
    for keys in (clocks, *plan.groups):
        for i in range(0, len(keys), _BATCH):
            held.check()
            repository.store.delete(keys[i : i + _BATCH])
    return replace(plan, applied=True)


class _Planning:
    def __init__(self, repository: Repository, keep: int, clock: float, grace: float) -> None:
        self._repository = repository
        # Whoever signed a record: what it names is kept.
        self._reader = Repository(repository.store, ChannelRecord.from_json)
        self._concurrency = repository.store.concurrency
        self._keep = keep
        self._grace = grace
        self._limit = clock - grace
        """Younger ones are kept."""
        self._left = min(self._limit, clock - GRACE)
        """What is not complete and older was left behind, also by who has no lease, as `sign`."""

    def plan(self) -> Pruning:
        stacks, layers = list(self._reader.stacks()), list(self._reader.layers())
        kept_stacks = self._kept_stacks(stacks)
        manifests = self._manifests(stacks)
        named = {key for stack in manifests.values() for key in stack.layer_keys}
        needed = {
            key
            for stack in manifests.values()
            if stack.key in kept_stacks
            for key in stack.layer_keys
        }
        kept_layers = {*needed, *self._kept_layers(layers, named)}
        kept_blobs = self._blobs_of(sorted(kept_layers, key=str))
        deltas = list(self._deltas(kept_blobs))
        archives = sorted(
            self._archives(stacks, kept_stacks), key=lambda e: (_OF_ARCHIVES not in e.key, e.key)
        )
        parts = self._repository.store.incomplete()
        incomplete = [entry for entry in parts if entry.modified < self._left]
        removed: list[Entry] = []
        kept_count = kept_size = 0
        for sha256, entry in self._reader.blobs():
            if sha256 in kept_blobs or self._is_young(entry):
                kept_count, kept_size = kept_count + 1, kept_size + entry.size
            else:
                removed.append(entry)
        gone_stacks = [(key, entry) for key, entry in stacks if key not in kept_stacks]
        gone_layers = [(key, entry) for key, entry in layers if key not in kept_layers]
        named_gone = (*gone_stacks, *gone_layers, *deltas)
        gone = [*(entry for _, entry in named_gone), *archives, *incomplete, *removed]
        return Pruning(
            url=self._repository.url,
            keep=self._keep,
            grace=self._grace,
            stacks=tuple(key for key, _ in gone_stacks),
            layers=tuple(key for key, _ in gone_layers),
            archives=tuple(entry.key for entry in archives),
            deltas=tuple(key for key, _ in deltas),
            blobs=tuple(entry.key for entry in removed),
            size=sum(entry.size for entry in gone),
            kept_stacks=len(stacks) - len(gone_stacks),
            kept_layers=len(layers) - len(gone_layers),
            kept_blobs=kept_count,
            kept_size=kept_size,
            incomplete=tuple(entry.key for entry in incomplete),
        )

    def _kept_stacks(self, stacks: Sequence[Listed[StackKey]]) -> set[StackKey]:
        channels = [key for key, _ in self._reader.channels()]
        pointed = set()
        for found in in_parallel(self._reader.record, channels, self._concurrency):
            if found is not None:
                pointed.add(found.record.stack_key)
        listed = {key for key, _ in stacks}
        if missing := sorted(map(str, pointed - listed)):
            raise self._refused(
                f"`{key}` is missing, and a channel points at it" for key in missing
            )
        newest = _newest(stacks, self._keep, lambda key: (key.name, key.platform))
        young = {key for key, entry in stacks if self._is_young(entry)}
        return pointed | newest | young

    def _manifests(self, stacks: Sequence[Listed[StackKey]]) -> dict[StackKey, PublishedStack]:
        keys = [key for key, _ in stacks]
        found = in_parallel(self._reader.found_manifest, keys, self._concurrency)
        return {key: one.stack for key, one in zip(keys, found) if one is not None}

    def _kept_layers(
        self, layers: Sequence[Listed[LayerKey]], named: set[LayerKey]
    ) -> Iterator[LayerKey]:
        """Beside those of stacks that are kept."""
        alone = [(key, entry) for key, entry in layers if key not in named]
        yield from _newest(alone, self._keep, lambda key: (key.layer_name, key.platform))
        yield from (key for key, entry in layers if self._is_young(entry))

    def _blobs_of(self, keys: Sequence[LayerKey]) -> set[str]:
        found: set[str] = set()
        problems = []
        indexes = in_parallel(self._reader.found_index, keys, self._concurrency)
        for key, index in zip(keys, indexes):
            if index is None:
                problems.append(f"`{key}` is missing, and a stack names it")
            else:
                found.update(blob.sha256 for blob in index.blobs)
        if problems:
            raise self._refused(problems)
        return found

    def _deltas(self, kept_blobs: set[str]) -> Iterator[Listed[DeltaKey]]:
        """Those that go; the blobs of the others are added to `kept_blobs`."""
        listed = list(self._reader.deltas())
        segments = frozenset(kept_blobs)

        def read(found: Listed[DeltaKey]) -> str | None:
            """The hash of the blob; None if the delta is of no use."""
            key, entry = found
            if key.new not in segments and not self._is_young(entry):
                return None
            try:
                delta = self._reader.delta(key)
            except RepositoryError:
                return None
            return None if delta is None else delta.blob.sha256

        for found, blob in zip(listed, in_parallel(read, listed, self._concurrency)):
            if blob is not None:
                kept_blobs.add(blob)
            elif not self._is_young(found[1]):
                yield found

    def _archives(
        self, stacks: Sequence[Listed[StackKey]], kept: AbstractSet[StackKey]
    ) -> Iterator[Entry]:
        """Those of manifests that go, and of versions without any."""
        versions = {(key.name, key.version) for key in kept}
        gone = {key for key, _ in stacks} - kept
        for entry in self._reader.store.list(f"{ARCHIVES}/"):
            name, version, platform, *_ = (*entry.key.split("/")[1:], "", "", "")
            is_needed = (name, version) in versions
            if is_needed and StackKey(name, version, platform) not in gone:
                continue
            if not self._is_young(entry):
                yield entry

    def _is_young(self, entry: Entry) -> bool:
        return entry.modified >= self._limit

    def _refused(self, problems: Iterable[str]) -> RepositoryError:
        return RepositoryError(
            f"{self._repository.url}: nothing is removed, because the repository is not whole.",
            [
                *first_problems(list(problems)),
                REMEDY,
            ],
        )


def _newest(
    listed: Iterable[Listed[K]], count: int, group: Callable[[K], tuple[str, str]]
) -> set[K]:
    """Of each group the `count` that were stored last."""
    groups: dict[tuple[str, str], list[tuple[K, Entry]]] = {}
    for key, entry in listed:
        groups.setdefault(group(key), []).append((key, entry))
    found: set[K] = set()
    for members in groups.values():
        members.sort(key=lambda member: (member[1].modified, natural(str(member[0]))))
        found.update(key for key, _ in members[max(0, len(members) - count) :])
    return found
