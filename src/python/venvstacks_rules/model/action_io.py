"""The requests and results of the actions: what crosses between a build and its tools.

Each is a frozen dataclass that is written as one JSON object. Paths in a request are relative to
the working directory unless they say otherwise; paths inside archives are relative to their root.
:func:`to_json` and :func:`from_json` convert; a shape that does not fit is a
:class:`~venvstacks_rules.model.errors.RequestError` that names the key path.
"""

from __future__ import annotations

import dataclasses
import json
import typing
from dataclasses import dataclass
from typing import Optional, TypeVar, Union

from venvstacks_rules.model.errors import RequestError

T = TypeVar("T")


# ------------------------------------------------------------------------------- compression
@dataclass(frozen=True)
class Compression:
    """How the segments of an archive are compressed."""

    archive_format: str
    """``tar.zst``, ``tar.xz`` or ``tar.gz``."""
    level: int
    """In the scale of the format; see :data:`.compression.ARCHIVE_FORMATS`."""


# -------------------------------------------------------------------------------- interpreters
@dataclass(frozen=True)
class FindInterpreterRequest:
    """Look for a CPython on this machine (verb ``find-interpreter``)."""

    target: str
    """The address of the runtime layer, for messages."""
    python_version: str
    """``X.Y`` (the newest is taken) or ``X.Y.Z``."""


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
    """One independently compressed piece of a layer's tar stream."""

    source: str
    """The wheel's file name, ``interpreter``, or ``layer`` for the layer's own files."""
    path: str
    """The segment's file."""
    size: int
    """Compressed, in bytes."""
    sha256: str
    """Of the compressed bytes."""
    tar_size: int
    """Uncompressed, in bytes, a multiple of 512."""
    files: tuple[ArchivedFile, ...]
    """In the order of the tar stream."""


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


@dataclass(frozen=True)
class AssembledArchive:
    """The result of ``assemble-archive``."""

    size: int
    sha256: str


# ------------------------------------------------------------------------------------- locking
@dataclass(frozen=True)
class LowerLock:
    """The lockfile of a lower layer."""

    layer_name: str
    path: str


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
    """A TOML file with a table ``[tool.uv]``."""
    python_mirror: Optional[str] = None
    """Where sizes of interpreter archives are asked for instead of the recorded URL's server."""
    version_inputs: tuple[str, ...] = ()
    """What, beside the lock's content, makes a new version of a versioned layer."""
    output_dir: str = "lock"
    """The folder for the lock's files, which have the names of the formats."""


@dataclass(frozen=True)
class LockedLayer:
    """The result of ``lock-layer``."""

    files: tuple[str, ...]
    """The files written, relative to the output folder; the ``pylock`` file first."""
    changed: bool
    """Whether the content differs from the previous lock."""


# ----------------------------------------------------------------------------------- deployment
@dataclass(frozen=True)
class DeployedArchive:
    """A layer archive to deploy."""

    archive: str
    install_target: str
    sha256: str
    size: int
    """In bytes."""


@dataclass(frozen=True)
class DeployLayersRequest:
    """Unpack archives side by side and post-install them (verb ``deploy-layers``)."""

    archives: tuple[DeployedArchive, ...]
    """The runtime first, then upwards."""
    destination: str
    """The folder for the layers' folders; absolute, or relative to the working directory."""


@dataclass(frozen=True)
class DeployedLayers:
    """The result of ``deploy-layers``."""

    installed: tuple[str, ...]
    """Install targets that were unpacked."""
    kept: tuple[str, ...]
    """Install targets that were deployed already, from the same archive."""


@dataclass(frozen=True)
class LaunchRequest:
    """Deploy a chain of layers into a cache and start its application (verb ``launch``).

    Paths are relative to the folder of the request's file: the working directory is the
    application's.
    """

    archives: tuple[DeployedArchive, ...]
    """The runtime first, the application last."""
    cache: str
    """The cache folder."""


@dataclass(frozen=True)
class CheckImportsRequest:
    """Import modules inside a deployed application (verb ``check-imports``)."""

    target: str
    archives: tuple[DeployedArchive, ...]
    cache: str
    modules: tuple[str, ...]
    """Modules that must be importable, in this order."""
    scan: tuple[str, ...] = ()
    """Launch and support modules' source files (in the application's site-packages): whatever
    they import must be importable; the files themselves are not executed."""


@dataclass(frozen=True)
class CheckedImports:
    """The result of ``check-imports``."""

    modules: tuple[str, ...]
    """What was imported, in order: import statements of the scanned files, then the modules."""


# --------------------------------------------------------------------------------------- codec
def to_data(value: object) -> object:
    """A dataclass, or a tuple of them, as what ``json`` writes."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {
            field.name: to_data(getattr(value, field.name)) for field in dataclasses.fields(value)
        }
    if isinstance(value, (tuple, list)):
        return [to_data(item) for item in value]
    return value


def to_json(value: object) -> str:
    """The text of a request or result file; the same values give the same bytes."""
    return json.dumps(to_data(value), ensure_ascii=False, sort_keys=True, indent=1) + "\n"


def from_json(cls: type[T], text: str) -> T:
    """Read a request or result; RequestError names the key path of what does not fit."""
    try:
        data = json.loads(text)
    except ValueError as e:
        raise RequestError(f"not JSON: {e}") from None
    return from_data(cls, data)


def from_data(cls: type[T], data: object, key: str = "") -> T:
    """Like :func:`from_json`, for what ``json`` has read already."""
    if not isinstance(data, dict):
        raise RequestError(f"{key or cls.__name__}: expected an object, got {_kind(data)}")
    hints = typing.get_type_hints(cls)
    fields = {field.name: field for field in dataclasses.fields(cls)}  # type: ignore[arg-type]
    unknown = sorted(set(data) - set(fields))
    if unknown:
        raise RequestError(f"{_join(key, unknown[0])}: unknown key of {cls.__name__}")
    values = {}
    for name, field in fields.items():
        if name in data:
            values[name] = _read(hints[name], data[name], _join(key, name))
        elif field.default is dataclasses.MISSING:
            raise RequestError(f"{_join(key, name)}: missing key of {cls.__name__}")
    return cls(**values)


def _read(hint: typing.Any, value: object, key: str) -> object:
    origin, args = typing.get_origin(hint), typing.get_args(hint)
    if origin is Union:
        return None if value is None else _read(args[0], value, key)
    if origin is tuple:
        if not isinstance(value, list):
            raise RequestError(f"{key}: expected a list, got {_kind(value)}")
        return tuple(_read(args[0], item, f"{key}[{i}]") for i, item in enumerate(value))
    if dataclasses.is_dataclass(hint):
        return from_data(typing.cast("type[object]", hint), value, key)
    expected = origin or hint
    if not isinstance(value, expected) or (expected is int and isinstance(value, bool)):
        raise RequestError(f"{key}: expected {expected.__name__}, got {_kind(value)}")
    return value


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
