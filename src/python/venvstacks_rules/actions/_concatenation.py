"""Joins files into one, and hashes them meanwhile.

An archive has gigabytes, and a processor hashes them slower than the kernel copies them: the copy
is left to the kernel, and threads hash what is mapped into memory, in pieces so large that nobody
waits for the interpreter's lock.
"""

from __future__ import annotations

import hashlib
import mmap
import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import IO

from venvstacks_rules.actions._streams import chunks
from venvstacks_rules.model.action_io import Segment


class Joined:
    """The hash and the size of what was joined so far."""

    def __init__(self) -> None:
        self.hasher = hashlib.sha256()
        self.size = 0

    def add(self, data: bytes | mmap.mmap) -> None:
        """Count in what comes next."""
        self.hasher.update(data)
        self.size += len(data)


def join(segments: Sequence[Segment], out: IO[bytes]) -> tuple[Joined, list[str]]:
    """Write the segments into `out`, one behind the other; and what is wrong with any of them.

    Each is compared with the size and the hash that it is announced with.
    """
    joined = Joined()
    sizes = [_size_problem(segment) for segment in segments]
    sound = [segment for segment, problem in zip(segments, sizes) if problem is None]
    with ThreadPoolExecutor(2) as pool:
        # The first hash of all is that of the first segment as well.
        of_all = pool.submit(_hash_all, sound, joined)
        of_each = [pool.submit(_sha256, segment) for segment in sound[1:]]
        for segment in sound:
            with open(segment.path, "rb") as stream:
                _copy(stream, out)
        hashes = [*of_all.result(), *(future.result() for future in of_each)]
    found = iter(hashes)
    problems = [
        _hash_problem(segment, next(found)) if problem is None else problem
        for segment, problem in zip(segments, sizes)
    ]
    return joined, [problem for problem in problems if problem is not None]


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
        with open(segment.path, "rb") as stream:
            size = os.fstat(stream.fileno()).st_size
    except OSError as e:
        return f"the segment of `{segment.source}` cannot be read: {e.strerror}"
    if size != segment.size:
        return f"the segment of `{segment.source}` has {size} bytes, {segment.size} were announced"
    return None


def _hash_problem(segment: Segment, sha256: str) -> str | None:
    if sha256 == segment.sha256:
        return None
    return (
        f"the segment of `{segment.source}` has the hash sha256:{sha256}, "
        f"sha256:{segment.sha256} was announced"
    )


def _hash_all(segments: Sequence[Segment], joined: Joined) -> list[str]:
    """Hash all of them in a row; the hash of the first one."""
    first: list[str] = []
    for segment in segments:
        with mapped(segment.path) as content:
            joined.add(content)
        if not first:
            first.append(joined.hasher.hexdigest())
    return first


def _sha256(segment: Segment) -> str:
    with mapped(segment.path) as content:
        return hashlib.sha256(content).hexdigest()


def _copy(stream: IO[bytes], out: IO[bytes]) -> None:
    """Append the rest of `stream` to `out`, inside the kernel where it can."""
    out.flush()
    if hasattr(os, "copy_file_range"):
        left = os.fstat(stream.fileno()).st_size
        try:
            while left:
                copied = os.copy_file_range(stream.fileno(), out.fileno(), left)
                if not copied:
                    break
                left -= copied
        except OSError:
            # Not between these file systems, or not on this kernel: from where it stopped.
            pass
        if not left:
            return
    for chunk in chunks(stream):
        out.write(chunk)
