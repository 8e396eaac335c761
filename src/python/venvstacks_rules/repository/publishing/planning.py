"""The plan of a publish: what a repository has is asked for first.

The fewest requests come first. A channel that points at the same manifest is one request, and
answers for everything below: a record is stored after its manifest, a manifest after its indexes,
an index after its blobs. A manifest, that of the version before too, is one request and answers for
its layer versions; an index is one and answers for its blobs. For a layer version that is new, the
index of an older one names most of its blobs; only the rest is asked for blob by blob.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from concurrent.futures import Executor, ThreadPoolExecutor
from dataclasses import dataclass

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.publishing.plan import (
    SAME,
    ChannelChange,
    PlannedLayer,
    PlannedStack,
    PublishPlan,
)
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.channels import change_of, other_content
from venvstacks_rules.repository.publishing.publication import (
    Publication,
    PublishedLayer,
    StackToPublish,
)
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import REMEDY, StoreError

_LARGE = 1024 * 1024
"""Blobs of so many bytes are asked for once more before they are sent: another publish, also of the
same run, may have brought them since."""


def planned(
    publication: Publication,
    repository: Repository,
    *,
    before: PublishPlan | None = None,
    thorough: bool = False,
) -> PublishPlan:
    """What the repository lacks of a publication.

    Of what `before`, an earlier plan, missed only large blobs are asked for again, and what layer
    versions brought that are there since. With `thorough`, nothing answers for other things: each
    blob is asked for.
    """
    missing = frozenset(() if before is None else before.missing)
    lacked = () if before is None else before.layers
    new = frozenset(layer.index for layer in lacked if not layer.known)
    with ThreadPoolExecutor(repository.store.concurrency) as pool:
        return _Planning(publication, repository, pool, missing, new, thorough).plan()


@dataclass(frozen=True)
class _Planning:
    publication: Publication
    repository: Repository
    pool: Executor
    missing: frozenset[str]
    """The blobs that an earlier plan missed."""
    new: frozenset[str]
    """The hashes of the indexes that it missed."""
    thorough: bool

    def plan(self) -> PublishPlan:
        """All of it."""
        channels, records = self._channels()
        pointed = {
            (change.name, change.version, change.platform)
            for change in channels
            if change.change == SAME and not self.thorough
        }
        stacks = self._stacks(pointed)
        settled = {
            layer.key
            for stack in self.publication.stacks
            if stacks[stack.stack.key].known and not self.thorough
            for layer in self.publication.layers_of(stack)
        }
        unsettled = any(layer.key not in settled for layer in self.publication.layers)
        older = self._in_channels(records) if unsettled and not self.thorough else frozenset()
        settled.update(older)
        asked = [layer for layer in self.publication.layers if layer.key not in settled]
        there = settled | {
            layer.key for layer, known in zip(asked, self.pool.map(self._knows, asked)) if known
        }
        # What an earlier plan missed is not there because an index says so that it knew. One that
        # came since was stored after its blobs.
        trusted = {
            layer.key
            for layer in self.publication.layers
            if layer.key in there and not self.thorough
            if layer.key.sha256 in self.new
            or self.missing.isdisjoint(blob.sha256 for blob in layer.index.blobs)
        }
        lacking = self._lacking(trusted, older)
        archives = self._archives()
        return PublishPlan(
            repository=self.repository.url,
            layers=tuple(_rows(self.publication.layers, there, lacking)),
            stacks=tuple(stacks.values()),
            channels=channels,
            missing=tuple(sorted(lacking)),
            archives=tuple(sorted(archives)),
            archives_size=sum(archives.values()),
        )

    def _channels(self) -> tuple[tuple[ChannelChange, ...], tuple[ChannelRecord, ...]]:
        wanted = [
            (ChannelKey(stack.stack.name, channel, stack.stack.platform), stack)
            for stack in self.publication.stacks
            for channel in dict.fromkeys(stack.channels)
        ]
        found = list(self.pool.map(self.repository.record, [key for key, _ in wanted]))
        records = [None if one is None else one.record for one in found]
        changes = tuple(
            change_of(self.repository.url, key, record, stack.stack.version, stack.reference)
            for (key, stack), record in zip(wanted, records)
        )
        return changes, tuple(record for record in records if record is not None)

    def _stacks(self, pointed: Collection[tuple[str, str, str]]) -> dict[object, PlannedStack]:
        def planned_stack(one: StackToPublish) -> PlannedStack:
            stack = one.stack
            known = (stack.name, stack.version, stack.platform) in pointed
            if not known:
                found = self.repository.found_manifest(stack.key)
                known = found is not None
                if found is not None and found.reference != one.reference:
                    raise other_content(
                        self.repository.url, stack.key, found.reference, one.reference
                    )
            return PlannedStack(stack.name, stack.version, stack.platform, known)

        stacks = self.publication.stacks
        return {
            stack.stack.key: row for stack, row in zip(stacks, self.pool.map(planned_stack, stacks))
        }

    def _knows(self, layer: PublishedLayer) -> bool:
        key = str(layer.key)
        size = self.repository.store.size(key)
        if size is not None and size != len(layer.content):
            raise RepositoryError(
                f"{self.repository.url}: `{key}` is damaged.",
                [f"it has {size} bytes, not {len(layer.content)}", REMEDY],
            )
        return size is not None

    def _lacking(
        self, there: Collection[LayerKey], older: Collection[LayerKey]
    ) -> dict[str, Reference]:
        """The blobs that the repository lacks, by their hashes.

        `there` and `older` are layer versions that it has, of the publication or not.
        """
        unknown = [layer for layer in self.publication.layers if layer.key not in there]
        if not unknown:
            return {}
        blobs = {blob.sha256: blob for layer in unknown for blob in layer.index.blobs}
        if not self.repository.check_format():
            # It is empty.
            return blobs
        known = {
            blob.sha256
            for layer in self.publication.layers
            if layer.key in there
            for blob in layer.index.blobs
        }
        if not self.thorough:
            for index in self._other_versions(unknown, older):
                known.update(blob.sha256 for blob in index.blobs if blob.sha256 not in self.missing)
        # A request for a blob that is sent after all costs less than a large one sent in vain.
        asked = [
            blob
            for sha256, blob in blobs.items()
            if sha256 not in known and (sha256 not in self.missing or blob.size >= _LARGE)
        ]
        known.update(
            blob.sha256
            for blob, found in zip(asked, self.pool.map(self.repository.has_blob, asked))
            if found
        )
        return {sha256: blob for sha256, blob in blobs.items() if sha256 not in known}

    def _other_versions(
        self, unknown: Sequence[PublishedLayer], older: Collection[LayerKey]
    ) -> Iterator[LayerIndex]:
        """Indexes of other versions of the layers: of those in the channels, or the newest."""
        names = {(layer.key.layer_name, layer.key.platform) for layer in unknown}
        found = {key for key in older if (key.layer_name, key.platform) in names}
        alone = names - {(key.layer_name, key.platform) for key in found}
        newest = self.pool.map(lambda name: self._newest(*name), sorted(alone))
        found.update(key for key in newest if key is not None)
        for index in self.pool.map(self._index, sorted(found, key=str)):
            if index is not None:
                yield index

    # What is wrong with other versions is no reason not to publish this one: they only save
    # requests.

    def _in_channels(self, records: Iterable[ChannelRecord]) -> frozenset[LayerKey]:
        """The layer versions that channels lead to."""
        return frozenset(key for keys in self.pool.map(self._layers_of, records) for key in keys)

    def _layers_of(self, record: ChannelRecord) -> Iterable[LayerKey]:
        try:
            return self.repository.manifest(record.stack_key, record.current.manifest).layer_keys
        except RepositoryError:
            return ()

    def _newest(self, layer_name: str, platform: str) -> LayerKey | None:
        try:
            entries = list(self.repository.layers(layer_name, platform))
        except (RepositoryError, StoreError):
            # Not every store can list, and others may have put there what nobody can.
            return None
        return max(entries, key=lambda found: found[1].modified)[0] if entries else None

    def _index(self, key: LayerKey) -> LayerIndex | None:
        try:
            return self.repository.found_index(key)
        except RepositoryError:
            return None

    def _archives(self) -> dict[str, int]:
        """The sizes of the archives that the repository lacks, by their keys."""
        size_of = self.repository.store.size
        found = self.pool.map(lambda one: one.lacking(size_of), self.publication.archives)
        return {key: size for lacking in found for key, size in lacking.items()}


def _rows(
    layers: Iterable[PublishedLayer], there: Collection[LayerKey], lacking: Collection[str]
) -> Iterator[PlannedLayer]:
    brought: set[str] = set()
    for layer in layers:
        index, known = layer.index, layer.key in there
        new = {blob.sha256: blob for blob in index.blobs if blob.sha256 in lacking}
        new = {sha256: blob for sha256, blob in new.items() if sha256 not in brought}
        brought.update(new)
        yield PlannedLayer(
            layer_name=index.layer_name,
            install_target=index.install_target,
            platform=index.platform,
            index=layer.key.sha256,
            known=known,
            segments=len(index.segments),
            new_segments=tuple(
                segment.source for segment in index.segments if segment.blob.sha256 in new
            ),
            size=layer.size,
            new_size=sum(blob.size for blob in new.values()) + (0 if known else len(layer.content)),
        )
