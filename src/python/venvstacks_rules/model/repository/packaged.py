"""A folder of archives, as ``package`` writes it, in the terms of a repository.

Its manifest names the archives by their hashes, and their segment indexes as well. So whoever knows
the hash of the manifest knows everything.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS, ZIP
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segment_index import IndexedSegment, SegmentIndex, component
from venvstacks_rules.model.contents.segments import TAR_BLOCK, large_file
from venvstacks_rules.model.errors import ArchiveError, RepositoryError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.json_codec import parsed_json, published_json, rewritable_json
from venvstacks_rules.model.paths import path_problem
from venvstacks_rules.model.repository.indexes import (
    DescribedLayer,
    LayerIndex,
    PublishedSegment,
    listing_bytes,
    named,
    refuse,
    without_overwritten,
)
from venvstacks_rules.model.repository.references import Reference

WHOLE = "archive"
"""The source of a segment that is the whole archive."""
_KINDS = {"runtimes": "runtime", "frameworks": "framework", "applications": "application"}
_OF_ARCHIVE = ("archive_name", "archive_size", "archive_hashes", "archive_build")
_SHA256 = "sha256:"


@dataclass(frozen=True)
class PackagedLayer(DescribedLayer):
    """A layer as an archive."""

    kind: str
    """``runtime``, ``framework`` or ``application``."""
    metadata: Mapping[str, Any]
    """Without the keys about the archive."""
    archive_name: str
    archive: Reference
    archive_format: str
    segments_sha256: str | None = None
    """Of its segment index; None if the manifest does not say it."""

    @property
    def below(self) -> frozenset[str]:
        """The install targets of the layers below."""
        return frozenset(
            {*self.metadata.get("required_layers", ()), self.metadata["runtime_layer"]}
        )

    @property
    def segments_name(self) -> str:
        """The name of its segment index, beside the archive."""
        extension = ARCHIVE_FORMATS[self.archive_format].extension
        return f"{self.archive_name[: -len(extension)]}.segments.json"

    def read_segments(self, content: bytes) -> tuple[IndexedSegment, ...]:
        """Read its untrusted segment index; RepositoryError lists what is wrong."""
        name = self.segments_name
        try:
            index = SegmentIndex.from_dict(parsed_json(content), name)
        except ArchiveError as e:
            raise RepositoryError(e.summary, e.problems) from None
        except ValueError as e:
            raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None
        found = (index.install_target, index.archive_name, index.archive_format)
        wanted = (self.install_target, self.archive_name, self.archive_format)
        if found != wanted or self.archive != Reference(index.archive_sha256, index.archive_size):
            raise RepositoryError(
                f"`{name}` cannot be used.",
                [
                    f"it is about another `{index.archive_name}` than the manifest; upload the "
                    "folder again"
                ],
            )
        return index.segments

    def index(
        self, segments: Iterable[tuple[IndexedSegment, Reference]], level: int = 0
    ) -> LayerIndex:
        """The index of the layer, for segments with the references of their lists of files."""
        return LayerIndex(
            self.kind,
            self.metadata,
            self.archive_name,
            self.archive_format,
            level,
            tuple(
                PublishedSegment(
                    segment.source,
                    Reference(segment.sha256, segment.size),
                    files,
                    sum(file.size for file in segment.files),
                    segment.tar_size,
                    large_file(segment.files),
                )
                for segment, files in segments
            ),
        )

    def whole(self, files: Sequence[ArchivedFile], tar_size: int | None) -> IndexedSegment:
        """The archive as one segment."""
        return IndexedSegment(
            WHOLE, 0, self.archive.size, self.archive.sha256, tar_size, tuple(files)
        )

    def joined(self, segments: Sequence[IndexedSegment]) -> IndexedSegment:
        """The segments of the archive as one, with the files that count."""
        files = without_overwritten([segment.files for segment in segments])
        sizes = [segment.tar_size or 0 for segment in segments]
        tar_size = None if self.archive_format == ZIP else sum(sizes)
        return self.whole([file for part in files for file in part], tar_size)


@dataclass(frozen=True)
class PackagedStack:
    """The manifest of a stack, beside the archives."""

    layers: tuple[PackagedLayer, ...]
    """Lower layers first."""

    def needed_by(self, app: str) -> tuple[PackagedLayer, ...]:
        """The application `app`, and all layers below it; RepositoryError if there is none."""
        found = [layer for layer in self.layers if layer.layer_name == app]
        if not found or found[0].kind != "application":
            names = [f"`{one.layer_name}`" for one in self.layers if one.kind == "application"]
            raise RepositoryError(
                f"The manifest has no application `{app}`.",
                [f"its applications are {', '.join(names) or 'none'}"],
            )
        needed = {found[0].install_target, *found[0].below}
        return tuple(layer for layer in self.layers if layer.install_target in needed)

    @classmethod
    def from_json(cls, content: bytes, name: str = "manifest") -> PackagedStack:
        """Read an untrusted manifest, `name` in messages; RepositoryError lists what is wrong."""
        problems: list[str] = []
        try:
            table = CheckedTable(rewritable_json(content), "", problems)
        except ValueError as e:
            raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None
        hashes = dict(table.optional_pairs("segment_indexes"))
        for file, value in hashes.items():
            if not value.startswith(_SHA256) or not is_sha256_hex(value[len(_SHA256) :]):
                table.note(f"segment_indexes[{file!a}]", "is not `sha256:` and a hash")
        groups = table.table("layers")
        layers = [
            _read_layer(item, kind, hashes)
            for plural, kind in _KINDS.items()
            for item in groups.tables(plural)
        ]
        refuse(table, name)
        # Each layer names all below it.
        return cls(tuple(sorted(layers, key=lambda layer: len(layer.below))))


def stack_version(layers: Iterable[PackagedLayer]) -> str:
    """What tells these layers from others: a folder of archives has no version."""
    said = [[layer.kind, dict(layer.metadata), layer.archive.to_dict()] for layer in layers]
    return hashlib.sha256(published_json(said).encode("utf-8")).hexdigest()[:16]


def listings(segments: Iterable[IndexedSegment]) -> list[tuple[IndexedSegment, bytes]]:
    """The segments with their lists of files. RepositoryError for names that are no text."""
    try:
        return [(segment, listing_bytes(segment.files)) for segment in segments]
    except UnicodeEncodeError as e:
        raise RepositoryError("A list of files cannot be used.", [str(e)]) from None


def most_tar_size(size: int) -> int:
    """How large the tar stream in an archive may be, if no list says it; `size` is unpacked."""
    return -(-size // TAR_BLOCK) * TAR_BLOCK


def _read_layer(table: CheckedTable, kind: str, hashes: Mapping[str, str]) -> PackagedLayer:
    for key in ("install_target", "runtime_layer"):
        component(table, key)
    for key in ("layer_name", "target_platform"):
        named(table, key)
    for i, below in enumerate(table.optional_strings("required_layers")):
        if path_problem(below) or "/" in below:
            table.note(f"required_layers[{i}]", "is not the name of a layer's folder")
    name = component(table, "archive_name")
    formats = [one.name for one in ARCHIVE_FORMATS.values() if name.endswith(one.extension)]
    if name and not formats:
        table.note("archive_name", f"{name!a} is not the name of an archive")
    layer = PackagedLayer(
        kind,
        {key: value for key, value in table.data.items() if key not in _OF_ARCHIVE},
        name,
        Reference(table.table("archive_hashes").sha256("sha256"), table.size("archive_size")),
        formats[0] if formats else "",
    )
    if not formats or layer.segments_name not in hashes:
        return layer
    return replace(layer, segments_sha256=hashes[layer.segments_name][len(_SHA256) :])
