"""The requests and results of the actions: what crosses between a build and its tools.

Each is a frozen dataclass that is written as one JSON object. Paths in a request are relative to
the working directory unless they say otherwise; paths inside archives are relative to their root.
:func:`to_json` and :func:`from_json` convert; a shape that does not fit is a
:class:`~venvstacks_rules.model.errors.RequestError` that names the key path.
"""

from __future__ import annotations

import typing
from dataclasses import dataclass
from typing import Optional

from venvstacks_rules.model.deployment_io import (
    CheckedImports,
    CheckImportsRequest,
    DeployedArchive,
    DeployedLayers,
    DeployLayersRequest,
    LaunchRequest,
)
from venvstacks_rules.model.json_codec import from_data, from_json, to_data, to_json
from venvstacks_rules.model.linux_targets import DEFAULT_LINUX_TARGET
from venvstacks_rules.model.network_io import FetchedFile, FetchFileRequest, NetworkSettings

__all__ = [
    "NOT_HASHED",
    "ArchivedFile",
    "AssembleArchiveRequest",
    "AssembledArchive",
    "CheckImportsRequest",
    "CheckedImports",
    "Compression",
    "DeployLayersRequest",
    "DeployedArchive",
    "DeployedLayers",
    "FetchFileRequest",
    "FetchedFile",
    "FindInterpreterRequest",
    "FoundInterpreter",
    "InterpreterSegment",
    "InterpreterSegmentRequest",
    "LaunchRequest",
    "LocalWheels",
    "LockLayerRequest",
    "LockedLayer",
    "LowerLock",
    "NetworkSettings",
    "OwnFile",
    "OwnLink",
    "PackInterpreterRequest",
    "PackedInterpreter",
    "Segment",
    "WheelInput",
    "WheelSegments",
    "WheelSegmentsRequest",
    "from_data",
    "from_json",
    "to_data",
    "to_json",
]


# ------------------------------------------------------------------------------- compression
@dataclass(frozen=True)
class Compression:
    """How the segments of an archive are compressed."""

    archive_format: str
    """``tar.zst``, ``tar.xz``, ``tar.gz`` or ``zip``."""
    level: int
    """In the scale of the format; see :data:`.compression.ARCHIVE_FORMATS`."""


# -------------------------------------------------------------------------------- interpreters
@dataclass(frozen=True)
class FindInterpreterRequest:
    """Look for a CPython on this machine (verb ``find-interpreter``)."""

    target: str
    """The address of the runtime layer, for messages."""
    python_version: str
    """``X.Y`` (the newest is taken) or ``X.Y.Z``; with a ``t`` for a free-threaded build."""
    linux_target: str = DEFAULT_LINUX_TARGET
    """``glibc@X.Y`` or ``musl@X.Y``: an interpreter for the other C library is not taken."""


@dataclass(frozen=True)
class FoundInterpreter:
    """A CPython installation of this machine."""

    executable: str
    """Absolute path of the interpreter."""
    python_version: str
    """X.Y.Z."""
    fingerprint: str
    """A hash over the names, modes and contents of all that a capture takes."""


@dataclass(frozen=True)
class PackInterpreterRequest:
    """Capture a CPython of this machine as an archive (verb ``pack-interpreter``).

    The archive has the layout of python-build-standalone's ``install_only`` archives: one
    top-level folder ``python``.
    """

    found: FoundInterpreter
    output: str
    """The archive to write, a ``.tar.zst``."""


@dataclass(frozen=True)
class PackedInterpreter:
    """An interpreter archive that was written."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class InterpreterSegmentRequest:
    """Make the segment of a runtime's interpreter (verb ``interpreter-segment``)."""

    archive: str
    """``.tar.gz``, ``.tar.zst``, ``.tar.xz`` or ``.tar``, with one top-level folder ``python``."""
    sha256: Optional[str]
    """What the lockfile says of the archive; None where nothing is pinned."""
    size: Optional[int]
    """In bytes."""
    python_version: str
    """``X.Y`` or ``X.Y.Z`` that the runtime declares."""
    os_name: str
    """``posix`` or ``nt``, as in markers; the archive is laid out for it."""
    case_sensitive: bool
    """Whether names of files that differ by case only are surely two names on the target."""
    install_target: str
    """The top-level folder in the layer archive."""
    compression: Compression
    output: str
    """The segment to write."""


# ------------------------------------------------------------------------------------ segments
@dataclass(frozen=True)
class ArchivedFile:
    """One file or link of a segment."""

    path: str
    """Relative to the layer's folder, with forward slashes."""
    size: int
    """In bytes; 0 for a link."""
    sha256: str
    """Of the content; empty for a link."""
    executable: bool = False
    link_target: Optional[str] = None
    """For a symbolic link, where it points, relative to the link's folder."""


@dataclass(frozen=True)
class Segment:
    """One piece of a layer archive, which can be read without the others."""

    source: str
    """The wheel's file name, ``interpreter``, or ``layer`` for the layer's own files."""
    path: str
    """The segment's file."""
    size: int
    """Compressed, in bytes."""
    sha256: str
    """Of the compressed bytes."""
    tar_size: Optional[int]
    """Of the piece of the tar stream, in bytes, a multiple of 512; None in a zip archive."""
    files: tuple[ArchivedFile, ...]
    """In the order of the segment."""


@dataclass(frozen=True)
class InterpreterSegment:
    """The result of ``interpreter-segment``."""

    segment: Segment
    python_version: str
    """X.Y.Z, read from the archive's own headers."""


@dataclass(frozen=True)
class WheelInput:
    """A wheel to make a segment of."""

    path: str
    file_name: str
    sha256: str
    size: int
    """In bytes."""
    output: str
    """The segment to write."""


@dataclass(frozen=True)
class WheelSegmentsRequest:
    """Make one segment for each of some wheels (verb ``wheel-segments``)."""

    wheels: tuple[WheelInput, ...]
    python_version: str
    """``X.Y`` of the runtime; it decides the folders."""
    os_name: str
    """``posix`` or ``nt``, as in markers; it decides the folders as well."""
    install_target: str
    compression: Compression


@dataclass(frozen=True)
class WheelSegments:
    """The result of ``wheel-segments``, in the order of the request."""

    segments: tuple[Segment, ...]


# ------------------------------------------------------------------------------------ assembly
@dataclass(frozen=True)
class OwnFile:
    """A file of the layer itself: generated text, or a file of the working directory."""

    path: str
    """Relative to the layer's folder."""
    text: Optional[str] = None
    source: Optional[str] = None
    """A file to copy; exactly one of `text` and `source` is set."""
    executable: bool = False


@dataclass(frozen=True)
class OwnLink:
    """A symbolic link of the layer itself."""

    path: str
    target: str


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


# ------------------------------------------------------------------------------------- locking
@dataclass(frozen=True)
class LowerLock:
    """The lockfile of a lower layer."""

    layer_name: str
    path: str


@dataclass(frozen=True)
class LocalWheels:
    """A folder with wheels that are in no index."""

    path: str
    recorded: str
    """The folder relative to the lockfile's, with forward slashes."""


@dataclass(frozen=True)
class LockLayerRequest:
    """Lock the packages of one layer (verb ``lock-layer``)."""

    target: str
    """The address of the layer, for messages."""
    layer_name: str
    python_implementation: str
    """Of the runtime: ``cpython@X.Y.Z``, or ``cpython@X.Y`` with a local interpreter."""
    python_provider: str
    """``pbs``, ``archive`` or ``local``."""
    is_runtime: bool
    requirements: tuple[str, ...]
    platforms: tuple[str, ...]
    linux_target: str
    macosx_target: str
    lower_locks: tuple[LowerLock, ...] = ()
    """In import order, the runtime's last."""
    previous_lock: Optional[str] = None
    """The committed lockfile, whose pins are kept where they can be."""
    previous_metadata: Optional[str] = None
    """The ``.meta.json`` beside it."""
    uv_config: Optional[str] = None
    """A TOML file with a table ``[tool.uv]``, or with its content where it is named ``uv.toml``."""
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Distributions and the names of the indexes that they are taken from."""
    priority_indexes: tuple[str, ...] = ()
    """The names of indexes that are asked first."""
    local_wheels: tuple[LocalWheels, ...] = ()
    """Folders of this layer and of those below."""
    declared_local_wheels: tuple[str, ...] = ()
    """The layer's own folders, as declared; recorded in the lock."""
    python_mirror: Optional[str] = None
    """Where sizes of interpreter archives are asked for instead of the recorded URL's server."""
    versioned: bool = False
    module_hashes: tuple[str, ...] = ()
    """Of an application's launch module, then of its support modules."""
    output_dir: str = "lock"
    """The folder for the lock's files, which have the names of the formats."""
    network: Optional[str] = None
    """A folder with :class:`.network_io.NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class LockedLayer:
    """The result of ``lock-layer``."""

    files: tuple[str, ...]
    """The files written, relative to the output folder; the ``pylock`` file first."""
    changed: bool
    """Whether the content differs from the previous lock."""
