"""What a repository has, as values that were checked.

Bytes of a repository are hostile until they have the hash that something trusted names: the record
of a channel names a manifest, a manifest indexes, an index blobs. Only the record itself has no
hash; a function of the room `trust` reads it.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Callable

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.repository.deltas import MOST_DELTA_BYTES, Delta
from venvstacks_rules.model.repository.formats import MOST_REPOSITORY_BYTES, check_repository_json
from venvstacks_rules.model.repository.indexes import (
    MOST_INDEX_BYTES,
    MOST_LISTING_BYTES,
    LayerIndex,
    read_listing,
)
from venvstacks_rules.model.repository.keys import (
    BLOBS,
    CHANNELS,
    DELTAS,
    LAYERS,
    REPOSITORY_FILE,
    STACKS,
    ChannelKey,
    DeltaKey,
    LayerKey,
    StackKey,
    blob_hash,
    blob_key,
)
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES, PublishedStack
from venvstacks_rules.model.repository.records import MOST_RECORD_BYTES, ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.store import (
    Entry,
    Store,
    TooLargeError,
    checked_blob,
    not_json,
)

if TYPE_CHECKING:
    # Its name is private.
    from hashlib import _Hash

MOST_DOCUMENT_BYTES = 64 * 1024 * 1024
"""A larger document is not read."""

Trust = Callable[[bytes, ChannelKey], ChannelRecord]
"""Reads the record of a channel; raises RepositoryError if it is not to be believed."""


@dataclass(frozen=True)
class FoundRecord:
    """The record of a channel, as it is now."""

    record: ChannelRecord
    mark: str
    """For :meth:`~venvstacks_rules.repository.stores.store.Store.replace`."""
    content: bytes
    """The file, with signatures."""


@dataclass(frozen=True)
class FoundManifest:
    """A manifest that was read without knowing its hash: nobody vouches for it."""

    stack: PublishedStack
    reference: Reference


class Repository:
    """A repository for readers.

    Every method may raise StoreError if the store cannot be reached, and RepositoryError for bytes
    that are missing, damaged or not as the format wants them.
    """

    def __init__(self, store: Store, trust: Trust = ChannelRecord.from_json) -> None:
        self.store = store
        self._trust = trust

    @property
    def url(self) -> str:
        """Without credentials."""
        return self.store.url

    def check_format(self) -> bool:
        """Whether the repository is there; False if it is empty. One request.

        RepositoryError if it has a newer version of the format.
        """
        found = self.store.get(REPOSITORY_FILE, limit=MOST_REPOSITORY_BYTES)
        if found is None:
            return False
        with self._place(REPOSITORY_FILE, found.data):
            check_repository_json(found.data)
        return True

    def record(self, key: ChannelKey) -> FoundRecord | None:
        """The record of a channel, or None if there is no such channel. One request."""
        found = self.store.get(str(key), limit=MOST_RECORD_BYTES)
        if found is None:
            return None
        try:
            with self._place(str(key), found.data):
                record = self._trust(found.data, key)
        except RepositoryError as e:
            if not_json(found.data) is None and is_no_record(found.data, key):
                raise RepositoryError(
                    e.summary, [*e.problems, *self.store.explained(str(key))]
                ) from None
            raise
        return FoundRecord(record, found.mark, found.data)

    def manifest(self, key: StackKey, reference: Reference) -> PublishedStack:
        """The manifest of a stack, by the hash that a record names."""
        data = checked_blob(self.store, str(key), reference, limit=MOST_MANIFEST_BYTES)
        return self._parsed_manifest(key, data)

    def found_manifest(self, key: StackKey) -> FoundManifest | None:
        """What lies at the key of a manifest, or None; nobody vouches for it."""
        found = self.store.get(str(key), limit=MOST_MANIFEST_BYTES)
        if found is None:
            return None
        return FoundManifest(self._parsed_manifest(key, found.data), Reference.of(found.data))

    def index(self, key: LayerKey, reference: Reference | None = None) -> LayerIndex:
        """The index of a layer version, whose key has its hash.

        `reference` is what a manifest says of it.
        """
        index = self.found_index(key, reference)
        if index is None:
            raise self.store.missing(str(key))
        return index

    def found_index(self, key: LayerKey, reference: Reference | None = None) -> LayerIndex | None:
        """The index of a layer version, or None if it is not there. One request."""
        if reference is not None and reference.sha256 != key.sha256:
            raise self._wrong(str(key), f"sha256:{reference.sha256} is expected there")
        limit = MOST_INDEX_BYTES
        if reference is not None:
            limit = min(limit, reference.size)
        found = self.store.get(str(key), limit=limit)
        if found is None:
            return None
        actual = Reference.of(found.data)
        if actual.sha256 != key.sha256 or actual != (reference or actual):
            raise self._damaged(str(key), actual, reference)
        with self._place(str(key), found.data):
            index = LayerIndex.from_json(found.data, str(key))
        if (index.layer_name, index.platform) != (key.layer_name, key.platform):
            raise self._wrong(
                str(key), f"it is the index of `{index.layer_name}` for {index.platform}"
            )
        return index

    def listing(self, reference: Reference) -> tuple[ArchivedFile, ...]:
        """The list of the files of a segment."""
        key = blob_key(reference.sha256)
        data = checked_blob(self.store, key, reference, limit=MOST_LISTING_BYTES)
        with self._place(key, data):
            return read_listing(data, key)

    def document(self, reference: Reference) -> bytes:
        """A document that an index names."""
        key = blob_key(reference.sha256)
        return checked_blob(self.store, key, reference, limit=MOST_DOCUMENT_BYTES)

    def delta(self, key: DeltaKey) -> Delta | None:
        """A delta, or None if there is none. One request. Nobody vouches for it."""
        try:
            found = self.store.get(str(key), limit=MOST_DELTA_BYTES)
        except TooLargeError:
            problem = f"it has more than {MOST_DELTA_BYTES} bytes"
            raise RepositoryError(f"{self.url}: `{key}` cannot be used.", [problem]) from None
        if found is None:
            return None
        with self._place(str(key), found.data):
            delta = Delta.from_json(found.data, str(key))
        if delta.key != key:
            raise RepositoryError(
                f"{self.url}: `{key}` cannot be used.", [f"it is the delta `{delta.key}`"]
            )
        return delta

    def blob_pieces(
        self, reference: Reference, start: int = 0, seen: _Hash | None = None
    ) -> Iterator[bytes]:
        """The bytes of a blob from `start` on.

        `seen` is a SHA-256 that was fed the bytes before `start`; it is fed the others. The last
        piece comes before the hash is compared: RepositoryError then says that the blob is damaged,
        and the bytes must not be used.
        """
        key = blob_key(reference.sha256)
        hasher = hashlib.sha256() if seen is None else seen
        if start and seen is None:
            raise ValueError("without the bytes before `start` nothing can be checked")
        size = start
        if start < reference.size:
            for piece in self.store.read(key, start, reference.size):
                hasher.update(piece)
                size += len(piece)
                if size > reference.size:
                    break
                yield piece
        if size != reference.size or hasher.hexdigest() != reference.sha256:
            raise self._damaged(key, Reference(hasher.hexdigest(), size), reference)

    def has_blob(self, reference: Reference) -> bool:
        """Whether a blob is there. One request, without its bytes.

        RepositoryError if what is there has another size.
        """
        key = blob_key(reference.sha256)
        size = self.store.size(key)
        if size is not None and size != reference.size:
            raise self._wrong(key, f"it has {size} bytes, not {reference.size}")
        return size is not None

    def channels(self, name: str = "") -> Iterator[tuple[ChannelKey, Entry]]:
        """All channels, or those of the stack `name`, sorted by their keys."""
        for entry in self.store.list(_prefix(CHANNELS, name)):
            channel = ChannelKey.parsed(entry.key)
            if channel is not None:
                yield channel, entry

    def stacks(self, name: str = "") -> Iterator[tuple[StackKey, Entry]]:
        """All manifests, or those of the stack `name`, sorted by their keys."""
        for entry in self.store.list(_prefix(STACKS, name)):
            stack = StackKey.parsed(entry.key)
            if stack is not None:
                yield stack, entry

    def layers(self, layer_name: str = "", platform: str = "") -> Iterator[tuple[LayerKey, Entry]]:
        """All layer versions, or those of a layer (for a platform), sorted by their keys."""
        names = [layer_name, platform] if layer_name and platform else [layer_name]
        for entry in self.store.list(_prefix(LAYERS, *names)):
            layer = LayerKey.parsed(entry.key)
            if layer is not None:
                yield layer, entry

    def deltas(self) -> Iterator[tuple[DeltaKey, Entry]]:
        """All deltas, sorted by their keys."""
        for entry in self.store.list(f"{DELTAS}/"):
            delta = DeltaKey.parsed(entry.key)
            if delta is not None:
                yield delta, entry

    def blobs(self) -> Iterator[tuple[str, Entry]]:
        """The hashes of all blobs, sorted."""
        for entry in self.store.list(f"{BLOBS}/"):
            sha256 = blob_hash(entry.key)
            if sha256 is not None:
                yield sha256, entry

    def _parsed_manifest(self, key: StackKey, data: bytes) -> PublishedStack:
        with self._place(str(key), data):
            stack = PublishedStack.from_json(data, str(key))
        if stack.key != key:
            raise self._wrong(
                str(key), f"it is the manifest of `{stack.name}` {stack.version}, {stack.platform}"
            )
        return stack

    @contextlib.contextmanager
    def _place(self, key: str, data: bytes) -> Iterator[None]:
        """Name the repository in the errors of the format, and say what is there if no JSON is."""
        try:
            yield
        except RepositoryError as e:
            summary, problems = f"{self.url}: {e.summary}", list(e.problems)
            begin = not_json(data)
            if begin is not None:
                problems = [begin, *self.store.explained(key)]
            raise RepositoryError(summary, problems) from None

    def _damaged(self, key: str, actual: Reference, wanted: Reference | None) -> RepositoryError:
        asked = "" if wanted is None else f", not {wanted.size} with sha256:{wanted.sha256}"
        problem = f"it has {actual.size} bytes with the hash sha256:{actual.sha256}{asked}"
        return self.store.damaged(key, problem)

    def _wrong(self, key: str, problem: str) -> RepositoryError:
        return RepositoryError(
            f"{self.url}: `{key}` cannot be used.", [problem, *self.store.explained(key)]
        )


def is_no_record(data: bytes, key: ChannelKey) -> bool:
    """Whether nobody can read the record of a channel, as no writer makes it.

    What a later version of the format may have written is not judged.
    """
    try:
        ChannelRecord.from_json(data, key)
    except RepositoryError:
        return not _is_later(data)
    return False


def _is_later(data: bytes) -> bool:
    try:
        content: Any = parsed_json(data)
        version = content["signed"]["spec_version"]
    except (ValueError, KeyError, TypeError):
        return False
    return isinstance(version, str) and not version.startswith("1.")


def _prefix(folder: str, *names: str) -> str:
    return "/".join([folder, *filter(None, names), ""])
