"""Segments: pieces of a layer archive, each readable without the others."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Optional

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.values import dataclass

TAR_BLOCK = 512
"""In bytes; every size of a piece of a tar stream is a multiple of it."""

INTERPRETER, OWN_FILES = "interpreter", "layer"
"""The sources of the segments that are not of a wheel."""


def unpacked_size(segments: Iterable[Segment]) -> int:
    """The size of the tar stream of an archive, or of all files of a zip archive, in bytes."""
    return sum(
        sum(file.size for file in segment.files) if segment.tar_size is None else segment.tar_size
        for segment in segments
    )


@dataclass(frozen=True)
class Segment:
    """A piece of a layer archive, readable without the others."""

    source: str
    """The wheel's file name, :data:`INTERPRETER`, or :data:`OWN_FILES`."""
    path: str
    """The segment's file."""
    size: int
    """Compressed, in bytes."""
    sha256: str
    """Of the compressed bytes."""
    tar_size: Optional[int]
    """The size of its piece of the tar stream, a multiple of `TAR_BLOCK`; None in a zip archive."""
    files: tuple[ArchivedFile, ...]
    """In the order of the segment."""
