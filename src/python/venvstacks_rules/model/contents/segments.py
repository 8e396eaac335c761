"""Segments: pieces of a layer archive, each readable without the others."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Optional, Protocol, TypeVar

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.values import dataclass

TAR_BLOCK = 512
"""In bytes; every size of a piece of a tar stream is a multiple of it."""

INTERPRETER, OWN_FILES = "interpreter", "layer"
"""The sources of the segments that are not of a wheel."""

LARGE_FILE = 2 * 1024 * 1024
"""A file of a wheel or of the interpreter has a segment of its own from this size on, in bytes.

Versions of a package differ in their modules, and mostly have the libraries that they carry in
common: what is the same in two versions is one segment.
"""


def large_file(files: Sequence[ArchivedFile]) -> Optional[str]:
    """The path of the large file that is alone in a segment; None for a segment of other files."""
    return files[0].path if len(files) == 1 and files[0].size >= LARGE_FILE else None


def unpacked_size(segments: Iterable[Segment]) -> int:
    """The size of the tar stream of an archive, or of all files of a zip archive, in bytes."""
    return sum(
        sum(file.size for file in segment.files) if segment.tar_size is None else segment.tar_size
        for segment in segments
    )


if TYPE_CHECKING:

    class _OfSource(Protocol):
        @property
        def source(self) -> str: ...


_Item = TypeVar("_Item", bound="_OfSource")


def by_source(segments: Iterable[_Item]) -> dict[str, list[_Item]]:
    """The segments of each source, in their order: those with large files have several."""
    found: dict[str, list[_Item]] = {}
    for segment in segments:
        found.setdefault(segment.source, []).append(segment)
    return found


@dataclass(frozen=True)
class Segment:
    """A piece of a layer archive, readable without the others."""

    source: str
    """The wheel's file name, :data:`INTERPRETER`, or :data:`OWN_FILES`."""
    path: str
    """The segment's file, relative to that of the result that lists it."""
    size: int
    """Compressed, in bytes."""
    sha256: str
    """Of the compressed bytes."""
    tar_size: Optional[int]
    """The size of its piece of the tar stream, a multiple of `TAR_BLOCK`; None in a zip archive."""
    files: tuple[ArchivedFile, ...]
    """In the order of the segment."""
