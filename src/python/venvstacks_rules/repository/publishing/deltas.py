"""Deltas of a publish: from the version that a channel points at to the new one.

Only large segments get one, and only if it saves half of the segment. A delta is an offer
beside the repository's contents: where none can be made, clients fetch the segment. So nothing that
goes wrong here ends a publish.
"""

from __future__ import annotations

import contextlib
import tempfile
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Callable

from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.errors import RepositoryError, VenvstacksError, in_one_line
from venvstacks_rules.model.publishing.plan import MOVED, ChannelChange, PublishedDelta
from venvstacks_rules.model.repository.deltas import (
    LEAST_SEGMENT_BYTES,
    MOST_DELTA_BYTES,
    Delta,
    same_subject,
)
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment, read_listing
from venvstacks_rules.model.repository.keys import ChannelKey, DeltaKey, LayerKey, blob_key
from venvstacks_rules.repository.publishing.leases import Held
from venvstacks_rules.repository.publishing.patching import (
    SegmentFiles,
    changed_size,
    write_delta,
)
from venvstacks_rules.repository.publishing.publication import Publication, StackToPublish
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import Content

MOST_WORK = 4 * 1024 * 1024 * 1024
"""A publish makes deltas for no more changed bytes than this: seven seconds of the processor for
every hundred MB of a library."""
_WORTH = 0.5
"""A delta has no larger part of the segment's bytes."""


@dataclass(frozen=True)
class _Pair:
    """A new segment, and the old one in its place."""

    old: PublishedSegment
    old_index: LayerIndex
    new: PublishedSegment
    new_index: LayerIndex

    @property
    def key(self) -> DeltaKey:
        return DeltaKey.of(self.new.blob.sha256, self.old.blob.sha256)


def published_deltas(
    publication: Publication,
    repository: Repository,
    channels: Iterable[ChannelChange],
    held: Held,
    tell: Callable[[str], None],
) -> tuple[PublishedDelta, ...]:
    """Make and store deltas for channels that are about to move, under the lease of the publish.

    `tell` is called with a line for people before each.
    """
    pairs: dict[DeltaKey, _Pair] = {}
    for change in channels:
        if change.change == MOVED:
            # What is wrong with the version before is no reason not to publish this one.
            with contextlib.suppress(VenvstacksError):
                stack = _stack_of(publication, change)
                pairs.update(
                    (pair.key, pair) for pair in _pairs(publication, stack, repository, change)
                )
    maker = _Maker(publication, repository, held, tell)
    return tuple(
        made for pair in pairs.values() for made in [maker.published(pair)] if made is not None
    )


def _stack_of(publication: Publication, change: ChannelChange) -> StackToPublish:
    wanted = (change.name, change.version, change.platform)
    return next(
        one
        for one in publication.stacks
        if (one.stack.name, one.stack.version, one.stack.platform) == wanted
    )


def _pairs(
    publication: Publication,
    stack: StackToPublish,
    repository: Repository,
    change: ChannelChange,
) -> Iterator[_Pair]:
    """Segments that are new in a channel, with the segments of the same thing before."""
    record = repository.record(ChannelKey(change.name, change.channel, change.platform))
    if record is None:
        return
    manifest = repository.manifest(record.record.stack_key, record.record.current.manifest)
    before = {key.layer_name: key for key in manifest.layer_keys}
    for layer in publication.layers_of(stack):
        key = before.get(layer.key.layer_name)
        large = [s for s in layer.index.segments if s.blob.size >= LEAST_SEGMENT_BYTES]
        if key is not None and key != layer.key and large:
            yield from _pairs_of_layer(repository, key, layer.index, large)


def _pairs_of_layer(
    repository: Repository, before: LayerKey, index: LayerIndex, large: list[PublishedSegment]
) -> Iterator[_Pair]:
    old_index = repository.index(before)
    there = {segment.blob for segment in old_index.segments}
    for new in large:
        if new.blob not in there:
            for old in old_index.segments:
                if same_subject(old, new):
                    yield _Pair(old, old_index, new, index)
                    break


class _Maker:
    def __init__(
        self,
        publication: Publication,
        repository: Repository,
        held: Held,
        tell: Callable[[str], None],
    ) -> None:
        self._publication = publication
        self._repository = repository
        self._held = held
        self._tell = tell
        self._left = MOST_WORK

    def published(self, pair: _Pair) -> PublishedDelta | None:
        """Make and store a delta; None if it is there, or if there is nothing to say."""
        source, platform = pair.new.described, pair.new_index.platform
        full = pair.new.blob.size
        try:
            if self._repository.store.size(str(pair.key)) is not None:
                return None
            made = self._made(pair)
        except ModuleNotFoundError as e:
            return PublishedDelta(source, platform, full, problem=f"`{e.name}` is not installed")
        except MemoryError:
            return PublishedDelta(source, platform, full, problem="there is not enough memory")
        except (VenvstacksError, DamagedError, EOFError, OSError) as e:
            return PublishedDelta(source, platform, full, problem=in_one_line(e))
        return None if made is None else PublishedDelta(source, platform, full, made.blob.size)

    def _made(self, pair: _Pair) -> Delta | None:
        with tempfile.TemporaryDirectory(prefix="venvstacks-delta-") as name:
            folder = Path(name)
            old = self._files(pair.old, pair.old_index, folder / "old")
            new = self._files(pair.new, pair.new_index, folder / "new")
            work = changed_size(old, new)
            if work > self._left:
                raise RepositoryError(
                    "it would take too long", [f"{work} bytes changed; {self._left} are left"]
                )
            self._left -= work
            self._tell(f"Making a delta of {pair.new.described} from {pair.old.described}.")
            found = write_delta(old, new, folder, int(_WORTH * pair.new.blob.size))
            if found is None:
                return None
            delta, path = found
            content = Content.of(delta.to_json().encode("utf-8"))
            if content.reference.size > MOST_DELTA_BYTES:
                return None
            if content.reference.size + delta.blob.size > _WORTH * pair.new.blob.size:
                return None
            self._held.check()
            store, key = self._repository.store, blob_key(delta.blob.sha256)
            store.put_if_absent(key, Content(delta.blob, path=path))
            self._held.check()
            store.put_if_absent(str(pair.key), content, [key])
            return delta

    def _files(self, segment: PublishedSegment, index: LayerIndex, path: Path) -> SegmentFiles:
        """A segment, of the publication or of the repository; its blob gets to `path`."""
        listing = self._publication.content(segment.files)
        if listing is not None:
            files = read_listing(b"".join(listing.pieces()))
        else:
            files = self._repository.listing(segment.files)

        @contextlib.contextmanager
        def opened() -> Iterator[BinaryIO]:
            local = self._publication.content(segment.blob)
            if local is not None and local.path is not None:
                with local.path.open("rb") as stream:
                    yield stream
                return
            with path.open("wb") as out:
                out.writelines(self._repository.blob_pieces(segment.blob))
            with path.open("rb") as stream:
                yield stream
            path.unlink()

        return SegmentFiles(segment, index.archive_format, index.install_target, files, opened)
