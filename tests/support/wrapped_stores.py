"""Stores around another: one that does something before each request, and one that counts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from typing import Callable

from venvstacks_rules.repository.stores.store import Content, Entry, Store, Stored


class WrappedStore(Store):
    """Another store, with a function that is called before each request."""

    def __init__(self, store: Store, before: Callable[[str, str], None]) -> None:
        self.url = store.url
        self.concurrency = store.concurrency
        self._store = store
        self._before = before

    def get(self, key: str, *, limit: int) -> Stored | None:
        self._before("get", key)
        return self._store.get(key, limit=limit)

    def size(self, key: str) -> int | None:
        self._before("size", key)
        return self._store.size(key)

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        self._before("read", key)
        return self._store.read(key, start, end)

    def put_if_absent(self, key: str, content: Content, holds: Sequence[str] = ()) -> bool:
        self._before("put_if_absent", key)
        return self._store.put_if_absent(key, content, holds)

    def replace(self, key: str, data: bytes, mark: str | None, holds: Sequence[str] = ()) -> bool:
        self._before("replace", key)
        return self._store.replace(key, data, mark, holds)

    def list(self, prefix: str) -> Iterator[Entry]:
        self._before("list", prefix)
        return self._store.list(prefix)

    def incomplete(self) -> Iterator[Entry]:
        return self._store.incomplete()

    def delete(self, keys: Iterable[str]) -> None:
        found = list(keys)
        self._before("delete", " ".join(found))
        self._store.delete(found)


class CountingStore(WrappedStore):
    """A store that remembers its requests."""

    def __init__(self, store: Store) -> None:
        super().__init__(store, lambda verb, key: self.requests.append((verb, key)))
        self.requests: list[tuple[str, str]] = []
