"""A folder of archives, read as if it were a repository."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.deltas import Delta
from venvstacks_rules.model.repository.keys import DeltaKey, blob_key
from venvstacks_rules.model.repository.packaged import PackagedLayer
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.store import Entry, ReadOnlyStore, Store, Stored, StoreError

if TYPE_CHECKING:
    # Its name is private.
    from hashlib import _Hash


class ArchiveStore(ReadOnlyStore):
    """Has documents that were made from lists and manifest; blobs are pieces of archives."""

    def __init__(self, inner: Store, complete: Callable[[], None]) -> None:
        """`complete` adds all there is; it is called for a key that was not added yet."""
        self.inner = inner
        self.url = inner.url
        self.concurrency = inner.concurrency
        self._complete: Callable[[], None] | None = complete
        self._documents: dict[str, bytes] = {}
        self._places: dict[str, tuple[str, int]] = {}
        self._guard = threading.RLock()

    def add_document(self, key: str, data: bytes) -> None:
        """Have `data` at `key`."""
        self._documents[key] = data

    def add_blob(self, data: bytes) -> Reference:
        """Have `data` as a blob."""
        reference = Reference.of(data)
        self.add_document(blob_key(reference.sha256), data)
        return reference

    def add_piece(self, sha256: str, folder: str, layer: PackagedLayer, offset: int = 0) -> None:
        """Have a blob that begins at `offset` of an archive in `folder`."""
        self._places.setdefault(blob_key(sha256), (f"{folder}{layer.archive_name}", offset))

    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`; RepositoryError if there are none."""
        self._look_for(key)
        if key not in self._documents:
            return None
        if len(self._documents[key]) > limit:
            raise self.too_many(key, limit)
        return Stored(self._documents[key], "")

    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, if it is a document."""
        found = self.get(key, limit=1 << 62)
        return None if found is None else len(found.data)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        self._look_for(key)
        if key in self._documents:
            yield self._documents[key][start:end]
            return
        path, offset = self._places[key]
        yield from self.inner.read(path, offset + start, offset + end)

    def place(self, sha256: str) -> tuple[str, int]:
        """In which archive a blob lies, and where; RepositoryError if it is not there."""
        key = blob_key(sha256)
        self._look_for(key)
        if key not in self._places:
            # A list of strangers names a document as a segment.
            raise self._gone(key)
        return self._places[key]

    def list(self, prefix: str) -> Iterator[Entry]:
        """Refuse."""
        raise self.read_only(prefix)

    def _look_for(self, key: str) -> None:
        with self._guard:
            if key in self._documents or key in self._places:
                return
            if self._complete is not None:
                # Once: what is not there then is not there at all.
                complete, self._complete = self._complete, None
                complete()
        if key not in self._documents and key not in self._places:
            raise self._gone(key)

    def _gone(self, key: str) -> RepositoryError:
        return RepositoryError(
            f"{self.url}: `{key}` is not there any more.",
            ["the folder has archives of another version; run `venvstacks-deploy update`"],
        )

    def read_only(self, key: str) -> StoreError:
        """Says what it is."""
        return StoreError(f"{self.url}: `{key}`: a folder of archives is not written.")


class ArchiveRepository(Repository):
    """The repository in an :class:`ArchiveStore`, which names archives in place of blobs."""

    def __init__(self, store: ArchiveStore) -> None:
        super().__init__(store)
        self._archives = store

    def delta(self, key: DeltaKey) -> Delta | None:
        """None: a folder of archives has no deltas."""
        return None

    def blob_pieces(
        self, reference: Reference, start: int = 0, seen: _Hash | None = None
    ) -> Iterator[bytes]:
        """The bytes of a blob from `start` on."""
        path, offset = self._archives.place(reference.sha256)
        try:
            yield from super().blob_pieces(reference, start, seen)
        except RepositoryError:
            raise RepositoryError(
                f"{self.url}: `{path}` is damaged.",
                [
                    f"its {reference.size} bytes from {offset} on do not have the hash "
                    f"sha256:{reference.sha256}",
                    "if it is being uploaded, try again; otherwise upload the folder again",
                ],
            ) from None
