"""What the copy of a repository has to have: everything, or what some channels point at."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.repository.deltas import Delta
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import (
    ARCHIVES,
    TRUST,
    ChannelKey,
    DeltaKey,
    LayerKey,
    root_key,
)
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import FoundManifest, FoundRecord, Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import StoreError
from venvstacks_rules.repository.upkeep.overview import found_records


@dataclass(frozen=True)
class OtherFile:
    """A file that nothing names by its hash: a root, or an archive."""

    key: str
    size: int


@dataclass(frozen=True)
class Wanted:
    """What has to be in the copy."""

    records: tuple[FoundRecord, ...]
    stacks: tuple[FoundManifest, ...]
    """The oldest first, so that the copy has them in the same order."""
    indexes: Mapping[LayerKey, LayerIndex]
    references: Mapping[LayerKey, Reference]
    """To the files of the indexes."""
    others: tuple[OtherFile, ...]
    deltas: tuple[Delta, ...] = ()
    """Those that make segments of the indexes."""

    @property
    def blobs(self) -> tuple[Reference, ...]:
        """All that the indexes and the deltas name, each once."""
        named = [blob for index in self.indexes.values() for blob in index.blobs]
        return tuple(dict.fromkeys((*named, *(delta.blob for delta in self.deltas))))


def all_wanted(source: Repository) -> Wanted:
    """Everything. RepositoryError if something is missing."""
    # Records first: what they name then is there, and stays while nobody prunes.
    records = tuple(found_records(source))
    listed = sorted(source.stacks(), key=lambda found: found[1].modified)
    manifests = in_parallel(
        source.found_manifest, [key for key, _ in listed], source.store.concurrency
    )
    stacks = tuple(found for found in manifests if found is not None)
    there = {found.stack.key: found.reference for found in stacks}
    problems = [
        f"`{found.record.key}` points at `{found.record.stack_key}`, which is missing or another"
        for found in records
        if there.get(found.record.stack_key) != found.record.current.manifest
    ]
    if problems:
        raise RepositoryError(f"{source.url}: it is not whole.", first_problems(problems))
    alone = {key: Reference(key.sha256, entry.size) for key, entry in source.layers()}
    others = [
        OtherFile(entry.key, entry.size)
        for prefix in (ARCHIVES, TRUST)
        for entry in source.store.list(f"{prefix}/")
    ]
    return _wanted(source, records, stacks, alone, others)


def wanted_of_channels(source: Repository, channels: Sequence[ChannelKey]) -> Wanted:
    """What some channels point at, and the roots; for a store that cannot list what it has."""
    found = in_parallel(source.record, channels, source.store.concurrency)
    records = {key: record for key, record in zip(channels, found) if record is not None}
    missing = [f"`{key}` is missing" for key in channels if key not in records]
    if missing:
        raise RepositoryError(f"{source.url}: not all channels are there.", first_problems(missing))
    stacks = tuple(
        FoundManifest(
            source.manifest(one.record.stack_key, one.record.current.manifest),
            one.record.current.manifest,
        )
        for one in records.values()
    )
    return _wanted(source, tuple(records.values()), stacks, {}, _roots(source))


def _wanted(
    source: Repository,
    records: tuple[FoundRecord, ...],
    stacks: tuple[FoundManifest, ...],
    alone: Mapping[LayerKey, Reference],
    others: Iterable[OtherFile],
) -> Wanted:
    references = {
        key: layer.index
        for found in stacks
        for key, layer in zip(found.stack.layer_keys, found.stack.layers)
    }
    references = {**alone, **references}
    indexes = in_parallel(
        lambda key: source.index(key, references[key]), references, source.store.concurrency
    )
    found = dict(zip(references, indexes))
    deltas = tuple(_deltas(source, found.values()))
    return Wanted(records, stacks, found, references, tuple(others), deltas)


def _deltas(source: Repository, indexes: Iterable[LayerIndex]) -> Iterator[Delta]:
    """Deltas are there for convenience: those that cannot be listed, read or used are left out."""
    segments = {segment.blob.sha256 for index in indexes for segment in index.segments}
    try:
        keys = [key for key, _ in source.deltas() if key.new in segments]
    except (RepositoryError, StoreError):
        return

    def read(key: DeltaKey) -> Delta | None:
        try:
            delta = source.delta(key)
            there = delta is not None and source.has_blob(delta.blob)
        except RepositoryError:
            return None
        return delta if there else None

    found = in_parallel(read, keys, source.store.concurrency)
    yield from (delta for delta in found if delta is not None)


def _roots(source: Repository) -> Iterator[OtherFile]:
    """One after the other, until there is none."""
    number = 1
    while (size := source.store.size(root_key(number))) is not None:
        yield OtherFile(root_key(number), size)
        number += 1
