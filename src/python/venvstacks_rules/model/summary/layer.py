"""The summary of one layer on one target platform."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from packaging.utils import canonicalize_name

from venvstacks_rules.model.contents.segments import INTERPRETER, OWN_FILES
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState, provided_packages
from venvstacks_rules.model.locks.pylock import LockedPackage, LockedWheel, Lockfile
from venvstacks_rules.model.locks.selection import best_wheel
from venvstacks_rules.model.platforms.markers import holds
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform
from venvstacks_rules.model.summary.built import BuiltLayer

HEAVIEST = 10
"""The number of packages in the list of the heaviest."""


@dataclass(frozen=True)
class LockSummary:
    """The state of a layer's lock."""

    state: LockState
    path: str
    """The path of the ``pylock`` file, relative to the build root."""
    version: int = 1
    reasons: tuple[str, ...] = ()
    """Why it is stale or unreadable."""
    remedy: str | None = None
    """The command that makes the lock valid."""
    requirements_hash: str | None = None


@dataclass(frozen=True)
class OwnPackage:
    """A package that the layer itself installs."""

    name: str
    version: str
    wheel: str | None
    """The file name of the wheel for the platform; None if no wheel in the lock fits."""
    wheel_size: int | None
    """None if the lock does not have it."""
    unpacked_size: int | None
    """None if the layer is not built."""
    made: bool = False
    """Whether the wheel is made from sources, so that the lock has none."""


@dataclass(frozen=True)
class SharedPackage:
    """A package that a layer below provides."""

    name: str
    version: str
    layer: str | None
    """The layer_name of the layer that provides it; None if no layer does any more."""


@dataclass(frozen=True)
class InterpreterSummary:
    """The interpreter of a runtime."""

    download_size: int | None
    """The size of the archive that the lock pins; None if it does not pin one."""
    unpacked_size: int | None


@dataclass(frozen=True)
class LayerContext:
    """Facts about a layer apart from its definition."""

    lock: LockSummary
    lockfile: Lockfile | None
    lower: tuple[tuple[Layer, Lockfile | None], ...]
    """The layers below in import order, each with its lock."""
    place: str
    """The folder of the definition, or the address of the target that generated it."""
    description: str | None = None
    built: BuiltLayer | None = None
    notes: tuple[str, ...] = ()
    """Why files in the dist folder do not count."""


@dataclass(frozen=True)
class LayerSummary:
    """One layer on one target platform."""

    layer_name: str
    kind: LayerKind
    address: str
    install_target: str
    place: str
    description: str | None
    python_implementation: str
    launch_module: str | None
    target_platforms: tuple[str, ...]
    offered: bool
    """Whether the layer is for the platform of the summary."""
    lower: tuple[tuple[str, str], ...]
    """The layer_name and the address of each layer below, in import order."""
    lock: LockSummary
    packages: tuple[OwnPackage, ...] = ()
    """By name."""
    shared: tuple[SharedPackage, ...] = ()
    """By name."""
    interpreter: InterpreterSummary | None = None
    own_files_size: int | None = None
    """The unpacked size of the modules and of the files that every layer has."""
    unpacked_size: int | None = None
    archive_name: str | None = None
    archive_size: int | None = None
    excluded_size: int | None = None
    """Of the files of packages that the layer leaves out."""
    documents: tuple[tuple[str, str], ...] = ()
    """What is said of the built layer, and the path of each file, relative to the build root."""
    notes: tuple[str, ...] = field(default=())

    @property
    def is_built(self) -> bool:
        """Whether the sizes of a build are known."""
        return self.unpacked_size is not None

    @property
    def download_size(self) -> int | None:
        """The size of the wheels and of a pinned interpreter; None if the lock lacks a size."""
        if self.lock.requirements_hash is None or not self.offered:
            return None
        sizes = [package.wheel_size for package in self.packages if package.wheel is not None]
        if None in sizes:
            return None
        interpreter = self.interpreter.download_size if self.interpreter else None
        return sum(size or 0 for size in sizes) + (interpreter or 0)

    @property
    def weighed_by(self) -> str:
        """The size that orders the packages: ``unpacked_size`` or ``wheel_size``."""
        return "unpacked_size" if self.is_built else "wheel_size"

    def weight(self, package: OwnPackage) -> int:
        """The size of a package that :attr:`weighed_by` names."""
        size = package.unpacked_size if self.is_built else package.wheel_size
        return size or 0

    @property
    def by_weight(self) -> tuple[OwnPackage, ...]:
        """The layer's own packages, the heaviest first."""
        return tuple(sorted(self.packages, key=lambda p: (-self.weight(p), p.name)))

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "layer_name": self.layer_name,
            "install_target": self.install_target,
            "address": self.address,
            "description": self.description,
            "python_implementation": self.python_implementation,
            "launch_module": self.launch_module,
            "target_platforms": list(self.target_platforms),
            "lower_layers": [
                {"layer_name": name, "address": address} for name, address in self.lower
            ],
            "lock": {
                "state": self.lock.state.value,
                "path": self.lock.path,
                "lock_version": self.lock.version,
                "requirements_hash": self.lock.requirements_hash,
                "reasons": list(self.lock.reasons),
                "remedy": self.lock.remedy,
            },
            "sizes": {
                "download": self.download_size,
                "unpacked": self.unpacked_size,
                "archive": self.archive_size,
                "excluded": self.excluded_size,
                "interpreter_download": self.interpreter and self.interpreter.download_size,
                "interpreter_unpacked": self.interpreter and self.interpreter.unpacked_size,
                "own_files_unpacked": self.own_files_size,
            },
            "archive_name": self.archive_name,
            "documents": dict(self.documents),
            "packages": [
                {
                    "name": package.name,
                    "version": package.version,
                    "wheel": package.wheel,
                    "wheel_size": package.wheel_size,
                    "unpacked_size": package.unpacked_size,
                }
                for package in self.packages
            ],
            "heaviest_packages": {
                "by": self.weighed_by,
                "names": [package.name for package in self.by_weight[:HEAVIEST]],
            },
            "shared_packages": [
                {"name": package.name, "version": package.version, "layer": package.layer}
                for package in self.shared
            ],
            "notes": list(self.notes),
        }


def summarize_layer(layer: Layer, context: LayerContext, platform: TargetPlatform) -> LayerSummary:
    """Summarize `layer` on `platform`."""
    offered = platform in layer.platforms
    lockfile = context.lockfile if offered else None
    built = context.built if offered else None
    locked = _on_platform(lockfile, layer, platform)
    unpacked = dict(built.unpacked_sources) if built else {}
    return LayerSummary(
        layer_name=layer.layer_name,
        kind=layer.kind,
        address=layer.address,
        install_target=layer.install_target(context.lock.version),
        place=context.place,
        description=context.description,
        python_implementation=layer.python_implementation,
        launch_module=layer.launch_module.module_name if layer.launch_module else None,
        target_platforms=tuple(p.name for p in layer.platforms),
        offered=offered,
        lower=tuple((below.layer_name, below.address) for below, _ in context.lower),
        lock=context.lock,
        packages=_own_packages(locked, layer, platform, unpacked if built else None),
        shared=_shared_packages(locked, layer, context.lower, platform),
        interpreter=_interpreter(layer, lockfile, platform, unpacked),
        own_files_size=unpacked.get(OWN_FILES),
        unpacked_size=built.unpacked_size if built else None,
        archive_name=built.archive_name if built else None,
        archive_size=built.archive_size if built else None,
        excluded_size=built.excluded_size if built else None,
        documents=built.documents if built else (),
        notes=context.notes,
    )


def _on_platform(
    lockfile: Lockfile | None, layer: Layer, platform: TargetPlatform
) -> tuple[LockedPackage, ...]:
    packages = lockfile.packages if lockfile else ()
    needed = (p for p in packages if holds(p.marker, platform, layer.python_version))
    return tuple(sorted(needed, key=lambda package: (package.name, package.version)))


def _own_packages(
    locked: Sequence[LockedPackage],
    layer: Layer,
    platform: TargetPlatform,
    unpacked: Mapping[str, int] | None,
) -> tuple[OwnPackage, ...]:
    found = []
    for package in locked:
        if package.from_lower_layer:
            continue
        wheel: LockedWheel | None = best_wheel(
            package.wheels,
            platform=platform,
            python_version=layer.python_version,
            linux_target=layer.linux_target,
            macosx_target=layer.macosx_target,
        )
        found.append(
            OwnPackage(
                package.name,
                package.version,
                wheel.file_name if wheel else None,
                (wheel.size or None) if wheel else None,
                _unpacked_size(package, wheel, unpacked),
                made=package.is_built,
            )
        )
    return tuple(found)


def _unpacked_size(
    package: LockedPackage, wheel: LockedWheel | None, unpacked: Mapping[str, int] | None
) -> int | None:
    """Of the segment of the package's wheel, which for one made from sources has some version."""
    if unpacked is None:
        return None
    if wheel is None and package.is_built:
        sizes = [
            size
            for source, size in unpacked.items()
            if source.endswith(".whl") and canonicalize_name(source.split("-")[0]) == package.name
        ]
        return sum(sizes) if sizes else None
    return unpacked.get(wheel.file_name) if wheel else None


def _shared_packages(
    locked: Sequence[LockedPackage],
    layer: Layer,
    lower: Sequence[tuple[Layer, Lockfile | None]],
    platform: TargetPlatform,
) -> tuple[SharedPackage, ...]:
    locks = [(below.layer_name, lock) for below, lock in lower if lock is not None]
    provided = provided_packages(locks, platform, layer.python_version)
    return tuple(
        SharedPackage(package.name, package.version, provided.get(package.name, ("", None))[1])
        for package in locked
        if package.from_lower_layer
    )


def _interpreter(
    layer: Layer, lockfile: Lockfile | None, platform: TargetPlatform, unpacked: Mapping[str, int]
) -> InterpreterSummary | None:
    if layer.kind is not LayerKind.RUNTIME:
        return None
    pinned = {i.platform: i.size for i in (lockfile.interpreters if lockfile else ())}
    return InterpreterSummary(pinned.get(platform.name), unpacked.get(INTERPRETER))
