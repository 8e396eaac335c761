"""The requests and results of the actions that make segments."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.inputs import InterpreterFile, LayerWheel
from venvstacks_rules.model.contents.layout import InstallTarget, OsName
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.platforms.python_versions import PythonVersion
from venvstacks_rules.model.values import dataclass


# Bases of their own, as fields without a default come first.
@dataclass(frozen=True)
class _RuntimeSegment:
    os_name: OsName
    """``posix`` or ``nt``, as in markers; it decides the layout of the archive."""
    case_sensitive: bool
    """Whether all file systems of the target distinguish names that differ by case only."""
    install_target: InstallTarget
    """The top-level folder in the layer archive."""
    compression: Compression
    output: GivenPath
    """The first segment to write; those of large files lie beside it."""


@dataclass(frozen=True)
class InterpreterSegmentsRequest(InterpreterFile, _RuntimeSegment):
    """Make the segments of a runtime's interpreter (verb ``interpreter-segments``)."""

    byte_code: Optional[GivenPath] = None
    """A zip archive with the byte code, if the segments are to have some."""


@dataclass(frozen=True)
class InterpreterSegments:
    """The result of ``interpreter-segments``."""

    segments: tuple[Segment, ...]
    """In the order of the archive."""
    python_version: str
    """X.Y.Z, read from the archive's own headers."""


@dataclass(frozen=True)
class FileSegmentRequest:
    """Make the segment of a large file of a layer's own code (verb ``file-segment``)."""

    file: OwnFile
    """A file of the working directory."""
    install_target: InstallTarget
    compression: Compression
    output: GivenPath
    """The segment to write."""


@dataclass(frozen=True)
class FileSegment:
    """The result of ``file-segment``."""

    segments: tuple[Segment, ...]
    """The one segment."""


@dataclass(frozen=True)
class _Output:
    output: GivenPath
    """The first segment to write; those of large files lie beside it."""


@dataclass(frozen=True)
class WheelInput(LayerWheel, _Output):
    """A wheel to make segments of."""

    byte_code: Optional[GivenPath] = None
    """A zip archive with the byte code, if the segments are to have some."""


@dataclass(frozen=True)
class WheelSegmentsRequest:
    """Make the segments of some wheels (verb ``wheel-segments``)."""

    wheels: tuple[WheelInput, ...]
    python_version: PythonVersion
    """``X.Y`` of the runtime; it decides the folders."""
    os_name: OsName
    """``posix`` or ``nt``, as in markers; it decides the folders, too."""
    install_target: InstallTarget
    compression: Compression


@dataclass(frozen=True)
class WheelSegments:
    """The result of ``wheel-segments``, in the order of the request, and of the archive."""

    segments: tuple[Segment, ...]
    remarks: tuple[str, ...] = ()
    """What is wrong with wheels that were used all the same, a sentence for each of these."""
