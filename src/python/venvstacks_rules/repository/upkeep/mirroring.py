"""``mirror``: what one repository has and another lacks, copied so that its readers see it whole.

Blobs come first, then indexes, manifests, the files of the trust, archives, and the records of
channels last. Records are copied as bytes, so that signatures stay.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import tempfile
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.repository.deltas import Delta
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.keys import (
    REPOSITORY_FILE,
    TRUST,
    ChannelKey,
    StackKey,
    blob_key,
)
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.repository.publishing.leases import Held
from venvstacks_rules.repository.reading.repository import FoundRecord, Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import CHUNK, Content, checked_blob
from venvstacks_rules.repository.upkeep.wanted import (
    OtherFile,
    Wanted,
    all_wanted,
    wanted_of_channels,
)

_MOST_ROOT_BYTES = 16 * 1024 * 1024
MOST_IN_MEMORY = 4 * CHUNK
"""Larger files go through the disk."""


@dataclass(frozen=True)
class Mirroring:
    """What was copied."""

    source: str
    target: str
    """URLs, without credentials."""
    blobs: int
    layers: int
    deltas: int
    stacks: int
    channels: int
    others: int
    """Files of archives and of the trust."""
    size: int
    """In bytes."""
    shared_blobs: int
    """That were there already."""
    left: tuple[str, ...] = ()
    """The keys of records that stay: somebody moved the channels of the copy, or the other
    repository shows an old record."""

    @property
    def copied(self) -> int:
        """How many files were copied."""
        named = self.layers + self.deltas + self.stacks + self.channels
        return self.blobs + named + self.others

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "from": self.source,
            "to": self.target,
            "copied": {
                "blobs": self.blobs,
                "layers": self.layers,
                "deltas": self.deltas,
                "stacks": self.stacks,
                "channels": self.channels,
                "others": self.others,
                "size": self.size,
            },
            "shared_blobs": self.shared_blobs,
            "left": list(self.left),
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        for key in self.left:
            yield (
                f"{self.target}: `{key}` stays: somebody moved the channel of the copy, or"
                f" {self.source} shows an old record"
            )
        if not self.copied:
            others = " else" if self.left else ""
            yield f"{self.target} has everything{others} that {self.source} has."
            return
        others = f", {counted(self.deltas, 'delta')}" if self.deltas else ""
        others += f", {counted(self.others, 'other file')}" if self.others else ""
        yield (
            f"{self.target}: copied {counted(self.blobs, 'blob')},"
            f" {counted(self.layers, 'layer version')}, {counted(self.stacks, 'manifest')},"
            f" {counted(self.channels, 'record')}{others}; {size_text(self.size)} in all."
        )
        if self.shared_blobs:
            verb = "was" if self.shared_blobs == 1 else "were"
            yield f"{counted(self.shared_blobs, 'blob')} {verb} there already."


def check_source(source: Repository) -> None:
    """RepositoryError if there is nothing to copy; before a lease makes a folder of the target."""
    if not source.check_format():
        raise RepositoryError(f"{source.url}: there is no repository.", ["nothing can be copied"])


def mirrored(
    source: Repository, target: Repository, held: Held, channels: Sequence[ChannelKey] = ()
) -> Mirroring:
    """Copy what `target` lacks, under a lease there: everything, or what `channels` point at.

    Records there that are newer, or others with the same number, stay. RepositoryError, before
    anything is copied, if `target` has another manifest or root in the place of one.
    """
    check_source(source)
    target.check_format()
    wanted = wanted_of_channels(source, channels) if channels else all_wanted(source)
    stacks = {key for key, _ in target.stacks()}
    _refuse_others(source, target, wanted, stacks)
    records, left = _new_records(target, wanted)
    layers = {key for key, _ in target.layers()}
    there = {Reference(sha256, entry.size) for sha256, entry in target.blobs()}
    copy = _Copy(source, target)
    copy.put(REPOSITORY_FILE, Content.of(repository_json().encode("utf-8")))
    blobs = [blob for blob in wanted.blobs if blob not in there]
    needed = {blob for index in wanted.indexes.values() for blob in index.blobs}
    copy.put_blobs([blob for blob in blobs if blob in needed])
    damaged = copy.put_unneeded(blob for blob in blobs if blob not in needed)
    blobs = [blob for blob in blobs if blob not in damaged]
    held.check()
    new_layers = [key for key in wanted.indexes if key not in layers]
    for key in new_layers:
        holds = tuple(blob_key(blob.sha256) for blob in wanted.indexes[key].blobs)
        copy.put_file(str(key), wanted.references[key], holds)
    held.check()
    deltas = copy.put_deltas(delta for delta in wanted.deltas if delta.blob not in damaged)
    held.check()
    new_stacks = [found for found in wanted.stacks if found.stack.key not in stacks]
    for found in new_stacks:
        holds = tuple(map(str, found.stack.layer_keys))
        copy.put_file(str(found.stack.key), found.reference, holds)
    others = [entry for entry in wanted.others if target.store.size(entry.key) is None]
    for entry in others:
        copy.put_other(entry)
    for record, mark in records:
        held.check()
        copy.put_record(record, mark)
    return Mirroring(
        source=source.url,
        target=target.url,
        blobs=len(blobs),
        layers=len(new_layers),
        deltas=deltas,
        stacks=len(new_stacks),
        channels=len(records),
        others=len(others),
        size=copy.size,
        shared_blobs=len(wanted.blobs) - len(blobs) - len(damaged),
        left=tuple(left),
    )


def _refuse_others(
    source: Repository, target: Repository, wanted: Wanted, stacks: set[StackKey]
) -> None:
    problems = []
    both = [found for found in wanted.stacks if found.stack.key in stacks]
    for found in both:
        other = target.found_manifest(found.stack.key)
        if other is not None and other.reference != found.reference:
            problems.append(f"`{found.stack.key}` is another there; a version never changes")
    for file in wanted.others:
        if file.key.startswith(f"{TRUST}/") and _differs(source, target, file):
            problems.append(f"`{file.key}` is another there; a root never changes")
    if problems:
        raise RepositoryError(
            f"{target.url}: it cannot become a copy of {source.url}.", first_problems(problems)
        )


def _new_records(
    target: Repository, wanted: Wanted
) -> tuple[list[tuple[FoundRecord, str | None]], list[str]]:
    """The records to copy, with the marks of those that they replace; the keys of others."""
    records: list[tuple[FoundRecord, str | None]] = []
    left = []
    for record in wanted.records:
        there = target.record(record.record.key)
        if there is None:
            records.append((record, None))
        elif there.record.number < record.record.number:
            records.append((record, there.mark))
        elif there.content != record.content:
            left.append(str(record.record.key))
    return records, left


def _differs(source: Repository, target: Repository, file: OtherFile) -> bool:
    there = target.store.get(file.key, limit=_MOST_ROOT_BYTES)
    return there is not None and there.data != b"".join(source.store.read(file.key, 0, file.size))


class _Copy:
    def __init__(self, source: Repository, target: Repository) -> None:
        self.size = 0
        """Copied so far, in bytes."""
        self._source = source
        self._target = target

    def put(self, key: str, content: Content, holds: Sequence[str] = ()) -> int:
        """Store it, and count it; the number of its bytes, 0 if it was there."""
        stored = self._target.store.put_if_absent(key, content, holds)
        size = content.reference.size if stored else 0
        self.size += size
        return size

    def put_file(self, key: str, reference: Reference, holds: Sequence[str]) -> None:
        """Copy an index or a manifest."""
        data = checked_blob(self._source.store, key, reference, limit=MOST_MANIFEST_BYTES)
        self.put(key, Content(reference, data), holds)

    def put_blobs(self, blobs: Iterable[Reference]) -> None:
        """Copy blobs, several at a time."""
        for size in in_parallel(self._put_blob, blobs, self._concurrency):
            self.size += size

    def put_unneeded(self, blobs: Iterable[Reference]) -> set[Reference]:
        """Copy blobs that are there for convenience; those that are damaged stay behind."""
        damaged = set()
        for blob in blobs:
            try:
                self.size += self._put_blob(blob)
            except RepositoryError:
                damaged.add(blob)
        return damaged

    def put_deltas(self, deltas: Iterable[Delta]) -> int:
        """Copy the documents of deltas, and count them: others that are there stay."""
        count = 0
        for delta in deltas:
            content = Content.of(delta.to_json().encode("utf-8"))
            count += self.put(str(delta.key), content, [blob_key(delta.blob.sha256)]) > 0
        return count

    def put_other(self, file: OtherFile) -> None:
        """Copy a file that nothing names by its hash."""
        pieces = self._source.store.read(file.key, 0, file.size)
        with _content(pieces, file.size) as content:
            self.put(file.key, content)

    def put_record(self, found: FoundRecord, mark: str | None) -> None:
        """Copy the record of a channel in place of the one with `mark`."""
        key = str(found.record.key)
        holds = [str(found.record.stack_key)]
        if not self._target.store.replace(key, found.content, mark, holds):
            raise RepositoryError(
                f"{self._target.url}: somebody else moved `{key}` at the same time.",
                ["Run this again."],
            )
        self.size += len(found.content)

    @property
    def _concurrency(self) -> int:
        return min(self._source.store.concurrency, self._target.store.concurrency)

    def _put_blob(self, blob: Reference) -> int:
        pieces = self._source.blob_pieces(blob)
        with _content(pieces, blob.size) as content:
            stored = self._target.store.put_if_absent(blob_key(blob.sha256), content)
        return blob.size if stored else 0


@contextlib.contextmanager
def _content(pieces: Iterable[bytes], size: int) -> Iterator[Content]:
    """All pieces, in memory or in a file."""
    if size <= MOST_IN_MEMORY:
        yield Content.of(b"".join(pieces))
        return
    hasher, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(prefix="venvstacks-mirror-")
    try:
        with os.fdopen(descriptor, "wb") as out:
            for piece in pieces:
                hasher.update(piece)
                size += len(piece)
                out.write(piece)
        yield Content(Reference(hasher.hexdigest(), size), path=Path(name))
    finally:
        Path(name).unlink()
