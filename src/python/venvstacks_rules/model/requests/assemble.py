"""The request and result of ``assemble-archive``."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Optional

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink
from venvstacks_rules.model.contents.layout import InstallTarget, OsName
from venvstacks_rules.model.paths import GivenPath


@dataclass(frozen=True)
class AssembleArchiveRequest:
    """Join segments into a layer archive (verb ``assemble-archive``).

    `results` are files with an :class:`InterpreterSegment` or :class:`WheelSegments` as JSON,
    beside the segments that they name. The archive has the segments in this order, and the layer's
    own files last.
    """

    target: str
    """The address of the layer, for messages."""
    install_target: InstallTarget
    os_name: OsName
    """``posix`` or ``nt``, as in markers; Windows has no links, and refuses some names."""
    case_sensitive: bool
    """Whether all file systems of the target distinguish names that differ by case only."""
    results: tuple[GivenPath, ...]
    files: tuple[OwnFile, ...]
    links: tuple[OwnLink, ...]
    compression: Compression
    metadata: dict[str, Any]
    """The keys of the layer metadata that do not depend on the archive's bytes."""
    archive: GivenPath
    """The archive to write."""
    metadata_file: Optional[GivenPath] = None
    """The layer metadata to write, if any."""
    segments_file: Optional[GivenPath] = None
    """The segment index to write, if any."""
    listing_file: Optional[GivenPath] = None
    """A file for the value of the key `segments` of the index, if any. A caller that hashes what is
    written makes metadata and index itself, and asks for this instead of the two."""
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
