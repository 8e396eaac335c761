"""The files that lie beside an archive: the layer metadata and the segment index.

Dicts in and dicts out, as ``json`` reads and writes them; callers read and write the files.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.action_io import ArchivedFile
from venvstacks_rules.model.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.paths import link_problem, path_problem

SEGMENT_INDEX_VERSION = 1
TAR_BLOCK = 512


@dataclass(frozen=True)
class ModuleHash:
    """A support module of an application."""

    name: str
    hash: str
    """``sha256:<hex>`` of a file, ``sha256/<hex>`` of a directory."""


@dataclass(frozen=True)
class LayerMetadata:
    """The keys of a layer's metadata that do not depend on the archive's bytes."""

    layer_name: str
    install_target: str
    requirements_hash: str
    lock_version: int
    locked_at: str
    target_platform: str
    runtime_layer: str
    """The install target of the runtime; a runtime names itself."""
    python_implementation: str
    bound_to_implementation: bool
    required_layers: tuple[str, ...] = ()
    """Install targets of the frameworks in import order, without the runtime."""
    app_launch_module: str | None = None
    """Set for an application, and only for one."""
    app_launch_module_hash: str | None = None
    app_support_modules: tuple[ModuleHash, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """As in the file; the keys of applications are left out for the other kinds."""
        data: dict[str, Any] = {
            "layer_name": self.layer_name,
            "install_target": self.install_target,
            "requirements_hash": self.requirements_hash,
            "lock_version": self.lock_version,
            "locked_at": self.locked_at,
            "target_platform": self.target_platform,
            "runtime_layer": self.runtime_layer,
            "python_implementation": self.python_implementation,
            "bound_to_implementation": self.bound_to_implementation,
            "required_layers": list(self.required_layers),
        }
        if self.app_launch_module is not None:
            data["app_launch_module"] = self.app_launch_module
            data["app_launch_module_hash"] = self.app_launch_module_hash
            data["app_support_modules"] = [
                {"name": module.name, "hash": module.hash} for module in self.app_support_modules
            ]
        return data


@dataclass(frozen=True)
class IndexedSegment:
    """A segment and where it lies in the archive."""

    source: str
    """The wheel's file name, ``interpreter`` or ``layer``."""
    offset: int
    """Of its first byte in the archive."""
    size: int
    """Compressed, in bytes."""
    sha256: str
    """Of the compressed bytes."""
    tar_size: int
    """Uncompressed, in bytes."""
    files: tuple[ArchivedFile, ...]
    """In the order of the tar stream."""

    def to_dict(self) -> dict[str, Any]:
        """As in the index."""
        return {
            "source": self.source,
            "offset": self.offset,
            "size": self.size,
            "sha256": self.sha256,
            "tar_size": self.tar_size,
            "files": [_file_to_dict(file) for file in self.files],
        }


@dataclass(frozen=True)
class SegmentIndex:
    """``<install_target>.segments.json``: which bytes of an archive hold which files.

    The segments cover the archive without a gap, in this order. A path that occurs in two segments
    is the later one's, as when the archive is unpacked.
    """

    install_target: str
    archive_name: str
    archive_size: int
    """In bytes."""
    archive_sha256: str
    archive_format: str
    compression_level: int
    segments: tuple[IndexedSegment, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the file."""
        return {
            "format_version": SEGMENT_INDEX_VERSION,
            "install_target": self.install_target,
            "archive_name": self.archive_name,
            "archive_size": self.archive_size,
            "archive_sha256": self.archive_sha256,
            "archive_format": self.archive_format,
            "compression_level": self.compression_level,
            "segments": [segment.to_dict() for segment in self.segments],
        }

    @classmethod
    def from_dict(cls, data: object, name: str = "segment index") -> SegmentIndex:
        """Read an index from an untrusted file, `name` in messages.

        Raises ArchiveError with the key path of everything that is wrong. Unknown keys are passed
        over, so that later versions can add some.
        """
        reader = _Reader()
        index = reader.index(data)
        if index is None or reader.problems:
            raise ArchiveError(
                f"`{name}` is not a usable segment index; fetch it again.", reader.problems
            )
        return index


def _file_to_dict(file: ArchivedFile) -> dict[str, Any]:
    if file.link_target is not None:
        return {"path": file.path, "link_target": file.link_target}
    data: dict[str, Any] = {"path": file.path, "size": file.size, "sha256": file.sha256}
    if file.executable:
        data["executable"] = True
    return data


class _Reader:
    """Reads what ``json`` read, collecting problems; a value that does not fit reads as a blank."""

    def __init__(self) -> None:
        self.problems: list[str] = []

    def index(self, data: object) -> SegmentIndex | None:
        values = self._object(data, "index")
        if values is None:
            return None
        version = self._number(values, "format_version", "")
        if version != SEGMENT_INDEX_VERSION:
            if not self.problems:
                self._note("format_version", f"{version} is not {SEGMENT_INDEX_VERSION}")
            return None
        index = SegmentIndex(
            install_target=self._name(values, "install_target"),
            archive_name=self._name(values, "archive_name"),
            archive_size=self._number(values, "archive_size", ""),
            archive_sha256=self._sha256(values, "archive_sha256", ""),
            archive_format=self._text(values, "archive_format", ""),
            compression_level=self._number(values, "compression_level", ""),
            segments=tuple(
                self._segment(item, f"segments[{i}]")
                for i, item in enumerate(self._list(values, "segments", ""))
            ),
        )
        if not self.problems:
            self._check_whole(index)
        return index

    def _check_whole(self, index: SegmentIndex) -> None:
        known = ARCHIVE_FORMATS.get(index.archive_format)
        if known is None:
            self._note("archive_format", f"`{index.archive_format}` is not an archive format")
        elif not known.min_level <= index.compression_level <= known.max_level:
            self._note("compression_level", f"{index.compression_level} is out of range")
        offset = 0
        for i, segment in enumerate(index.segments):
            if segment.offset != offset:
                self._note(f"segments[{i}].offset", f"expected {offset}, got {segment.offset}")
            offset = segment.offset + segment.size
        if offset != index.archive_size:
            self._note("archive_size", f"{index.archive_size}, but the segments end at {offset}")

    def _segment(self, data: object, key: str) -> IndexedSegment:
        values = self._object(data, key) or {}
        if not values:
            return IndexedSegment("", 0, 0, "", 0, ())
        segment = IndexedSegment(
            source=self._text(values, "source", key),
            offset=self._number(values, "offset", key),
            size=self._number(values, "size", key),
            sha256=self._sha256(values, "sha256", key),
            tar_size=self._number(values, "tar_size", key),
            files=tuple(
                self._file(item, f"{key}.files[{i}]")
                for i, item in enumerate(self._list(values, "files", key))
            ),
        )
        if segment.tar_size % TAR_BLOCK:
            self._note(f"{key}.tar_size", f"{segment.tar_size} is not a multiple of {TAR_BLOCK}")
        seen: set[str] = set()
        for i, file in enumerate(segment.files):
            if file.path in seen:
                self._note(f"{key}.files[{i}].path", f"`{file.path}` occurs twice")
            seen.add(file.path)
        return segment

    def _file(self, data: object, key: str) -> ArchivedFile:
        values = self._object(data, key) or {}
        if not values:
            return ArchivedFile(f"{key}", 0, "")
        path = self._text(values, "path", key)
        problem = path_problem(path)
        if problem is not None:
            self._note(f"{key}.path", f"{problem}: {path!a}")
        if "link_target" in values:
            target = self._text(values, "link_target", key)
            link_is_wrong = None if problem else link_problem(path, target)
            if link_is_wrong is not None:
                self._note(f"{key}.link_target", f"{link_is_wrong}: {target!a}")
            return ArchivedFile(path, 0, "", link_target=target)
        executable = values.get("executable", False)
        if not isinstance(executable, bool):
            self._note(f"{key}.executable", f"expected bool, got {_kind(executable)}")
        return ArchivedFile(
            path,
            self._number(values, "size", key),
            self._sha256(values, "sha256", key),
            executable is True,
        )

    def _object(self, data: object, key: str) -> dict[str, Any] | None:
        if not isinstance(data, dict) or not data:
            self._note(key, f"expected an object with keys, got {_kind(data)}")
            return None
        return data

    def _list(self, values: dict[str, Any], name: str, key: str) -> list[object]:
        value = self._get(values, name, key, list)
        return value if isinstance(value, list) else []

    def _text(self, values: dict[str, Any], name: str, key: str) -> str:
        value = self._get(values, name, key, str)
        return value if isinstance(value, str) else ""

    def _number(self, values: dict[str, Any], name: str, key: str) -> int:
        value = self._get(values, name, key, int)
        if not isinstance(value, int):
            return 0
        if value < 0:
            self._note(_join(key, name), f"{value} is negative")
        return value

    def _sha256(self, values: dict[str, Any], name: str, key: str) -> str:
        value = self._text(values, name, key)
        if name in values and isinstance(values[name], str) and not is_sha256_hex(value):
            self._note(_join(key, name), "is not a SHA-256 in lower-case hexadecimal")
        return value

    def _name(self, values: dict[str, Any], name: str) -> str:
        """A name that is one component of a path."""
        value = self._text(values, name, "")
        problem = path_problem(value)
        if problem is None and "/" in value:
            problem = "the name holds a slash"
        if problem is not None and isinstance(values.get(name), str):
            self._note(name, f"{problem}: {value!a}")
        return value

    def _get(self, values: dict[str, Any], name: str, key: str, kind: type) -> object:
        if name not in values:
            self._note(_join(key, name), "missing")
            return None
        value = values[name]
        if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
            self._note(_join(key, name), f"expected {kind.__name__}, got {_kind(value)}")
            return None
        return value

    def _note(self, key: str, problem: str) -> None:
        self.problems.append(f"{key}: {problem}")


def _join(key: str, name: str) -> str:
    return f"{key}.{name}" if key else name


def _kind(value: object) -> str:
    return "null" if value is None else type(value).__name__
