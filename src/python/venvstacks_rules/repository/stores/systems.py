"""File systems of fsspec: connections for each thread, and what they call the same thing."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any

import fsspec

from venvstacks_rules.repository.stores.store import Entry, StoreError


class Systems:
    """A file system for each thread: few implementations have connections that can be shared."""

    def __init__(self, full_url: str, url: str) -> None:
        self._full_url = full_url
        self._url = url
        self._local = threading.local()

    def __call__(self) -> Any:
        """That of this thread."""
        return self._opened()[0]

    @property
    def folder(self) -> str:
        """What the paths of the URL begin with."""
        return str(self._opened()[1]).rstrip("/")

    def _opened(self) -> Any:
        if not hasattr(self._local, "opened"):
            try:
                self._local.opened = fsspec.core.url_to_fs(self._full_url, skip_instance_cache=True)
            except ImportError as e:
                raise StoreError(f"{self._url}: the implementation is missing. {e}.") from None
        return self._local.opened


def files_below(system: Any, folder: str, prefix: str) -> Iterator[Entry]:
    """All files whose paths below `folder` begin with `prefix`, in the order of these."""
    with contextlib.suppress(FileNotFoundError):
        system.invalidate_cache()
        found = system.find(f"{folder}/{prefix.rpartition('/')[0]}", detail=True)
        for path in sorted(found):
            key = path[len(folder) :].lstrip("/")
            if key.startswith(prefix):
                when = _last_written(system, path, found[path])
                yield Entry(key, int(found[path]["size"]), when)


def _last_written(system: Any, path: str, about: Mapping[str, Any]) -> float:
    """In seconds since 1970; `about` is what a listing says."""
    times = (about.get(name) for name in ("mtime", "modified", "created"))
    found = next(filter(None, times), None) or system.modified(path)
    return float(found.timestamp() if isinstance(found, datetime) else found)
