"""The request and result of ``assemble-archive``."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.requests.layer_parts import LayerPartsRequest
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class AssembleArchiveRequest(LayerPartsRequest):
    """Join segments into a layer archive (verb ``assemble-archive``)."""

    archive: GivenPath
    """The archive to write."""
    metadata_file: Optional[GivenPath] = None
    """The layer metadata to write, if any."""
    segments_file: Optional[GivenPath] = None
    """The segment index to write, if any."""
    listing_file: Optional[GivenPath] = None
    """A file for the value of the key `segments` of the index, if any. A caller that hashes what is
    written makes metadata and index itself, and asks for this instead of the two."""
    byte_code: Optional[GivenPath] = None
    """A zip archive with the byte code of `files`, if the layer is to have some."""
    segments_are_checked: bool = False
    """Whether the caller knows that the segments have the hashes of their results, because it
    stores files by their hash: they are not hashed again."""

    @property
    def needs_hash(self) -> bool:
        """Whether to hash the archive: metadata and index say its hash."""
        return self.metadata_file is not None or self.segments_file is not None


@dataclass(frozen=True)
class AssembledArchive:
    """The result of ``assemble-archive``."""

    size: int
    """In bytes."""
    sha256: Optional[str]
    """In hexadecimal; None if neither metadata nor index was asked for."""
    unpacked_size: int
    """Of its tar stream, or of the files of a zip archive, in bytes."""
