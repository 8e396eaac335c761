"""``sftp://``, ``webdav://`` and all other protocols that fsspec has an implementation of.

A file is written beside its place, read back, and moved there; but for blobs, while a lock file
lies beside it, which the file system must create exclusively.
"""

from __future__ import annotations

import contextlib
import hashlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from urllib.parse import urlsplit

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.repository.keys import blob_hash
from venvstacks_rules.repository.stores.attempts import UNREACHED, PassingError, retried, trouble
from venvstacks_rules.repository.stores.lock_files import lock_file
from venvstacks_rules.repository.stores.store import (
    CHUNK,
    PART,
    Content,
    Entry,
    Store,
    Stored,
    StoreError,
    is_part,
    part_key,
    read_back,
)
from venvstacks_rules.repository.stores.systems import Systems, files_below


class FilesystemStore(Store):
    """A folder of a file system of fsspec."""

    def __init__(self, url: str, _: Mapping[str, str]) -> None:
        self.url = without_credentials(url).rstrip("/")
        self._password = urlsplit(url).password or self.url
        self._system = Systems(url, self.url)
        with self._errors(""):
            self._folder = self._system.folder

    @retried
    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        with self._errors(key), contextlib.suppress(FileNotFoundError):
            with self._system().open(self._path(key), "rb") as file:
                data: bytes = file.read(limit + 1)
            if len(data) > limit:
                raise self.too_many(key, limit)
            return Stored(data, hashlib.sha256(data).hexdigest())
        return None

    @retried
    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        with self._errors(key), contextlib.suppress(FileNotFoundError):
            self._system().invalidate_cache()
            return int(self._system().info(self._path(key))["size"])
        return None

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        with self._errors(key, reads=True), self._system().open(self._path(key), "rb") as file:
            file.seek(start)
            while start < end:
                if not (piece := file.read(min(CHUNK, end - start))):
                    raise self.too_few(key, end)
                start += len(piece)
                yield piece

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store `content`; False if something is there already."""
        if self.size(key) is not None:
            return False
        if blob_hash(key) != content.reference.sha256:
            return self._moved(key, content, lambda: self.size(key) is None)
        with self._errors(key), self._written(key, content) as part:
            self._system().mv(part, self._path(key))
        return True

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Store `data` if `key` is as it was when it had `mark`."""
        return self._moved(
            key, Content.of(data), lambda: getattr(self.get(key, limit=2**30), "mark", None) == mark
        )

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`, sorted."""
        with self._errors(prefix):
            for entry in files_below(self._system(), self._folder, prefix):
                if PART not in entry.key:
                    yield entry

    def incomplete(self) -> Iterator[Entry]:
        """Files that are or were being written."""
        with self._errors(""):
            found = files_below(self._system(), self._folder, "")
            yield from filter(lambda entry: is_part(entry.key), found)

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what lies at these keys."""
        for key in keys:
            with self._errors(key), contextlib.suppress(FileNotFoundError):
                self._system().rm_file(self._path(key))

    def _path(self, key: str) -> str:
        return f"{self._folder}/{key}"

    @contextlib.contextmanager
    def _written(self, key: str, content: Content) -> Iterator[str]:
        """A complete file beside the place of `key`; it does not stay."""
        part = part_key(key)
        with contextlib.suppress(FileExistsError):
            self._system().makedirs(self._path(key).rpartition("/")[0], exist_ok=True)
        try:
            with self._system().open(self._path(part), "wb") as file:
                for piece in content.pieces():
                    file.write(piece)
            read_back(self, part, content.reference)
            yield self._path(part)
        finally:
            self.delete([part])

    def _moved(self, key: str, content: Content, may: Callable[[], bool]) -> bool:
        with (
            self._errors(key),
            self._written(key, content) as part,
            lock_file(self._system(), self._path(key), self.url) as confirm,
        ):
            if not may():
                return False
            confirm()
            self._system().mv(part, self._path(key))
        return True

    @contextlib.contextmanager
    def _errors(self, key: str, *, reads: bool = False) -> Iterator[None]:
        try:
            yield
        except VenvstacksError:
            raise
        except Exception as e:  # noqa: BLE001  each implementation has errors of its own
            if reads and isinstance(e, FileNotFoundError):
                raise self.missing(key) from None
            passing = isinstance(e, (ConnectionError, TimeoutError, EOFError))
            why = str(e).replace(self._password, "...") or type(e).__name__
            text = trouble(self.url, key, why, UNREACHED)
            raise (PassingError if passing else StoreError)(text) from None
