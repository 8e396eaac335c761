"""The metadata of a layer, published beside its archive.

Keys and values are those of the ``venvstacks`` tool.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices
from venvstacks_rules.model.libraries.report import NOTHING_FOUND, LibraryReport
from venvstacks_rules.model.outputs.chosen_files import ChosenFiles
from venvstacks_rules.model.outputs.names import ARCHIVE_BUILD
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class ModuleHash:
    """A support module of an application."""

    name: str
    """Its name in an import."""
    hash: str
    """``sha256:<hex>`` of a file, ``sha256/<hex>`` of a directory."""


@dataclass(frozen=True)
class BuiltWheelHash:
    """A wheel of a layer that was built for it, so that no lockfile has its hash."""

    name: str
    """Its file name."""
    hash: str
    """``sha256:<hex>``."""


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
    """Whether the layer has files of the interpreter, and so changes with each of its releases."""
    required_layers: tuple[str, ...] | None = None
    """Install targets of the frameworks in import order; None only for a runtime."""
    app_launch_module: str | None = None
    """Set only for an application."""
    app_launch_module_hash: str | None = None
    app_support_modules: tuple[ModuleHash, ...] = ()
    lock_choices: LockChoices = NO_CHOICES
    """What the layer's lock was made with beside its requirements."""
    shared_libraries: LibraryReport = NOTHING_FOUND
    """The report on the layer's binaries."""
    chosen_files: tuple[ChosenFiles, ...] = ()
    """Of the distributions for which fields choose files; sorted by name."""
    stripped_interpreter: tuple[str, ...] = ()
    """The parts of the interpreter that a runtime leaves out."""
    built_wheels: tuple[BuiltWheelHash, ...] = ()
    byte_code: str | None = None
    """Who makes the byte code, unless post-installation does."""
    sealed: bool = False
    """Whether the layer runs as it was unpacked."""

    def to_dict(self) -> dict[str, Any]:
        """As in the file, without keys that the layer does not need."""
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
        if choices := self.lock_choices.to_dict():
            data["lock_choices"] = choices
        if libraries := self.shared_libraries.to_dict():
            data["shared_libraries"] = libraries
        excluded = {found.distribution: found for found in self.chosen_files if found.excluded}
        if excluded:
            data["excluded_files"] = {name: found.to_dict() for name, found in excluded.items()}
        if self.stripped_interpreter:
            data["stripped_interpreter"] = list(self.stripped_interpreter)
        if self.built_wheels:
            data["built_wheels"] = [
                {"name": wheel.name, "hash": wheel.hash} for wheel in self.built_wheels
            ]
        return {**data, **self._byte_code()}

    def _byte_code(self) -> dict[str, Any]:
        found: dict[str, Any] = {}
        if self.byte_code is not None:
            found["byte_code"] = self.byte_code
        if self.sealed:
            found["sealed"] = True
        return found

    def to_export_dict(self) -> dict[str, Any]:
        """As in the file of an exported layer, which has no archive and stays on this machine."""
        data = self.to_dict()
        del data["target_platform"]
        return data


def archive_metadata(
    layer: Mapping[str, Any], *, archive_name: str, size: int, sha256: str
) -> dict[str, Any]:
    """The metadata of a layer that lies beside its archive, as in the file.

    `layer` is that of the layer alone, which :meth:`LayerMetadata.to_dict` gives.
    """
    return {
        **layer,
        "archive_name": archive_name,
        "archive_size": size,
        "archive_hashes": {"sha256": sha256},
        "archive_build": ARCHIVE_BUILD,
    }
