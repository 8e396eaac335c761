"""Deltas: how the files of one segment are made of those of another one.

A segment that is large and changed a little, as a library of some hundred megabytes in a patch
release, need not travel as a whole. A delta has the files of the new segment that the old one
lacks: their contents, one after the other, cut into parts. Each part is a frame of Zstandard whose
dictionary are ranges of files of the old segment. Nobody has to believe a delta: what comes out of
it has to have the hashes that the list of files names.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.repository.indexes import PublishedSegment, read_table, refuse
from venvstacks_rules.model.repository.keys import DeltaKey
from venvstacks_rules.model.repository.references import Reference, read_reference

DELTA_VERSION = 1
MOST_DELTA_BYTES = 4 * 1024 * 1024
"""A larger document is not read."""
MOST_PART_BYTES = 16 * 1024 * 1024
"""A part unpacks to no more than this, and its frame is no larger."""
MOST_BASE_BYTES = 64 * 1024 * 1024
"""The dictionary of a part has no more bytes."""
MOST_BASE_GROWTH = 8
"""For each byte that a delta makes, no more bytes of dictionaries are read, beside those of one
part: a document of some bytes must not have the same files read for hours."""
LEAST_BASE_BYTES = 8
"""Zstandard takes no smaller dictionary."""
LEAST_SEGMENT_BYTES = 1024 * 1024
"""Smaller segments travel as they are: nobody makes a delta, or looks for one."""

# `auditwheel` puts a part of the library's hash into its name.
_NUMBER = re.compile(r"-[0-9a-f]{8}(?=[-.])|[0-9]+(\.[0-9]+)*")


@dataclass(frozen=True)
class BaseRange:
    """A piece of a file of the old segment."""

    base: int
    """Which of the bases, from 0 on."""
    start: int
    end: int
    """In bytes, from the beginning of the file."""

    def to_dict(self) -> dict[str, int]:
        """As in the document."""
        return {"base": self.base, "start": self.start, "end": self.end}


@dataclass(frozen=True)
class DeltaPart:
    """A frame."""

    size: int
    """Of the frame, in bytes."""
    unpacked_size: int
    """Of its content."""
    dictionary: tuple[BaseRange, ...] = ()
    """Their concatenation is the dictionary; empty: the frame has none."""

    @property
    def dictionary_size(self) -> int:
        """In bytes."""
        return sum(piece.end - piece.start for piece in self.dictionary)

    def to_dict(self) -> dict[str, Any]:
        """As in the document."""
        return {
            "size": self.size,
            "unpacked_size": self.unpacked_size,
            "dictionary": [piece.to_dict() for piece in self.dictionary],
        }


@dataclass(frozen=True)
class Delta:
    """How the files of one segment are made of those of another one."""

    old: Reference
    new: Reference
    """The blobs of the segments."""
    blob: Reference
    """The blob with the frames, one after the other."""
    files: tuple[Reference, ...]
    """The contents of the files that the old segment lacks, or has with another mode, each once, in
    the order of the parts."""
    bases: tuple[Reference, ...]
    """Files of the old segment that dictionaries are taken from."""
    parts: tuple[DeltaPart, ...]

    @property
    def key(self) -> DeltaKey:
        """Where the document lies."""
        return DeltaKey.of(self.new.sha256, self.old.sha256)

    @property
    def unpacked_size(self) -> int:
        """Of all its files, in bytes."""
        return sum(file.size for file in self.files)

    def to_json(self) -> str:
        """The text of the document."""
        return published_json(
            {
                "format_version": DELTA_VERSION,
                "from": self.old.to_dict(),
                "to": self.new.to_dict(),
                "blob": self.blob.to_dict(),
                "files": [file.to_dict() for file in self.files],
                "bases": [base.to_dict() for base in self.bases],
                "parts": [part.to_dict() for part in self.parts],
            }
        )

    @classmethod
    def from_json(cls, content: bytes, name: str = "delta") -> Delta:
        """Read an untrusted document, `name` in messages; RepositoryError lists what is wrong."""
        table = read_table(content, name, DELTA_VERSION)
        delta = cls(
            old=read_reference(table.table("from")),
            new=read_reference(table.table("to")),
            blob=read_reference(table.table("blob")),
            files=tuple(map(read_reference, table.tables("files", required=True))),
            bases=tuple(map(read_reference, table.tables("bases", required=True))),
            parts=tuple(map(_read_part, table.tables("parts", required=True))),
        )
        if not table.problems:
            for problem in delta._problems():
                table.note("", problem)
        refuse(table, name)
        return delta

    def _problems(self) -> Iterator[str]:
        if len(set(self.files)) < len(self.files):
            yield "a file is there twice"
        if len(set(self.bases)) < len(self.bases):
            yield "a base is there twice"
        packed = sum(part.size for part in self.parts)
        if packed != self.blob.size:
            yield f"the parts have {packed} bytes, and the blob has {self.blob.size}"
        unpacked = sum(part.unpacked_size for part in self.parts)
        if unpacked != self.unpacked_size:
            yield f"the parts unpack to {unpacked} bytes, and the files have {self.unpacked_size}"
        read = sum(min(part.dictionary_size, MOST_BASE_BYTES) for part in self.parts)
        most = MOST_BASE_BYTES + MOST_BASE_GROWTH * unpacked
        if read > most:
            yield f"the dictionaries have {read} bytes; {most} are accepted"
        for number, part in enumerate(self.parts):
            yield from (f"`parts[{number}]`: {text}" for text in self._part_problems(part))

    def _part_problems(self, part: DeltaPart) -> Iterator[str]:
        if not 0 < part.unpacked_size <= MOST_PART_BYTES:
            yield f"it unpacks to {part.unpacked_size} bytes; {MOST_PART_BYTES} are accepted"
        if part.size > MOST_PART_BYTES:
            yield f"it has {part.size} bytes; {MOST_PART_BYTES} are accepted"
        for piece in part.dictionary:
            base = self.bases[piece.base] if piece.base < len(self.bases) else None
            if base is None or not piece.start < piece.end <= base.size:
                yield f"{piece.start} to {piece.end} is no range of a base"
        size = part.dictionary_size
        if part.dictionary and not LEAST_BASE_BYTES <= size <= MOST_BASE_BYTES:
            yield (
                f"its dictionary has {size} bytes; {LEAST_BASE_BYTES} to {MOST_BASE_BYTES} are"
                " accepted"
            )


def same_subject(one: PublishedSegment, other: PublishedSegment) -> bool:
    """Whether two segments may be versions of one thing, as of two wheels of a package.

    Of a large file with a segment of its own, another version is a large file of that name.
    """
    return _subject(one.source) == _subject(other.source) and (
        unversioned(one.large_file or "") == unversioned(other.large_file or "")
    )


def unversioned(path: str) -> str:
    """A path without the numbers in it: the same for the folders of two versions' metadata.

    And for two versions of a library that `auditwheel` renamed.
    """
    return _NUMBER.sub("#", path)


def _subject(source: str) -> str:
    if not source.endswith(".whl"):
        return source
    return re.sub(r"[-_.]+", "-", source.partition("-")[0]).lower() + ".whl"


def _read_part(table: CheckedTable) -> DeltaPart:
    return DeltaPart(
        size=table.size("size"),
        unpacked_size=table.size("unpacked_size"),
        dictionary=tuple(
            BaseRange(piece.size("base"), piece.size("start"), piece.size("end"))
            for piece in table.tables("dictionary")
        ),
    )
