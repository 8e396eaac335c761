"""``s3://``, ``gs://`` and ``az://``: buckets, by the library obstore.

`replace` and `put_if_absent` are conditional requests of the server: If-Match, If-None-Match.
S3 compares each request with its SHA-256 itself; what the others stored is read back.
"""

from __future__ import annotations

import contextlib
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any
from urllib.parse import urlsplit

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, PreconditionError

from venvstacks_rules.model.repository.keys import blob_hash
from venvstacks_rules.repository.stores.attempts import trouble
from venvstacks_rules.repository.stores.buckets import bucket, bucket_problem, is_missing
from venvstacks_rules.repository.stores.store import (
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

_PIECE = 8 * 1024 * 1024
"""What is larger is sent and read in several requests."""
_AT_ONCE = 3
"""How many of the requests for one key run at the same time, which bounds the memory for it."""


class ObjectStore(Store):
    """A bucket, or what lies below a prefix in it."""

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        self.url = url.rstrip("/")
        self._s3 = urlsplit(url).scheme == "s3"
        self._store = bucket(self.url, environment)

    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        with self._errors(key), _Missing():
            found = obstore.get(self._store, key)
            if found.meta["size"] > limit:
                raise self.too_many(key, limit)
            mark = f"{found.meta['e_tag'] or ''}\n{found.meta['version'] or ''}"
            return Stored(bytes(found.bytes()), mark)
        return None

    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        with self._errors(key), _Missing():
            return obstore.head(self._store, key)["size"]
        return None

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        for first in range(start, end, _PIECE):
            last = min(first + _PIECE, end)
            data = b""
            with self._errors(key), _Missing():
                data = bytes(obstore.get_range(self._store, key, start=first, end=last))
            if len(data) < last - first:
                raise self.missing(key) if self.size(key) is None else self.too_few(key, end)
            yield data

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        """Store `content`; False if something is there already."""
        with self._errors(key), contextlib.suppress(AlreadyExistsError):
            if content.reference.size <= _PIECE:
                obstore.put(self._store, key, b"".join(content.pieces()), mode="create")
            elif self.size(key) is not None:
                return False
            elif blob_hash(key) == content.reference.sha256:
                # Whoever else writes this blob at the same time writes the same bytes.
                self._upload(key, content)
            else:
                part = part_key(key)
                try:
                    self._upload(part, content)
                    obstore.copy(self._store, part, key, overwrite=False)
                finally:
                    self.delete([part])
            if not self._s3:
                # Only S3 compared what was sent with its hash.
                read_back(self, key, content.reference)
            return True
        return False

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        """Store `data` if `key` is as it was when it had `mark`."""
        if mark is None:
            return self.put_if_absent(key, Content.of(data))
        names = zip(("e_tag", "version"), mark.split("\n"))
        mode: Any = {name: value for name, value in names if value}
        with self._errors(key), contextlib.suppress(PreconditionError), _Missing():
            obstore.put(self._store, key, data, mode=mode)
            return True
        return False

    def list(self, prefix: str) -> Iterator[Entry]:
        """All keys that begin with `prefix`, sorted."""
        for entry in self._listed(prefix):
            if entry.key.startswith(prefix) and PART not in entry.key:
                yield entry

    def incomplete(self) -> Iterator[Entry]:
        """Files that are or were being written; parts of an upload are the server's to remove."""
        return (entry for entry in self._listed("") if is_part(entry.key))

    def delete(self, keys: Iterable[str]) -> None:
        """Remove what lies at these keys."""
        every = list(keys)
        # Only S3 has a request for many, which does not mind what is not there.
        for some in [every] if self._s3 and every else [[key] for key in every]:
            with self._errors(some[0]), _Missing():
                obstore.delete(self._store, some)

    def _listed(self, prefix: str) -> Iterator[Entry]:
        with self._errors(prefix):
            pages = obstore.list(self._store, prefix.rpartition("/")[0] or None)
            found = sorted((item for page in pages for item in page), key=lambda item: item["path"])
        for item in found:
            yield Entry(item["path"], item["size"], item["last_modified"].timestamp())

    def _upload(self, key: str, content: Content) -> None:
        obstore.put(self._store, key, content.pieces(), chunk_size=_PIECE, max_concurrency=_AT_ONCE)

    @contextlib.contextmanager
    def _errors(self, key: str) -> Iterator[None]:
        try:
            yield
        except (BaseError, OSError, ValueError) as e:
            raise StoreError(trouble(self.url, key, *bucket_problem(e, self.url))) from None


class _Missing:
    """Passes over errors for a key or a range that is not there; not for a missing bucket."""

    def __enter__(self) -> None:
        """Begin."""

    def __exit__(self, _: object, error: BaseException | None, __: object) -> bool:
        return isinstance(error, (FileNotFoundError, BaseError)) and is_missing(error)
