"""Joins segments into an archive, and hashes them meanwhile.

An archive has gigabytes, and a processor hashes them slower than the kernel copies them. So the
kernel copies, and threads hash segments that are mapped into memory, a whole one at a time, without
the interpreter's lock. An archive of small segments needs no threads: to import them takes longer.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import IO, TYPE_CHECKING, Optional

from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.segments import Segment

if TYPE_CHECKING:
    from concurrent.futures import ThreadPoolExecutor

_SMALL = 64 * 1024
_Task = Callable[[], Optional[str]]
_COPY, _HASH, _CHECK = range(3)


class Joining:
    """Writes segments into a file, one after the other, as they become known.

    Use as a context manager. Compares each segment with its announced size and, if `check_hashes`,
    with its announced hash. Hashes the whole file if `hash_all`.
    """

    def __init__(self, out: IO[bytes], *, check_hashes: bool, hash_all: bool) -> None:
        self._out = out
        self._check_hashes = check_hashes
        self._hash_all = hash_all
        self._hasher = hashlib.sha256()
        self._pools: list[ThreadPoolExecutor] = []
        self._results: list[tuple[Segment, str | None, list[_Task]]] = []
        self.size = 0
        """Of all segments, in bytes."""

    def __enter__(self) -> Joining:  # noqa: PYI034 - `Self` is newer than Python 3.9
        return self

    def __exit__(self, *exception: object) -> None:
        for pool in self._pools:
            pool.shutdown(cancel_futures=True)

    def add(self, segment: Segment) -> None:
        """Append a segment, in the background unless it is done at once."""
        problem = _size_problem(segment)
        results: list[_Task] = []
        if problem is None:
            is_first = not self._results
            tasks: list[tuple[int, _Task]] = [(_COPY, partial(self._copy, segment.path))]
            if self._hash_all:
                tasks.append((_HASH, partial(self._hash, segment.path, is_first=is_first)))
            if self._check_hashes and not (is_first and self._hash_all):
                tasks.append((_CHECK, partial(_sha256, segment.path)))
            # What follows a large one waits for it.
            if segment.size > _SMALL and not self._pools:
                self._start()
            results = [self._done(number, task) for number, task in tasks]
        self._results.append((segment, problem, results))
        self.size += segment.size

    def _start(self) -> None:
        from concurrent.futures import ThreadPoolExecutor

        # One thread each, so that each works in the order of the archive.
        self._pools = [ThreadPoolExecutor(1) for _ in range(3)]

    def _done(self, number: int, task: _Task) -> _Task:
        """What gives the result of a task, which a thread does if there are threads."""
        if self._pools:
            return self._pools[number].submit(task).result
        found = task()
        return lambda: found

    def finish(self) -> list[str]:
        """Wait for all segments, and return their problems."""
        problems = []
        for segment, problem, results in self._results:
            hashes = {result() for result in results} - {None, segment.sha256}
            if problem is not None:
                problems.append(problem)
            elif self._check_hashes and hashes:
                problems.append(
                    f"the segment of `{segment.source}` has SHA-256 {hashes.pop()}, "
                    f"expected {segment.sha256}"
                )
        return problems

    def end_with(self, data: bytes) -> None:
        """Append `data`; call it after `finish`."""
        self._out.write(data)
        self._hasher.update(data)
        self.size += len(data)

    def sha256(self) -> str | None:
        """The hash of the whole file in hexadecimal, if `hash_all`; call it last."""
        return self._hasher.hexdigest() if self._hash_all else None

    def _hash(self, path: str, *, is_first: bool) -> str | None:
        """Hash a file as a part of the whole; return its own hash if it is the first."""
        with mapped(path) as content:
            self._hasher.update(content)
        return self._hasher.hexdigest() if is_first else None

    def _copy(self, path: str) -> None:
        """Append a file, inside the kernel if it can."""
        with open(path, "rb") as stream:
            left = os.fstat(stream.fileno()).st_size
            try:
                while left and hasattr(os, "copy_file_range"):
                    copied = os.copy_file_range(stream.fileno(), self._out.fileno(), left)
                    if not copied:
                        break
                    left -= copied
            except OSError:
                # Not between these file systems, or not on this kernel: go on below.
                pass
            for chunk in chunks(stream):
                self._out.write(chunk)
        self._out.flush()


@contextmanager
def mapped(path: str) -> Iterator[mmap.mmap | bytes]:
    """The bytes of a file."""
    with open(path, "rb") as stream:
        if os.fstat(stream.fileno()).st_size == 0:
            yield b""
            return
        with mmap.mmap(stream.fileno(), 0, access=mmap.ACCESS_READ) as content:
            yield content


def _size_problem(segment: Segment) -> str | None:
    try:
        size = os.stat(segment.path).st_size
    except OSError as e:
        return f"the segment of `{segment.source}` cannot be read: {e.strerror}"
    if size != segment.size:
        return f"the segment of `{segment.source}` has {size} bytes, expected {segment.size}"
    return None


def _sha256(path: str) -> str:
    with mapped(path) as content:
        return hashlib.sha256(content).hexdigest()
