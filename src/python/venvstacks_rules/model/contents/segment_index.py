"""The segment index beside an archive.

Dicts in and out, as ``json`` reads and writes them; callers read and write the files.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS, ZIP
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segments import TAR_BLOCK, Segment
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.json_codec import compact_json, compact_object
from venvstacks_rules.model.paths import link_problem, path_problem
from venvstacks_rules.model.values import dataclass

SEGMENT_INDEX_VERSION = 1

_PLAIN_KEYS = frozenset({"path", "size", "sha256", "executable"})
_PLAIN_SIZE = 2**40
_PLAIN_PATH = re.compile(
    r"(?!.{200})[A-Za-z0-9_+-][\w.+-]*(/[A-Za-z0-9_+-][\w.+-]*){0,30}", re.ASCII
)
"""Paths with nothing that :func:`~venvstacks_rules.model.paths.path_problem` could object to."""


@dataclass(frozen=True)
class IndexedSegment:
    """A segment and its place in the archive."""

    source: str
    """The wheel's file name, ``interpreter`` or ``layer``."""
    offset: int
    """Of its first byte in the archive."""
    size: int
    """Compressed, in bytes."""
    sha256: str
    """Of the compressed bytes."""
    tar_size: int | None
    """The size of its piece of the tar stream, in bytes; None in a zip archive."""
    files: tuple[ArchivedFile, ...]
    """In the order of the segment."""

    def to_dict(self) -> dict[str, Any]:
        """As in the index."""
        data = {
            "source": self.source,
            "offset": self.offset,
            "size": self.size,
            "sha256": self.sha256,
            "files": [file_to_dict(file) for file in self.files],
        }
        if self.tar_size is not None:
            data["tar_size"] = self.tar_size
        return data


@dataclass(frozen=True)
class IndexHeader:
    """The part of a segment index about the whole archive."""

    install_target: str
    archive_name: str
    archive_size: int
    """In bytes."""
    archive_sha256: str
    archive_format: str
    compression_level: int

    def to_dict(self) -> dict[str, Any]:
        """As in the index."""
        return {
            "format_version": SEGMENT_INDEX_VERSION,
            "install_target": self.install_target,
            "archive_name": self.archive_name,
            "archive_size": self.archive_size,
            "archive_sha256": self.archive_sha256,
            "archive_format": self.archive_format,
            "compression_level": self.compression_level,
        }

    def index_json(self, listing: str) -> str:
        """The text of the index, with the list of segments from :func:`listing_json`.

        That is megabytes for a layer of many files, and does not change with the header.
        """
        members = {key: compact_json(value) for key, value in self.to_dict().items()}
        return compact_object({**members, "segments": listing}) + "\n"


@dataclass(frozen=True)
class SegmentIndex(IndexHeader):
    """``<install_target>.segments.json``: which bytes of an archive hold which files.

    The segments cover the archive without a gap, in this order. If two segments have a path, the
    later one counts, as in the unpacked archive.
    """

    segments: tuple[IndexedSegment, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the file."""
        return {
            **super().to_dict(),
            "segments": [segment.to_dict() for segment in self.segments],
        }

    @classmethod
    def from_dict(cls, data: object, name: str = "segment index") -> SegmentIndex:
        """Read an index from an untrusted file, `name` in messages.

        Raises ArchiveError with the key path of each wrong value. Ignores unknown keys, so that
        later versions can add some.
        """
        problems: list[str] = []
        index = _read_index(CheckedTable(data, "", problems))
        if problems:
            raise ArchiveError(f"`{name}` is not a usable segment index; fetch it again.", problems)
        return index


def listing_json(segments: Iterable[Segment]) -> str:
    """The list of segments in an index, as compact JSON; they follow each other in the archive."""
    listed = []
    offset = 0
    for segment in segments:
        indexed = IndexedSegment(
            segment.source, offset, segment.size, segment.sha256, segment.tar_size, segment.files
        )
        listed.append(indexed.to_dict())
        offset += segment.size
    return compact_json(listed)


def file_to_dict(file: ArchivedFile) -> dict[str, Any]:
    """A file of a segment, as in an index."""
    if file.link_target is not None:
        return {"path": file.path, "link_target": file.link_target}
    data: dict[str, Any] = {"path": file.path, "size": file.size, "sha256": file.sha256}
    if file.executable:
        data["executable"] = True
    return data


def _read_index(table: CheckedTable) -> SegmentIndex:
    version = table.integer("format_version")
    if version != SEGMENT_INDEX_VERSION:
        # Another version may have other keys.
        if not table.problems:
            table.note("format_version", f"{version} is not {SEGMENT_INDEX_VERSION}")
        return SegmentIndex("", "", 0, "", "", 0, ())
    archive_format = table.string("archive_format")
    index = SegmentIndex(
        install_target=component(table, "install_target"),
        archive_name=component(table, "archive_name"),
        archive_size=table.size("archive_size"),
        archive_sha256=table.sha256("archive_sha256"),
        archive_format=archive_format,
        compression_level=table.integer("compression_level"),
        segments=tuple(
            _read_segment(item, archive_format) for item in table.tables("segments", required=True)
        ),
    )
    if not table.problems:
        _check_whole(table, index)
    return index


def _check_whole(table: CheckedTable, index: SegmentIndex) -> None:
    known = ARCHIVE_FORMATS.get(index.archive_format)
    if known is None:
        table.note("archive_format", f"`{index.archive_format}` is not an archive format")
    elif not known.min_level <= index.compression_level <= known.max_level:
        table.note("compression_level", f"{index.compression_level} is out of range")
    offset = 0
    for i, segment in enumerate(index.segments):
        if segment.offset != offset:
            table.note(f"segments[{i}].offset", f"expected {offset}, got {segment.offset}")
        offset = segment.offset + segment.size
    if offset != index.archive_size:
        table.note("archive_size", f"{index.archive_size}, but the segments end at {offset}")


def _read_segment(table: CheckedTable, archive_format: str) -> IndexedSegment:
    return IndexedSegment(
        source=table.string("source"),
        offset=table.size("offset"),
        size=table.size("size"),
        sha256=table.sha256("sha256"),
        files=read_files(table),
        tar_size=read_tar_size(table, archive_format),
    )


def read_tar_size(table: CheckedTable, archive_format: str) -> int | None:
    """The size of a segment's piece of the tar stream; None in a zip archive."""
    if archive_format == ZIP:
        return None
    size = table.size("tar_size")
    if size % TAR_BLOCK:
        table.note("tar_size", f"{size} is not a multiple of {TAR_BLOCK}")
    return size


def read_files(table: CheckedTable) -> tuple[ArchivedFile, ...]:
    """The files of a segment, at the key `files`."""
    listed = table.data.get("files")
    plain = [_plain_file(item) for item in listed] if isinstance(listed, list) else [None]
    if None not in plain:
        files = tuple(filter(None, plain))
    else:
        items = zip(table.tables("files", required=True), plain)
        files = tuple(file or _read_file(item) for item, file in items)
    paths = {file.path for file in files}
    if len(paths) < len(files) or "" in paths:
        _note_twice(table, files)
    return files


def _note_twice(table: CheckedTable, files: Iterable[ArchivedFile]) -> None:
    seen: set[str] = set()
    for i, file in enumerate(files):
        if file.path in seen:
            table.note(f"files[{i}].path", f"`{file.path}` occurs twice")
        elif file.path:
            seen.add(file.path)


def _plain_file(item: object) -> ArchivedFile | None:
    """A file that needs no closer look, as nearly all; None for what :func:`_read_file` judges."""
    if not isinstance(item, dict) or not item.keys() <= _PLAIN_KEYS:
        return None
    path, size, sha256 = item.get("path"), item.get("size"), item.get("sha256")
    executable = item.get("executable", False)
    if (
        type(path) is str
        and type(size) is int
        and type(sha256) is str
        and type(executable) is bool
        and 0 <= size <= _PLAIN_SIZE
        and _PLAIN_PATH.fullmatch(path)
        and is_sha256_hex(sha256)
    ):
        return ArchivedFile(path, size, sha256, executable)
    return None


def _read_file(table: CheckedTable) -> ArchivedFile:
    path = table.string("path")
    problem = path_problem(path) if path else None
    if problem is not None:
        table.note("path", f"{problem}: {path!a}")
    if "link_target" in table:
        target = table.string("link_target")
        link_is_wrong = link_problem(path, target) if path and target and not problem else None
        if link_is_wrong is not None:
            table.note("link_target", f"{link_is_wrong}: {target!a}")
        return ArchivedFile(path, 0, "", link_target=target)
    return ArchivedFile(
        path, table.size("size"), table.sha256("sha256"), table.optional_boolean("executable")
    )


def component(table: CheckedTable, name: str) -> str:
    """A name that is one component of a path."""
    value = table.string(name)
    problem = path_problem(value) if value else None
    if problem is None and "/" in value:
        problem = "the name contains a slash"
    if problem is not None:
        table.note(name, f"{problem}: {value!a}")
    return value
