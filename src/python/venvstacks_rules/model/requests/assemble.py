"""The request and result of ``assemble-archive``."""

from __future__ import annotations

import typing
from dataclasses import dataclass

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile, OwnLink


@dataclass(frozen=True)
class AssembleArchiveRequest:
    """Join segments into a layer archive (verb ``assemble-archive``).

    `results` are files that hold an :class:`InterpreterSegment` or :class:`WheelSegments` as JSON;
    the segments they name lie beside them. They are joined in this order, the layer's own files
    last.
    """

    target: str
    """The address of the layer, for messages."""
    install_target: str
    os_name: str
    """``posix`` or ``nt``, as in markers; Windows has no links, and not all names."""
    case_sensitive: bool
    """Whether names of files that differ by case only are surely two names on the target."""
    results: tuple[str, ...]
    files: tuple[OwnFile, ...]
    links: tuple[OwnLink, ...]
    compression: Compression
    metadata: dict[str, typing.Any]
    """The keys of the layer metadata that do not depend on the archive's bytes."""
    archive: str
    """The archive to write."""
    metadata_file: str
    """The layer metadata to write."""
    segments_file: str
    """The segment index to write."""
    segments_are_checked: bool = False
    """Whether the caller knows that the segments have the hashes of their results, as one does that
    stores files by their hash: they are not hashed again."""
    archive_is_hashed: bool = False
    """Whether the caller hashes what is written, as the same one does: nobody hashes it before.
    Where the hash of the archive belongs, in the result and in the two files, is `NOT_HASHED`."""


NOT_HASHED = "0" * 64
"""Stands for a SHA-256 that the caller has to fill in."""


@dataclass(frozen=True)
class AssembledArchive:
    """The result of ``assemble-archive``."""

    size: int
    sha256: str
    """In hexadecimal; `NOT_HASHED` where the caller hashes the archive."""
