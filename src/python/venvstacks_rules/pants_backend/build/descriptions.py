"""The metadata and the segment index beside an archive, which say its hash."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestSubset,
    FileContent,
    FileEntry,
    MergeDigests,
    PathGlobs,
)

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.segment_index import IndexHeader
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.outputs.metadata import LayerMetadata, archive_metadata
from venvstacks_rules.model.outputs.names import ArchiveNames
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, rule


@dataclass(frozen=True)
class DescribedArchiveRequest:
    """An archive to write metadata and segment index for."""

    digest: Digest
    """Of the archive and the listing."""
    names: ArchiveNames
    listing: str
    """The file with the list of the archive's segments."""
    metadata: LayerMetadata
    compression: Compression


@dataclass(frozen=True)
class DescribedArchive:
    """An archive with the two files beside it."""

    digest: Digest
    size: int
    """Of the archive, in bytes."""
    sha256: str


@rule
async def described_archive(request: DescribedArchiveRequest) -> DescribedArchive:
    names, metadata, compression = request.names, request.metadata, request.compression
    archive, listing = await concurrently(
        engine.digest_subset_to_digest(DigestSubset(request.digest, PathGlobs([path])))
        for path in (names.archive, request.listing)
    )
    stored, (listed,) = await concurrently(
        engine.get_digest_entries(archive), engine.get_digest_contents(listing)
    )
    # The engine stores files by their SHA-256: it knows that of the archive.
    (digest,) = (entry.file_digest for entry in stored if isinstance(entry, FileEntry))
    size, sha256 = digest.serialized_bytes_length, digest.fingerprint
    header = IndexHeader(
        install_target=metadata.install_target,
        archive_name=names.archive,
        archive_size=size,
        archive_sha256=sha256,
        archive_format=compression.archive_format,
        compression_level=compression.level,
    )
    of_archive = archive_metadata(
        metadata.to_dict(), archive_name=names.archive, size=size, sha256=sha256
    )
    texts = {
        names.metadata: published_json(of_archive),
        names.segments: header.index_json(listed.content.decode("utf-8")),
    }
    written = await engine.create_digest(
        CreateDigest([FileContent(path, text.encode("utf-8")) for path, text in texts.items()])
    )
    return DescribedArchive(
        await engine.merge_digests(MergeDigests([archive, written])), size, sha256
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
