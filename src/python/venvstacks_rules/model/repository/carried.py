"""Wheels that an installer carries in place of segments.

A segment has the files of one wheel, and some that were made for the layer: RECORD, byte code, the
programs that start scripts. An installer may carry the wheel as its publisher made it, and the rest
of the segment beside it. Nobody has to believe what says how they become the files of the segment:
these have the hashes that the list of files names.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.segment_index import component
from venvstacks_rules.model.json_codec import compact_json
from venvstacks_rules.model.repository.indexes import read_table, refuse
from venvstacks_rules.model.repository.references import Reference, read_reference

CARRIED_VERSION = 1
MOST_CARRIED_BYTES = 16 * 1024 * 1024
"""A larger document is not read."""
IN_REST = -1
"""In place of the number of an entry."""

_FOLDER = "wheels"


@dataclass(frozen=True)
class CarriedWheel:
    """How the files of a segment are made of a wheel."""

    file_name: str
    """Of the wheel."""
    segment: Reference
    wheel: Reference
    rest: Reference
    """A segment with the files that are not in the wheel."""
    rest_tar_size: int | None
    """Of its piece of the tar stream, in bytes; None if it is one of a zip archive."""
    entries: tuple[int, ...]
    """For each file of the segment's list its number in the directory of the wheel, from 0 on, or
    :data:`IN_REST`."""

    def to_json(self) -> str:
        """The text of the document."""
        data = {
            "format_version": CARRIED_VERSION,
            "file_name": self.file_name,
            "segment": self.segment.to_dict(),
            "wheel": self.wheel.to_dict(),
            "rest": self.rest.to_dict(),
            "entries": list(self.entries),
        }
        if self.rest_tar_size is not None:
            data["rest_tar_size"] = self.rest_tar_size
        return compact_json(data) + "\n"

    @classmethod
    def from_json(cls, content: bytes, name: str = "wheel") -> CarriedWheel:
        """Read an untrusted document, `name` in messages; RepositoryError lists what is wrong."""
        table = read_table(content, name, CARRIED_VERSION)
        carried = cls(
            component(table, "file_name"),
            read_reference(table.table("segment")),
            read_reference(table.table("wheel")),
            read_reference(table.table("rest")),
            table.optional_size("rest_tar_size"),
            _entries(table),
        )
        refuse(table, name)
        return carried


def carried_key(segment: str) -> str:
    """Where an installer has what stands for the segment with the hash `segment`."""
    return f"{_FOLDER}/{segment}.json"


def wheel_key(file_name: str, sha256: str, taken: Collection[str]) -> str:
    """Where an installer has a wheel; another one of the same name may have `taken` the place."""
    key = f"{_FOLDER}/{file_name}"
    return f"{_FOLDER}/{sha256}/{file_name}" if key in taken else key


def _entries(table: CheckedTable) -> tuple[int, ...]:
    entries = table.data.get("entries")
    if not isinstance(entries, list) or not all(type(each) is int for each in entries):
        table.note("entries", "is not a list of integers")
        return ()
    return tuple(entries)
