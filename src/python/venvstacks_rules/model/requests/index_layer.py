"""The request and result of ``index-layer``."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.requests.layer_parts import LayerPartsRequest
from venvstacks_rules.model.values import dataclass

SBOM, PROVENANCE = "sbom", "provenance"
"""The names of the documents."""


@dataclass(frozen=True)
class LayerDocument:
    """A file about a layer."""

    name: str
    """:data:`SBOM` or :data:`PROVENANCE`; the latter gets the segments as its subjects."""
    path: GivenPath


@dataclass(frozen=True)
class IndexLayerRequest(LayerPartsRequest):
    """Make the index of a layer version, and what it names beside segments (``index-layer``).

    No segment is read but those of a zip archive, whose entries its directory lists.
    """

    kind: str
    """``runtime``, ``framework`` or ``application``."""
    archive_name: str
    documents: tuple[LayerDocument, ...]
    output: GivenPath
    """The folder to write: ``index.json``; and blobs, each by its hash: the segment of the layer's
    own files, the lists of files and the documents.

    It has no folders below: `buildbox-casd` does not find results of Pants that have some."""
    byte_code: Optional[GivenPath] = None
    """A zip archive with the byte code of `files`, if the layer is to have some."""


@dataclass(frozen=True)
class IndexedSegmentFile:
    """A segment that lies where the request's results have it."""

    path: str
    sha256: str
    """In hexadecimal."""
    size: int
    """In bytes."""


@dataclass(frozen=True)
class IndexedLayer:
    """The result of ``index-layer``."""

    sha256: str
    """Of the index, in hexadecimal."""
    size: int
    """Of the index, in bytes."""
    archive_size: int
    unpacked_size: int
    """Of all segments, in bytes."""
    segments: tuple[IndexedSegmentFile, ...]
    """Without that of the layer's own files, which is a blob of the folder."""
