"""``verify``: every file of a repository is there, and as its hash and its readers want it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Callable, TypeVar

from venvstacks_rules.model.errors import RepositoryError, VenvstacksError
from venvstacks_rules.model.repository.indexes import MOST_INDEX_BYTES, LayerIndex
from venvstacks_rules.model.repository.keys import (
    CHANNELS,
    REPOSITORY_FILE,
    ChannelKey,
    DeltaKey,
    LayerKey,
    StackKey,
    blob_key,
)
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES
from venvstacks_rules.model.repository.records import MOST_RECORD_BYTES, ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.repository.reading.repository import Repository, is_no_record
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import StoreError, TooLargeError
from venvstacks_rules.repository.upkeep.tables import indented

T = TypeVar("T")
R = TypeVar("R")

MISSING, DAMAGED, UNUSABLE = "missing", "damaged", "unusable"
_MOST_SHOWN = 100
"""Problems in the terminal; all of them are in the JSON output."""


@dataclass(frozen=True)
class Defect:
    """Something that is wrong with a file."""

    key: str
    kind: str
    """``missing``, ``damaged`` (its bytes have another hash), or ``unusable``."""
    text: str
    """What is wrong, in words."""
    needed_by: str = ""
    """The key of a file that names it; empty if nothing does."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "key": self.key,
            "kind": self.kind,
            "problem": self.text,
            "needed_by": self.needed_by or None,
        }


@dataclass(frozen=True)
class Verification:
    """What was looked at, and what is wrong."""

    url: str
    channels: int
    stacks: int
    layers: int
    blobs: int
    blob_size: int
    deltas: int
    unreferenced: int
    """Blobs that no index and no delta names, which are fine otherwise."""
    unreferenced_size: int
    defects: tuple[Defect, ...]
    removed: tuple[str, ...] = ()
    """The keys of files that were removed."""

    @property
    def is_whole(self) -> bool:
        """Whether nothing is wrong."""
        return not self.defects

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "url": self.url,
            "channels": self.channels,
            "stacks": self.stacks,
            "layers": self.layers,
            "blobs": {"count": self.blobs, "size": self.blob_size},
            "deltas": self.deltas,
            "unreferenced": {"count": self.unreferenced, "size": self.unreferenced_size},
            "problems": [defect.to_dict() for defect in self.defects],
            "removed": list(self.removed),
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield f"{self.url}"
        for defect in self.defects[:_MOST_SHOWN]:
            yield f"  {defect.kind}: {defect.key}"
            yield from indented(defect.text.splitlines(), 4)
            if defect.needed_by:
                yield f"    {defect.needed_by} names it"
        if len(self.defects) > _MOST_SHOWN:
            yield f"  and {len(self.defects) - _MOST_SHOWN} more; `--json` has all of them"
        deltas = f" {counted(self.deltas, 'delta')}," if self.deltas else ""
        yield (
            f"{counted(self.channels, 'channel')}, {counted(self.stacks, 'manifest')},"
            f" {counted(self.layers, 'layer version')},{deltas} {counted(self.blobs, 'blob')} with"
            f" {size_text(self.blob_size)}:"
            f" {'all is well' if self.is_whole else counted(len(self.defects), 'problem')}."
        )
        if self.unreferenced:
            verb = "is" if self.unreferenced == 1 else "are"
            yield (
                f"{counted(self.unreferenced, 'blob')} with {size_text(self.unreferenced_size)}"
                f" {verb} named by nothing; `prune` removes what no publish needs."
            )
        if self.removed:
            records = [key for key in self.removed if key.startswith(f"{CHANNELS}/")]
            yield (
                f"Removed {counted(len(self.removed), 'damaged file')}. A publish with"
                " `--venvstacks-publish-thorough`, or `mirror` from a copy, brings back what is"
                " needed."
            )
            if records:
                yield (
                    f"{counted(len(records), 'channel')} lost the record. Only a copy has its"
                    " number: who saw it waits for a higher one."
                )


def verification(repository: Repository, *, remove_damaged: bool = False) -> Verification:
    """Read everything; the memory that it takes does not depend on the size of the blobs.

    `remove_damaged` removes files that are named by their hash and have another, and records that
    nobody can read: nobody can use them, and what is there is in the way of what is right.
    """
    look = _Look(repository)
    look.at_format()
    channels = [key for key, _ in repository.channels()]
    stacks = [key for key, _ in repository.stacks()]
    layers = [key for key, _ in repository.layers()]
    look.at_channels(channels)
    look.at_stacks(stacks)
    look.at_layers(layers)
    deltas = [key for key, _ in repository.deltas()]
    listed = {sha256: entry.size for sha256, entry in repository.blobs()}
    look.at_deltas(deltas, listed)
    look.at_blobs(listed)
    look.forget_removed()
    unreferenced = [size for sha256, size in listed.items() if sha256 not in look.blobs]
    removed = look.remove_damaged(channels) if remove_damaged else []
    return Verification(
        url=repository.url,
        channels=len(channels),
        stacks=len(stacks),
        layers=len(layers),
        blobs=len(listed),
        blob_size=sum(listed.values()),
        deltas=len(deltas),
        unreferenced=len(unreferenced),
        unreferenced_size=sum(unreferenced),
        defects=tuple(look.defects),
        removed=tuple(removed),
    )


@dataclass
class _Look:
    """What was seen so far."""

    repository: Repository
    defects: list[Defect] = field(default_factory=list)
    indexes: dict[LayerKey, Reference] = field(default_factory=dict)
    """Of the layers of stacks, as manifests have them."""
    manifests: dict[str, dict[Reference, str]] = field(default_factory=dict)
    """Of the stacks at these keys, as records of channels have them, which are named."""
    blobs: dict[str, Reference] = field(default_factory=dict)
    """That indexes name, by hash."""
    users: dict[str, list[str]] = field(default_factory=dict)
    """For keys, those of the files that name them."""

    def at_format(self) -> None:
        try:
            if not self.repository.check_format():
                self._note(REPOSITORY_FILE, MISSING, "it says which format this is")
        except RepositoryError as e:
            self._note(REPOSITORY_FILE, UNUSABLE, _words(e))

    def at_channels(self, keys: Sequence[ChannelKey]) -> None:
        def read(key: ChannelKey) -> None:
            found = self.repository.record(key)
            if found is not None:
                record = found.record
                for known in (record.current, *record.history):
                    stack = StackKey(key.name, known.version, key.platform)
                    self.manifests.setdefault(str(stack), {})[known.manifest] = str(key)
                self._look_at_current(record)

        for _ in self._each(read, keys):
            pass

    def _look_at_current(self, record: ChannelRecord) -> None:
        """RepositoryError if what a channel points at is not there.

        Of a manifest that is there and damaged, :meth:`at_stacks` says so, once.
        """
        try:
            self.repository.manifest(record.stack_key, record.current.manifest)
        except RepositoryError:
            if not self._is_there(str(record.stack_key)):
                raise
            self.users.setdefault(str(record.stack_key), []).append(str(record.key))

    def at_stacks(self, keys: Sequence[StackKey]) -> None:
        for key, found in self._each(self.repository.found_manifest, keys):
            # Somebody may have removed it meanwhile.
            stack = None if found is None else found.stack
            named = self.manifests.get(str(key), {})
            if found is not None and named and found.reference not in named:
                wanted, user = next(iter(named.items()))
                text = f"its hash is sha256:{found.reference.sha256}, not sha256:{wanted.sha256}"
                self.defects.append(Defect(str(key), DAMAGED, text, user))
                continue
            for layer_key, layer in zip(stack.layer_keys, stack.layers) if stack else ():
                self.indexes.setdefault(layer_key, layer.index)
                self.users.setdefault(str(layer_key), []).append(str(key))

    def at_layers(self, listed: Sequence[LayerKey]) -> None:
        def read(key: LayerKey) -> LayerIndex | None:
            return self.repository.found_index(key, self.indexes.get(key))

        keys = list(dict.fromkeys((*listed, *self.indexes)))
        for key, index in self._each(read, keys):
            if index is None:
                self._note(str(key), MISSING, "")
                continue
            for blob in index.blobs:
                known = self.blobs.setdefault(blob.sha256, blob)
                self.users.setdefault(blob_key(blob.sha256), []).append(str(key))
                if known != blob:
                    text = f"{blob_key(blob.sha256)} has {known.size} bytes for another index"
                    self._note(str(key), UNUSABLE, text)

    def at_deltas(self, keys: Sequence[DeltaKey], listed: Mapping[str, int]) -> None:
        """Nobody needs a delta: one that is of no use is damage that can be removed."""
        for key, delta in self._each(self.repository.delta, keys):
            if delta is None:
                continue
            blob = blob_key(delta.blob.sha256)
            if listed.get(delta.blob.sha256) != delta.blob.size:
                self._note(str(key), DAMAGED, f"{blob}, which it names, is not there")
                continue
            self.blobs.setdefault(delta.blob.sha256, delta.blob)
            self.users.setdefault(blob, []).append(str(key))

    def at_blobs(self, listed: Mapping[str, int]) -> None:
        def problem_of(found: Reference) -> str | None:
            wanted = self.blobs.get(found.sha256, found)
            if wanted.size != found.size:
                return f"it has {found.size} bytes, not {wanted.size}"
            try:
                for _ in self.repository.blob_pieces(wanted):
                    pass
            except RepositoryError as e:
                return _words(e)
            return None

        for sha256 in self.blobs:
            if sha256 not in listed:
                self._note(blob_key(sha256), MISSING, "")
        found = [Reference(sha256, size) for sha256, size in listed.items()]
        for reference, problem in self._each(problem_of, found, lambda r: blob_key(r.sha256)):
            if problem is not None:
                self._note(blob_key(reference.sha256), DAMAGED, problem)

    def forget_removed(self) -> None:
        """What a prune removed meanwhile, with all that named it, is not missing."""
        for defect in list(self.defects):
            users = self.users.get(defect.key)
            if defect.kind == MISSING and users and not any(map(self._is_there, users)):
                self.defects.remove(defect)

    def remove_damaged(self, channels: Sequence[ChannelKey]) -> list[str]:
        """Remove what stands in the place of what it should be, and deltas that are of no use.

        Returns the keys. A publish may have written a record anew since it was read, so it is read
        again just before.
        """
        store, records = self.repository.store, {str(key): key for key in channels}
        damaged = [defect.key for defect in self.defects if defect.kind == DAMAGED]
        removed = [key for key in damaged if key not in records]
        store.delete(removed)
        for key in damaged:
            if key in records and self._is_no_record(records[key]):
                store.delete([key])
                removed.append(key)
        return removed

    def _is_there(self, key: str) -> bool:
        return self.repository.store.size(key) is not None

    def _each(
        self, read: Callable[[T], R], items: Sequence[T], key: Callable[[T], str] = str
    ) -> Iterator[tuple[T, R]]:
        """What `read` makes of each; what it cannot read is noted instead."""

        def attempt(item: T) -> R | VenvstacksError:
            try:
                return read(item)
            except (RepositoryError, StoreError) as e:
                return e

        results = in_parallel(attempt, items, self.repository.store.concurrency)
        for item, result in zip(items, results):
            if isinstance(result, VenvstacksError):
                damaged = self._is_damaged(item, result)
                self._note(key(item), DAMAGED if damaged else UNUSABLE, _words(result))
            else:
                yield item, result

    def _is_damaged(self, key: object, error: VenvstacksError) -> bool:
        """Whether an index or a manifest has another hash than what names it says.

        Nobody needs a delta: one that cannot be used is damaged as well; and so is a record that
        nobody can read. One that a store does not give at the moment is not.
        """
        if isinstance(key, DeltaKey):
            return isinstance(error, RepositoryError)
        if isinstance(key, ChannelKey):
            return self._is_no_record(key)
        if isinstance(key, LayerKey):
            wanted, limit = {key.sha256}, MOST_INDEX_BYTES
        else:
            wanted = {reference.sha256 for reference in self.manifests.get(str(key), {})}
            limit = MOST_MANIFEST_BYTES
        if not wanted:
            return False
        try:
            found = self.repository.store.get(str(key), limit=limit)
        except (RepositoryError, StoreError) as e:
            return isinstance(e, TooLargeError)
        return found is not None and Reference.of(found.data).sha256 not in wanted

    def _is_no_record(self, key: ChannelKey) -> bool:
        try:
            found = self.repository.store.get(str(key), limit=MOST_RECORD_BYTES)
        except (RepositoryError, StoreError) as e:
            return isinstance(e, TooLargeError)
        return found is not None and is_no_record(found.data, key)

    def _note(self, key: str, kind: str, text: str) -> None:
        self.defects.append(Defect(key, kind, text, *self.users.get(key, ())[:1]))


def _words(error: VenvstacksError) -> str:
    """What is wrong; the summary has the key, and the last problem may be what to do."""
    if isinstance(error, RepositoryError):
        words = [problem for problem in error.problems if not problem.startswith("Run ")]
        return "\n".join(words or [error.summary])
    return str(error)
