"""Makes a delta: frames of Zstandard with ranges of old files as dictionaries.

The stream of all new contents is cut every `PART` bytes. The dictionary of a part is what lies at
the same place of the old files, and `SLACK` bytes before and after it: in a library that was built
again, everything moves a little. The bytes depend on both contents and on the compressor only.
"""

from __future__ import annotations

import hashlib
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import BinaryIO, Callable

from venvstacks_rules.local.files.streams import DamagedError
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.repository.deltas import (
    LEAST_BASE_BYTES,
    MOST_BASE_BYTES,
    BaseRange,
    Delta,
    DeltaPart,
    unversioned,
)
from venvstacks_rules.model.repository.indexes import PublishedSegment
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.segments import segment_members

PART = 8 * 1024 * 1024
SLACK = 4 * 1024 * 1024
_THREADS = 2
_MOST_TABLE_LOG = 24
_LEAST_LOG = 16


@dataclass(frozen=True)
class SegmentFiles:
    """A segment, with its list of files, and its blob when it is asked for."""

    segment: PublishedSegment
    archive_format: str
    install_target: str
    files: tuple[ArchivedFile, ...]
    open: Callable[[], AbstractContextManager[BinaryIO]]

    @cached_property
    def contents(self) -> dict[Reference, str]:
        """The contents of its files, each with one of their paths."""
        real = (file for file in reversed(self.files) if file.link_target is None)
        return {Reference(file.sha256, file.size): file.path for file in real}

    def unpack(self, wanted: Mapping[Reference, str], folder: Path) -> None:
        """Write these contents to `folder`, by their hashes; DamagedError if one is another."""
        paths = {path: content for content, path in wanted.items()}
        with self.open() as stream:
            members = segment_members(
                stream, self.segment, self.archive_format, self.install_target
            )
            for member in members:
                content = paths.pop(member.path, None)
                if content is not None:
                    _write(folder / content.sha256, member.content, content)
        if paths:
            raise DamagedError(f"`{self.segment.source}` lacks {min(paths)!a}")


@dataclass(frozen=True)
class _Paired:
    """A new content, and the old one that it is like."""

    content: Reference
    base: Reference | None


def changed_size(old: SegmentFiles, new: SegmentFiles) -> int:
    """How many bytes a delta would have to make, before compression."""
    return sum(content.size for content in _lacking(old, new))


def _lacking(old: SegmentFiles, new: SegmentFiles) -> dict[Reference, str]:
    """The contents that a client with the old segment cannot link, each with one of its paths.

    A file that is there with another mode is one of them: a link has the mode of the file.
    """
    there = {(file.sha256, file.size, file.executable) for file in old.files}
    lacking = {
        Reference(file.sha256, file.size)
        for file in new.files
        if file.link_target is None and (file.sha256, file.size, file.executable) not in there
    }
    return {content: path for content, path in new.contents.items() if content in lacking}


def write_delta(
    old: SegmentFiles, new: SegmentFiles, folder: Path, most_bytes: int
) -> tuple[Delta, Path] | None:
    """A delta, and the file of its blob in `folder`; None if it had more than `most_bytes`.

    DamagedError and EOFError for segments that cannot be read.
    """
    pairs = _paired(old, new)
    bases = {pair.base: None for pair in pairs if pair.base is not None}
    new.unpack({pair.content: new.contents[pair.content] for pair in pairs}, folder)
    old.unpack({base: old.contents[base] for base in bases}, folder)
    numbers = {base: number for number, base in enumerate(bases)}
    plan = list(_parts(pairs, numbers))
    path = folder / "delta"
    parts: list[DeltaPart] = []
    hasher, size = hashlib.sha256(), 0
    stream = _Stream([folder / pair.content.sha256 for pair in pairs])
    with path.open("wb") as out, ThreadPoolExecutor(_THREADS) as pool:
        work = (
            (stream.take(length), _dictionary(folder, tuple(bases), ranges), ranges)
            for length, ranges in plan
        )
        for frame, length, ranges in _compressed(pool, work):
            size += len(frame)
            if size > most_bytes:
                return None
            hasher.update(frame)
            out.write(frame)
            parts.append(DeltaPart(len(frame), length, ranges))
    delta = Delta(
        old=old.segment.blob,
        new=new.segment.blob,
        blob=Reference(hasher.hexdigest(), size),
        files=tuple(pair.content for pair in pairs),
        bases=tuple(bases),
        parts=tuple(parts),
    )
    return delta, path


def _paired(old: SegmentFiles, new: SegmentFiles) -> list[_Paired]:
    """What the old segment lacks; a file is like the one of its path, or of its path before."""
    by_path = {path: content for content, path in old.contents.items()}
    like = {unversioned(path): content for path, content in by_path.items()}
    found = []
    for content, path in _lacking(old, new).items():
        base = content if content in old.contents else None
        base = base or by_path.get(path) or like.get(unversioned(path))
        is_one = base is not None and base.size >= LEAST_BASE_BYTES
        found.append(_Paired(content, base if is_one else None))
    # So that what is like each other is in one part, in an order that depends on nothing else.
    return sorted(found, key=lambda pair: new.contents[pair.content])


def _parts(
    pairs: Sequence[_Paired], numbers: Mapping[Reference, int]
) -> Iterator[tuple[int, tuple[BaseRange, ...]]]:
    """The length of each part, and its dictionary."""
    total = sum(pair.content.size for pair in pairs)
    for start in range(0, total, PART):
        end = min(start + PART, total)
        ranges: list[BaseRange] = []
        room = MOST_BASE_BYTES
        at = 0
        for pair in pairs:
            first, last = max(start - at, 0), min(end - at, pair.content.size)
            at += pair.content.size
            if pair.base is None or first >= last:
                continue
            low, high = max(0, first - SLACK), min(last + SLACK, pair.base.size)
            if LEAST_BASE_BYTES <= high - low <= room:
                ranges.append(BaseRange(numbers[pair.base], low, high))
                room -= high - low
        yield end - start, tuple(ranges)


def _dictionary(folder: Path, bases: Sequence[Reference], ranges: Iterable[BaseRange]) -> bytes:
    pieces = []
    for piece in ranges:
        with (folder / bases[piece.base].sha256).open("rb") as stream:
            stream.seek(piece.start)
            pieces.append(stream.read(piece.end - piece.start))
    return b"".join(pieces)


class _Stream:
    """Files, one after the other."""

    def __init__(self, paths: Iterable[Path]) -> None:
        self._paths = deque(paths)
        self._at = 0
        """In the first of them."""

    def take(self, size: int) -> bytes:
        """The next `size` bytes."""
        pieces: list[bytes] = []
        while size:
            with self._paths[0].open("rb") as stream:
                stream.seek(self._at)
                piece = stream.read(size)
            self._at += len(piece)
            size -= len(piece)
            pieces.append(piece)
            if size:
                self._paths.popleft()
                self._at = 0
        return b"".join(pieces)


_Work = tuple[bytes, bytes, tuple[BaseRange, ...]]


def _compressed(
    pool: ThreadPoolExecutor, work: Iterable[_Work]
) -> Iterator[tuple[bytes, int, tuple[BaseRange, ...]]]:
    """The frames, in their order; not many parts are in memory at a time."""
    pending: deque[tuple[Future[bytes], int, tuple[BaseRange, ...]]] = deque()
    for content, dictionary, ranges in work:
        if len(pending) >= _THREADS:
            future, length, known = pending.popleft()
            yield future.result(), length, known
        pending.append((pool.submit(_frame, content, dictionary), len(content), ranges))
    for future, length, known in pending:
        yield future.result(), length, known


def _frame(content: bytes, dictionary: bytes) -> bytes:
    import zstandard  # noqa: PLC0415

    log = (len(content) + len(dictionary)).bit_length()
    # Levels choose tables that are too small for a dictionary of this size: with those of level 9,
    # a patch release of torch takes three times as much. The slowest strategies save a hundredth,
    # in eight times the time.
    tables = max(_LEAST_LOG, min(log, _MOST_TABLE_LOG))
    parameters = zstandard.ZstdCompressionParameters(
        window_log=max(_LEAST_LOG, log),
        hash_log=tables,
        chain_log=tables,
        search_log=4,
        min_match=5,
        target_length=32,
        strategy=zstandard.STRATEGY_LAZY2,
        write_content_size=True,
    )
    base = (
        zstandard.ZstdCompressionDict(dictionary, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        if dictionary
        else None
    )
    compressor = zstandard.ZstdCompressor(compression_params=parameters, dict_data=base)
    try:
        return compressor.compress(content)
    except zstandard.ZstdError as e:
        raise DamagedError(f"a part cannot be compressed: {e}") from None


def _write(path: Path, pieces: Iterable[bytes], content: Reference) -> None:
    hasher, size = hashlib.sha256(), 0
    with path.open("wb") as out:
        for piece in pieces:
            size += len(piece)
            if size > content.size:
                # However much more there is.
                break
            hasher.update(piece)
            out.write(piece)
    if Reference(hasher.hexdigest(), size) != content:
        raise DamagedError("a file is not what its list says")
