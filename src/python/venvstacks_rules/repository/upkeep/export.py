"""``export-archives``: the archives of a version, and the files beside them, as ``package`` has it.

An archive is the concatenation of its segments.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.contents.segment_index import IndexHeader, listing_json
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.manifest import stack_manifest
from venvstacks_rules.model.outputs.metadata import archive_metadata
from venvstacks_rules.model.outputs.names import (
    ArchiveNames,
    archive_names,
    env_metadata_path,
    manifest_path,
)
from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.repository.reading.repository import FoundManifest, Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import REMEDY
from venvstacks_rules.repository.upkeep.details import ShownLayer, shown_layers
from venvstacks_rules.repository.upkeep.selection import StackVersion


@dataclass(frozen=True)
class ExportedArchive:
    """An archive that was written."""

    path: Path
    size: int
    sha256: str

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {"path": str(self.path), "size": self.size, "sha256": self.sha256}


@dataclass(frozen=True)
class Export:
    """What was written."""

    version: StackVersion
    manifests: tuple[Path, ...]
    archives: tuple[ExportedArchive, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "name": self.version.name,
            "version": self.version.version,
            "manifests": [str(path) for path in self.manifests],
            "archives": [archive.to_dict() for archive in self.archives],
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        for archive in self.archives:
            yield f"{archive.path} ({size_text(archive.size)})"
        size = sum(archive.size for archive in self.archives)
        yield (
            f"{self.version}: {counted(len(self.archives), 'archive')} with {size_text(size)},"
            f" {counted(len(self.manifests), 'manifest')}."
        )


def exported(repository: Repository, version: StackVersion, folder: Path) -> Export:
    """Write the archives of each platform below ``folder/<platform>``.

    Files that are there are replaced, each at once. RepositoryError for damaged blobs, and before
    anything is written, for missing ones.
    """
    _refuse_missing(repository, version)
    manifests: list[Path] = []
    archives: list[ExportedArchive] = []
    for found in version.found:
        manifest, written = _platform(repository, found, folder / found.stack.platform)
        manifests.append(manifest)
        archives += written
    return Export(version, tuple(manifests), tuple(archives))


def _refuse_missing(repository: Repository, version: StackVersion) -> None:
    """Name the layers and the segments of which there is a blob no more."""
    # Once each: platforms and layers share some.
    wanted = {
        blob: _named(layer, segment)
        for found in reversed(version.found)
        for layer in shown_layers(repository, found.stack)
        for segment in layer.index.segments
        for blob in (segment.blob, segment.files)
    }

    def problem_of(blob: Reference) -> str | None:
        try:
            return None if repository.has_blob(blob) else "it is missing"
        except RepositoryError as e:
            return e.problems[0]

    found_problems = in_parallel(problem_of, wanted, repository.store.concurrency)
    problems = [
        f"`{blob_key(blob.sha256)}`, {where}: {problem}"
        for (blob, where), problem in zip(wanted.items(), found_problems)
        if problem is not None
    ]
    if problems:
        raise RepositoryError(
            f"{repository.url}: `{version}` cannot be exported; nothing was written.",
            [*first_problems(problems), REMEDY],
        )


def _named(layer: ShownLayer, segment: PublishedSegment) -> str:
    """What messages call a segment of a layer."""
    return f"of the segment `{segment.source}` of `{layer.layer.layer_name}`, {layer.key.platform}"


def _platform(
    repository: Repository, found: FoundManifest, folder: Path
) -> tuple[Path, list[ExportedArchive]]:
    platform = found.stack.platform
    layers = shown_layers(repository, found.stack)
    named = [(layer, *_names(repository, layer.index)) for layer in layers]
    tagged = any(is_tagged for _, _, is_tagged in named)
    archives, metadata, segment_indexes = [], [], {}
    for layer, names, _ in named:
        archive = _archive(repository, layer, folder / names.archive)
        archives.append(archive)
        segments = _segments_json(repository, layer.index, archive)
        _write(folder / names.segments, segments)
        segment_indexes[names.segments] = hashlib.sha256(segments.encode("utf-8")).hexdigest()
        described = archive_metadata(
            layer.index.metadata,
            archive_name=names.archive,
            size=archive.size,
            sha256=archive.sha256,
        )
        metadata.append((LayerKind(layer.index.kind), described))
        for path in (
            names.metadata,
            env_metadata_path(layer.index.layer_name, platform=platform, tagged=tagged),
        ):
            _write(folder / path, published_json(described))
    manifest = folder / manifest_path(platform=platform, tagged=tagged)
    _write(manifest, published_json(stack_manifest(metadata, segment_indexes)))
    return manifest, archives


def _names(repository: Repository, index: LayerIndex) -> tuple[ArchiveNames, bool]:
    """The names of the files of a layer, and whether the platform is in them."""
    for tagged in (False, True):
        names = archive_names(
            index.install_target,
            extension=ARCHIVE_FORMATS[index.archive_format].extension,
            platform=index.platform,
            tagged=tagged,
        )
        if names.archive == index.archive_name:
            return names, tagged
    raise RepositoryError(
        f"{repository.url}: the archive of `{index.install_target}` has a name that is not known.",
        [f"`{index.archive_name}`; a newer release of venvstacks-rules may know it"],
    )


def _archive(repository: Repository, layer: ShownLayer, path: Path) -> ExportedArchive:
    """Write the archive, of blobs that are as the index says."""
    path.parent.mkdir(parents=True, exist_ok=True)
    hasher, size = hashlib.sha256(), 0
    descriptor, name = tempfile.mkstemp(prefix=f".{path.name}-", dir=path.parent)
    part = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as out:
            for segment in layer.index.segments:
                for piece in _pieces(repository, layer, segment):
                    hasher.update(piece)
                    size += len(piece)
                    out.write(piece)
        # The permissions of a file that `open` makes, which those of temporary files are not.
        mask = os.umask(0o022)
        os.umask(mask)
        part.chmod(0o666 & ~mask)
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)
    return ExportedArchive(path, size, hasher.hexdigest())


def _pieces(
    repository: Repository, layer: ShownLayer, segment: PublishedSegment
) -> Iterator[bytes]:
    """The bytes of a segment; RepositoryError, with its name, if they are others."""
    try:
        yield from repository.blob_pieces(segment.blob)
    except RepositoryError as e:
        raise RepositoryError(e.summary, [f"it is {_named(layer, segment)}", *e.problems]) from None


def _segments_json(repository: Repository, index: LayerIndex, archive: ExportedArchive) -> str:
    header = IndexHeader(
        install_target=index.install_target,
        archive_name=index.archive_name,
        archive_size=archive.size,
        archive_sha256=archive.sha256,
        archive_format=index.archive_format,
        compression_level=index.compression_level,
    )
    listings = in_parallel(
        repository.listing,
        (segment.files for segment in index.segments),
        repository.store.concurrency,
    )
    return header.index_json(
        listing_json(
            Segment(
                published.source,
                "",
                published.blob.size,
                published.blob.sha256,
                published.tar_size,
                files,
            )
            for published, files in zip(index.segments, listings)
        )
    )


def _write(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode("utf-8"))
