"""What is published beside the archives: the metadata of a layer, and the manifest of a stack.

Keys, values and names are those of the ``venvstacks`` tool. Dicts out, as ``json`` writes them;
callers write the files.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timezone
from pathlib import PurePosixPath
from typing import Any

from venvstacks_rules.model.library_report import LibraryReport
from venvstacks_rules.model.names import LayerKind

ARCHIVE_BUILD = 1
"""An archive is identified by its hash, not by how often it was built."""

MANIFEST_FOLDER = PurePosixPath("__venvstacks__")
"""Where all that is not an archive is published, beside the archives."""

_GROUPS = {
    LayerKind.RUNTIME: "runtimes",
    LayerKind.FRAMEWORK: "frameworks",
    LayerKind.APPLICATION: "applications",
}


@dataclass(frozen=True)
class ModuleHash:
    """A support module of an application."""

    name: str
    """As it is imported."""
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
    """Whether the layer holds files of the interpreter, and so changes with every release of it."""
    required_layers: tuple[str, ...] | None = None
    """Install targets of the frameworks in import order; None for a runtime, and only for one."""
    app_launch_module: str | None = None
    """Set for an application, and only for one."""
    app_launch_module_hash: str | None = None
    app_support_modules: tuple[ModuleHash, ...] = ()
    shared_libraries: LibraryReport = field(default_factory=LibraryReport)
    """What is to be said of the layer's binaries."""

    def to_dict(self) -> dict[str, Any]:
        """As in the file; a key that the layer has no use for is left out."""
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
        }
        if self.required_layers is not None:
            data["required_layers"] = list(self.required_layers)
        if self.app_launch_module is not None:
            data["app_launch_module"] = self.app_launch_module
            data["app_launch_module_hash"] = self.app_launch_module_hash
        if self.app_support_modules:
            data["app_support_modules"] = [
                {"name": module.name, "hash": module.hash} for module in self.app_support_modules
            ]
        if libraries := self.shared_libraries.to_dict():
            data["shared_libraries"] = libraries
        return data

    def to_export_dict(self) -> dict[str, Any]:
        """As in the file for a layer that is exported: of no archive, and for no other machine."""
        data = self.to_dict()
        del data["target_platform"]
        return data


def utc_time(text: str) -> str:
    """A time of a lock as metadata has it, in UTC with its offset; as it is where it is no time."""
    try:
        time = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return text
    return (
        (time if time.tzinfo else time.replace(tzinfo=timezone.utc))
        .astimezone(timezone.utc)
        .isoformat()
    )


# ------------------------------------------------------------------------------- names of files
@dataclass(frozen=True)
class ArchiveNames:
    """The names of an archive and of the files beside it."""

    archive: str
    metadata: str
    segments: str


def archive_names(
    install_target: str, *, extension: str, platform: str, tagged: bool
) -> ArchiveNames:
    """What an archive and the files beside it are called.

    `tagged` names tell the platform as well, so that those of several can share a folder.
    """
    stem = f"{install_target}-{platform}-{ARCHIVE_BUILD}" if tagged else install_target
    return ArchiveNames(f"{stem}{extension}", f"{stem}.json", f"{stem}.segments.json")


def manifest_path(*, platform: str, tagged: bool) -> str:
    """Where the manifest of a stack lies, beside the archives."""
    return str(MANIFEST_FOLDER / f"venvstacks{_tag(platform, tagged)}.json")


def env_metadata_path(layer_name: str, *, platform: str, tagged: bool) -> str:
    """Where the metadata of a layer lies a second time, for those who know the layer only."""
    return str(MANIFEST_FOLDER / "env_metadata" / f"{layer_name}{_tag(platform, tagged)}.json")


def _tag(platform: str, tagged: bool) -> str:
    return f"-{platform}" if tagged else ""


# ------------------------------------------------------------------------------------- manifest
def stack_manifest(layers: Iterable[tuple[LayerKind, Mapping[str, Any]]]) -> dict[str, Any]:
    """The manifest of a stack from the metadata of its layers, whose order it keeps."""
    groups: dict[str, list[Mapping[str, Any]]] = {name: [] for name in _GROUPS.values()}
    for kind, metadata in layers:
        groups[_GROUPS[kind]].append(metadata)
    return {"layers": groups}
