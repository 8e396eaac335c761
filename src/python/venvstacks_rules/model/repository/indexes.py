"""The index of a layer version, and the lists of the files of its segments.

The index is small: the files of each segment are listed in a blob of their own, which layers that
share the segment share as well.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segment_index import (
    component,
    file_to_dict,
    read_files,
    read_tar_size,
)
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import (
    compact_json,
    parsed_json,
    published_json,
    rewritable_json,
)
from venvstacks_rules.model.paths import path_problem
from venvstacks_rules.model.repository.keys import name_problem
from venvstacks_rules.model.repository.references import Reference, read_reference

INDEX_VERSION = 1
MOST_INDEX_BYTES = 16 * 1024 * 1024
MOST_LISTING_BYTES = 256 * 1024 * 1024
"""Larger files are not read."""


@dataclass(frozen=True)
class PublishedSegment:
    """A segment, as a blob."""

    source: str
    """The wheel's file name, ``interpreter`` or ``layer``."""
    blob: Reference
    """The compressed bytes, as they lie in the archive."""
    files: Reference
    """The list of its files."""
    unpacked_size: int
    """The size of all its files, in bytes."""
    tar_size: int | None
    """The size of its piece of the tar stream, in bytes; None in a zip archive."""
    large_file: str | None = None
    """The path of its only file, if that has a segment of its own for its size."""

    @property
    def described(self) -> str:
        """What it is of, in messages: a source, or a large file of one."""
        return self.named(self.source)

    def named(self, source: str) -> str:
        """The same where `source` has another name."""
        file = "" if self.large_file is None else f": {self.large_file.rpartition('/')[2]}"
        return f"{source}{file}"

    def to_dict(self) -> dict[str, Any]:
        """As in the index."""
        data = {
            "source": self.source,
            **({} if self.large_file is None else {"large_file": self.large_file}),
            **self.blob.to_dict(),
            "files": self.files.to_dict(),
            "unpacked_size": self.unpacked_size,
        }
        if self.tar_size is not None:
            data["tar_size"] = self.tar_size
        return data


class DescribedLayer:
    """A layer, by its metadata."""

    metadata: Mapping[str, Any]
    """Without the keys about its archive; see docs/reference/formats.md."""

    @property
    def layer_name(self) -> str:
        """Kind-prefixed, without a version."""
        return str(self.metadata["layer_name"])

    @property
    def install_target(self) -> str:
        """The name of the layer's folder, and of the top-level folder of its archive."""
        return str(self.metadata["install_target"])

    @property
    def platform(self) -> str:
        """The target platform."""
        return str(self.metadata["target_platform"])


@dataclass(frozen=True)
class LayerIndex(DescribedLayer):
    """The index of a layer version: its metadata, and which blobs its archive consists of.

    The archive is the concatenation of the segments, in this order.
    """

    kind: str
    """``runtime``, ``framework`` or ``application``."""
    metadata: Mapping[str, Any]
    """Of the layer, without the keys about its archive; see docs/reference/formats.md."""
    archive_name: str
    archive_format: str
    compression_level: int
    segments: tuple[PublishedSegment, ...]
    documents: Mapping[str, Reference] = field(default_factory=dict)
    """What is said of the layer: ``sbom``, ``provenance``."""

    @property
    def required_layers(self) -> tuple[str, ...]:
        """The install targets of the layers below, in import order; the runtime last."""
        runtime = str(self.metadata["runtime_layer"])
        below = (*self.metadata.get("required_layers", ()), runtime)
        return () if runtime == self.install_target else below

    @property
    def archive_size(self) -> int:
        """In bytes."""
        return sum(segment.blob.size for segment in self.segments)

    @property
    def unpacked_size(self) -> int:
        """Of all files, in bytes."""
        return sum(segment.unpacked_size for segment in self.segments)

    @property
    def blobs(self) -> tuple[Reference, ...]:
        """All blobs that the index names, each once."""
        found = [
            *(segment.blob for segment in self.segments),
            *(segment.files for segment in self.segments),
            *(self.documents[name] for name in sorted(self.documents)),
        ]
        return tuple(dict.fromkeys(found))

    def to_json(self) -> str:
        """The text of the file."""
        return published_json(
            {
                "format_version": INDEX_VERSION,
                "kind": self.kind,
                "layer": dict(self.metadata),
                "archive": {
                    "name": self.archive_name,
                    "format": self.archive_format,
                    "compression_level": self.compression_level,
                    "size": self.archive_size,
                },
                "segments": [segment.to_dict() for segment in self.segments],
                "documents": {
                    name: reference.to_dict() for name, reference in self.documents.items()
                },
            }
        )

    @classmethod
    def from_json(cls, content: bytes, name: str = "index") -> LayerIndex:
        """Read an untrusted index, `name` in messages; RepositoryError lists what is wrong."""
        table = read_table(content, name, INDEX_VERSION)
        archive, layer = table.table("archive"), table.table("layer")
        archive_format = archive.string("format")
        if archive_format and archive_format not in ARCHIVE_FORMATS:
            archive.note("format", f"`{archive_format}` is not an archive format")
        kind = layer_kind(table)
        for key in ("install_target", "runtime_layer"):
            component(layer, key)
        for key in ("layer_name", "target_platform"):
            named(layer, key)
        for i, below in enumerate(layer.optional_strings("required_layers")):
            if path_problem(below) or "/" in below:
                layer.note(f"required_layers[{i}]", "is not the name of a layer's folder")
        index = cls(
            kind=kind,
            metadata=dict(layer.data),
            archive_name=component(archive, "name"),
            archive_format=archive_format,
            compression_level=archive.integer("compression_level"),
            segments=tuple(
                _read_segment(item, archive_format)
                for item in table.tables("segments", required=True)
            ),
            documents={
                key: read_reference(documents.table(key))
                for documents in [table.table("documents")]
                for key in documents.names()
            },
        )
        if not table.problems and archive.size("size") != index.archive_size:
            archive.note("size", f"the segments have {index.archive_size} bytes")
        refuse(table, name)
        return index


def listing_bytes(files: Iterable[ArchivedFile]) -> bytes:
    """The blob that lists the files of a segment, in the order of the segment."""
    return (compact_json([file_to_dict(file) for file in files]) + "\n").encode("utf-8")


def read_listing(content: bytes, name: str = "list of files") -> tuple[ArchivedFile, ...]:
    """Read an untrusted list of files; RepositoryError lists what is wrong."""
    problems: list[str] = []
    try:
        data = parsed_json(content)
    except ValueError as e:
        raise RepositoryError(f"`{name}` is not a usable list of files.", [str(e)]) from None
    files = read_files(CheckedTable({"files": data}, "", problems))
    if problems:
        raise RepositoryError(f"`{name}` is not a usable list of files.", first_problems(problems))
    return files


def read_table(content: bytes, name: str, *versions: int) -> CheckedTable:
    """The table of a file of the format; RepositoryError if it is none of these versions."""
    problems: list[str] = []
    try:
        table = CheckedTable(rewritable_json(content), "", problems)
    except ValueError as e:
        raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None
    found = table.integer("format_version")
    if not problems and found not in versions:
        known = " or ".join(map(str, versions))
        table.note("format_version", f"{found} is not {known}; a newer client may read it")
    refuse(table, name)
    return table


def refuse(table: CheckedTable, name: str) -> None:
    """Raise RepositoryError if the file had problems."""
    if table.problems:
        raise RepositoryError(f"`{name}` cannot be used.", first_problems(table.problems))


def layer_kind(table: CheckedTable) -> str:
    """The kind of a layer, at the key `kind`."""
    kind = table.string("kind")
    if kind not in ("runtime", "framework", "application", ""):
        table.note("kind", f"`{kind}` is not a kind of layer")
    return kind


def named(table: CheckedTable, key: str) -> str:
    """A name that keys of a repository have."""
    value = table.string(key)
    problem = name_problem(value) if value else None
    if problem is not None:
        table.note(key, f"{value!a}: {problem}")
    return value


def without_overwritten(
    listings: Sequence[Sequence[ArchivedFile]],
) -> tuple[tuple[ArchivedFile, ...], ...]:
    """The files of each segment that count: of two with one path, the later segment's."""
    last = {file.path: i for i, files in enumerate(listings) for file in files}
    return tuple(
        tuple(file for file in files if last[file.path] == i) for i, files in enumerate(listings)
    )


def _read_segment(table: CheckedTable, archive_format: str) -> PublishedSegment:
    return PublishedSegment(
        source=component(table, "source"),
        blob=read_reference(table),
        files=read_reference(table.table("files")),
        unpacked_size=table.size("unpacked_size"),
        tar_size=read_tar_size(table, archive_format),
        large_file=_large_file(table),
    )


def _large_file(table: CheckedTable) -> str | None:
    path = table.optional_string("large_file")
    problem = path_problem(path) if path else None
    if problem is not None:
        table.note("large_file", f"{problem}: {path!a}")
    return path
