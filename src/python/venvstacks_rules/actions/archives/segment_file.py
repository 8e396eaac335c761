"""The file of a segment while it is written: hashes it, and removes it after a failure."""

from __future__ import annotations

import hashlib
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Optional, TypeVar

from venvstacks_rules.local.files.streams import naming
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import Segment

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_File = TypeVar("_File", bound="SegmentFile")


class SegmentFile:
    """The base of the writers of all formats; a context manager, then call :meth:`segment`."""

    def __init__(self, path: Path, *, source: str, install_target: str, threads: int) -> None:
        self._path = path
        self._source = source
        self._prefix = install_target
        self._out = path.open("xb")
        self._hash = hashlib.sha256()
        self._size = 0
        self._tar_size: int | None = None
        self._files: list[ArchivedFile] = []
        self._threads = threads
        self._started_pool: Optional[ThreadPoolExecutor] = None

    def __enter__(self: _File) -> _File:  # noqa: PYI019 - `Self` is newer than Python 3.9
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        complete = False
        try:
            if error is None:
                with naming(self._path):
                    self._finish()
                complete = True
        finally:
            if self._started_pool is not None:
                self._started_pool.shutdown(cancel_futures=True)
            self._forget()
            try:
                # What a buffer held back is written now.
                with naming(self._path):
                    self._out.close()
            except OSError:
                complete = False
                raise
            finally:
                if not complete:
                    self._path.unlink()

    def segment(self) -> Segment:
        """The segment; call it after the context has ended."""
        return Segment(
            source=self._source,
            path=self._path.name,
            size=self._size,
            sha256=self._hash.hexdigest(),
            tar_size=self._tar_size,
            files=tuple(self._files),
        )

    @property
    def _pool(self) -> ThreadPoolExecutor:
        """The threads that compress; a segment without content needs none."""
        if self._started_pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._started_pool = ThreadPoolExecutor(self._threads)
        return self._started_pool

    def _finish(self) -> None:
        """Write everything that still waits."""
        raise NotImplementedError

    def _forget(self) -> None:
        """Release temporary files."""

    def _write(self, data: bytes) -> None:
        with naming(self._path):
            self._out.write(data)
        self._hash.update(data)
        self._size += len(data)
