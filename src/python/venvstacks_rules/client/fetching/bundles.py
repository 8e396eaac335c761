"""The payload of an installer, as a repository that can be read."""

from __future__ import annotations

import tarfile
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.local.archives.tar_members import members, open_members
from venvstacks_rules.local.files.streams import DamagedError, exactly
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.bundles import (
    BUNDLE_FILE,
    MOST_BUNDLE_BYTES,
    ROOT_FILE,
    Bundle,
)
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.repository.stores.store import Entry, ReadOnlyStore, Stored, StoreError

_MOST_ROOT_BYTES = 1024 * 1024


class BundleStore(ReadOnlyStore):
    """The files of a tar stream that begins somewhere in a file, and is not compressed."""

    def __init__(self, path: Path, start: int = 0) -> None:
        """Raises RepositoryError if there is no such stream, and OSError."""
        self.url = path.name
        self._path = path
        self._places: dict[str, tuple[int, int]] = {}
        with path.open("rb") as stream:
            stream.seek(start)
            try:
                with open_members(stream, seek=True) as archive:
                    for member in members(archive):
                        if member.isreg() and not member.issparse():
                            self._places[member.name] = (member.offset_data, member.size)
            except (tarfile.TarError, DamagedError, EOFError) as e:
                raise self._damaged(str(e)) from None

    def bundle(self) -> Bundle:
        """What the installer says of itself. From then on, its wheels are blobs as well."""
        found = self.get(BUNDLE_FILE, limit=MOST_BUNDLE_BYTES)
        if found is None:
            raise self._damaged(f"it has no `{BUNDLE_FILE}`")
        bundle = Bundle.from_json(found.data)
        for name, sha256 in bundle.wheels.items():
            if name in self._places:
                self._places.setdefault(blob_key(sha256), self._places[name])
        return bundle

    def root(self) -> bytes | None:
        """The root that its updates are verified with."""
        found = self.get(ROOT_FILE, limit=_MOST_ROOT_BYTES)
        return None if found is None else found.data

    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        place = self._places.get(key)
        if place is None:
            return None
        if place[1] > limit:
            raise self.too_many(key, limit)
        return Stored(b"".join(self.read(key, 0, place[1])), "")

    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        place = self._places.get(key)
        return None if place is None else place[1]

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        first, size = self._places.get(key, (0, 0))
        if size < end:
            raise self.too_few(key, end)
        with self._path.open("rb") as stream:
            stream.seek(first + start)
            try:
                yield from exactly(stream, end - start, key)
            except EOFError:
                raise self.too_few(key, end) from None

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`."""
        for key, (_, size) in sorted(self._places.items()):
            if key.startswith(prefix):
                yield Entry(key, size, 0)

    def read_only(self, key: str) -> StoreError:
        """An installer does not change."""
        return StoreError(f"`{key}`: `{self._path}` is an installer; it does not change.")

    def _damaged(self, problem: str) -> RepositoryError:
        return RepositoryError(
            f"`{self._path}` is damaged.", [problem, "download the installer again"]
        )
