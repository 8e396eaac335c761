"""A valid layer: everything that locking and building need of its definition."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.layers.lock_choices import NO_CHOICES, LockChoices
from venvstacks_rules.model.layers.names import LayerKind, layer_name
from venvstacks_rules.model.layers.wheel_globs import WheelGlobs, globs_of
from venvstacks_rules.model.platforms.libc import LinuxTarget, parsed_linux_target
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


@dataclass(frozen=True)
class Layer:
    """A layer that can be locked and built."""

    address: str
    kind: LayerKind
    name: str
    requirements: tuple[str, ...]
    """Its own, and those of the targets that it names or reaches."""
    python_version: str
    """``X.Y.Z``, or ``X.Y`` if the runtime leaves the patch release open."""
    platforms: tuple[TargetPlatform, ...]
    linux_target: str
    macosx_target: str
    lower: tuple[str, ...]
    """The addresses of all layers below, in import order; the runtime's is the last."""
    launch_module: ModuleDefinition | None
    support_modules: tuple[ModuleDefinition, ...]
    dynlib_exclude: tuple[str, ...]
    accepted_libraries: tuple[str, ...] = ()
    """Missing libraries that `package` does not warn about."""
    package_indexes: tuple[tuple[str, str], ...] = ()
    """Normalised distribution name and index name, sorted; includes those of the layers below."""
    priority_indexes: tuple[str, ...] = ()
    local_wheels: tuple[str, ...] = ()
    """Folders with wheels, relative to the folder of the definition."""
    build_from_source: tuple[str, ...] = ()
    """Normalised names of distributions, sorted; includes those of the layers below."""
    declared_sources: tuple[str, ...] = ()
    """Those among them that the layer itself names."""
    versioned: bool = False
    console_scripts: tuple[str, ...] = ()
    """The names of commands that the layer has beside its interpreter."""
    max_archive_size: int | None = None
    """The limit in bytes, if there is one."""
    max_unpacked_size: int | None = None
    """The same for what the archive unpacks to."""
    exclude_files: WheelGlobs = ()
    """Normalised names of distributions, and globs of their files to leave out; sorted."""
    include_scripts: WheelGlobs = ()
    """The same for the names of scripts to keep."""
    strip_interpreter: tuple[str, ...] = ()
    """The parts of the interpreter that the runtime leaves out, sorted."""
    byte_code: str | None = None
    """Who makes the byte code; None for what the option says."""
    sealed: bool = False
    """Whether nothing is written after the layer was unpacked."""
    lock_choices: LockChoices = NO_CHOICES
    """Normalised; includes what the layers below override and leave out."""
    requirement_origins: tuple[tuple[str, str], ...] = ()
    """Of requirements that targets declare: the requirement, and the address of the target."""

    @property
    def has_limits(self) -> bool:
        """Whether its archives may have some sizes only."""
        return self.max_archive_size is not None or self.max_unpacked_size is not None

    @property
    def layer_name(self) -> str:
        """The kind-prefixed name."""
        return layer_name(self.kind, self.name)

    def install_target(self, lock_version: int) -> str:
        """The name of the deployed layer's folder."""
        return f"{self.layer_name}@{lock_version}" if self.versioned else self.layer_name

    def excluded_of(self, wheel: str) -> tuple[str, ...]:
        """The globs of the files to leave out of a wheel, by its file name."""
        return globs_of(self.exclude_files, wheel)

    def scripts_of(self, wheel: str) -> tuple[str, ...]:
        """The globs of the names of the scripts to keep of a wheel, by its file name."""
        return globs_of(self.include_scripts, wheel)

    @property
    def parsed_linux_target(self) -> LinuxTarget:
        """The C library that the layer must run on, on Linux."""
        return parsed_linux_target(self.linux_target)

    @property
    def runtime(self) -> str:
        """The address of the runtime; of the layer itself if it is a runtime."""
        return self.lower[-1] if self.lower else self.address

    @property
    def python_implementation(self) -> str:
        """As declared by the runtime: ``cpython@X.Y[.Z]``."""
        return f"cpython@{self.python_version}"
