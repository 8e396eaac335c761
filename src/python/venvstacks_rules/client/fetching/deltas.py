"""Deltas: large segments that are made of what is here, where the repository says how.

A delta is an offer of somebody who is not believed. What it says is compared with the list of files
and the size of the segment, which are; the files that come out of it are hashed like all others;
and where anything is wrong with it, the segment is fetched.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from pathlib import Path
from typing import BinaryIO, Callable

from venvstacks_rules.client.fetching.downloads import size_here
from venvstacks_rules.client.fetching.known import Known
from venvstacks_rules.client.fetching.plan import Plan, UsableDelta, WantedSegment
from venvstacks_rules.local.archives.patches import can_patch, patched
from venvstacks_rules.local.files.streams import DamagedError, exactly
from venvstacks_rules.model.errors import VenvstacksError, in_one_line
from venvstacks_rules.model.repository.deltas import (
    LEAST_SEGMENT_BYTES,
    Delta,
    DeltaPart,
    same_subject,
)
from venvstacks_rules.model.repository.keys import DeltaKey
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository

_MOST_LOOKS = 3
"""Old segments that a delta is looked for of, for each new one."""


@dataclass(frozen=True)
class DeltaNews:
    """What became of a delta that was there."""

    segment: str
    """Its source, with the name of a large file if it has that alone."""
    size: int
    """Of the delta, in bytes."""
    full_size: int
    """Of the segment."""
    problem: str = ""
    """Why the segment is fetched; empty if the delta was enough."""


Tell = Callable[[DeltaNews], None]


def with_deltas(
    plan: Plan, known: Known, repository: Repository, downloads: Path, tell: Tell
) -> Plan:
    """The plan, with deltas in place of large segments where they are there and usable.

    One request for each old version of such a segment that is here. What an earlier run left of a
    segment in the folder `downloads` counts: a delta has to be smaller than the rest.
    """
    if not can_patch():
        return plan
    fetched = tuple(
        _with_delta(wanted, known, repository, size_here(downloads, wanted.segment.blob), tell)
        for wanted in plan.fetched
    )
    return replace(plan, fetched=fetched)


def _with_delta(
    wanted: WantedSegment, known: Known, repository: Repository, came: int, tell: Tell
) -> WantedSegment:
    new = wanted.segment
    if new.blob.size - came < LEAST_SEGMENT_BYTES:
        return wanted
    olds = [
        old.blob.sha256
        for old in known.segments()
        if same_subject(old, new) and old.blob != new.blob
    ]
    for old in list(dict.fromkeys(olds))[:_MOST_LOOKS]:
        size = 0
        try:
            delta = repository.delta(DeltaKey.of(new.blob.sha256, old))
            if delta is None:
                continue
            size = delta.blob.size
            usable = _usable(delta, wanted, known)
            return replace(wanted, delta=usable) if size < new.blob.size - came else wanted
        except DamagedError as e:
            problem = str(e)
        except VenvstacksError as e:
            problem = in_one_line(e)
        tell(DeltaNews(new.described, size, new.blob.size, problem))
    return wanted


def _usable(delta: Delta, wanted: WantedSegment, known: Known) -> UsableDelta:
    """The delta with the places of its bases; DamagedError if it does not fit, or they do not."""
    segment = wanted.segment
    if delta.new != segment.blob:
        raise DamagedError("it is for a segment of another size")
    if delta.blob.size >= segment.blob.size:
        raise DamagedError(f"it has {delta.blob.size} bytes, the segment {segment.blob.size}")
    if delta.unpacked_size > segment.unpacked_size:
        raise DamagedError(
            f"it unpacks to {delta.unpacked_size} bytes, the segment to {segment.unpacked_size}"
        )
    made = set(delta.files)
    for file in wanted.missing:
        if Reference(file.sha256, file.size) not in made:
            raise DamagedError(f"it lacks {file.path!a}, which is not here")
    needed = {
        piece.base
        for part in _needed(delta, {Reference(file.sha256, file.size) for file in wanted.missing})
        for piece in part.dictionary
    }
    bases: dict[int, str] = {}
    for number in needed:
        base = delta.bases[number]
        place = known.find_content(base.sha256, base.size)
        if place is None:
            raise DamagedError(f"a file that it starts from is not here: sha256:{base.sha256}")
        bases[number] = place
    return UsableDelta(delta, bases)


def _needed(delta: Delta, wanted: set[Reference]) -> Iterator[DeltaPart]:
    """The parts with a piece of a file that is wanted."""
    starts = _starts(part.unpacked_size for part in delta.parts)
    numbers = {
        number
        for file, place in _places(delta).items()
        if file in wanted
        for number in _covering(starts, *place)
    }
    yield from (delta.parts[number] for number in sorted(numbers))


def _starts(sizes: Iterable[int]) -> list[int]:
    """Where each of these begins that stand one after the other, and where the last one ends."""
    return [0, *accumulate(sizes)]


def _covering(starts: list[int], first: int, last: int) -> range:
    """The numbers of the parts that have the bytes from `first` to before `last`."""
    if first >= last:
        return range(0)
    return range(bisect_right(starts, first) - 1, bisect_right(starts, last - 1))


def _places(delta: Delta) -> Mapping[Reference, tuple[int, int]]:
    """Where each file begins and ends in what the parts unpack to."""
    places, at = {}, 0
    for file in delta.files:
        places[file] = (at, at + file.size)
        at += file.size
    return places


class PatchedFiles:
    """The files that a delta makes."""

    def __init__(self, usable: UsableDelta, frames: BinaryIO) -> None:
        self._delta = usable.delta
        self._bases = usable.bases
        self._frames = frames
        self._places = _places(usable.delta)
        self._starts = _starts(part.unpacked_size for part in usable.delta.parts)
        self._frame_starts = _starts(part.size for part in usable.delta.parts)
        self._last: tuple[int, bytes] = (-1, b"")
        """The part that was unpacked last."""

    def content(self, file: Reference) -> Iterator[bytes]:
        """The content of a file, in pieces; whoever asks in their order unpacks each part once.

        Raises DamagedError and EOFError for a part that cannot be unpacked.
        """
        first, last = self._places[file]
        for number in _covering(self._starts, first, last):
            start = self._starts[number]
            yield self._unpacked(number)[max(first - start, 0) : last - start]

    def order(self, file: Reference) -> int:
        """Where a file begins."""
        return self._places[file][0]

    def _unpacked(self, number: int) -> bytes:
        part = self._delta.parts[number]
        if self._last[0] != number:
            # Not two parts in memory at a time.
            self._last = (-1, b"")
            self._frames.seek(self._frame_starts[number])
            frame = b"".join(exactly(self._frames, part.size, "delta"))
            self._last = (number, patched(frame, self._dictionary(part), part.unpacked_size))
        return self._last[1]

    def _dictionary(self, part: DeltaPart) -> bytes:
        found = bytearray()
        for piece in part.dictionary:
            path = self._bases[piece.base]
            try:
                with open(path, "rb") as stream:
                    stream.seek(piece.start)
                    for data in exactly(stream, piece.end - piece.start, path):
                        found += data
            except OSError as e:
                raise DamagedError(f"`{path}` cannot be read: {e.strerror or e}") from None
        return bytes(found)
