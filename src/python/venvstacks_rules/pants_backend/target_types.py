"""The targets: ``venvstacks_runtime``, ``venvstacks_framework``, ``venvstacks_application``."""

from __future__ import annotations

from typing import ClassVar, Optional

from pants.engine.addresses import Address
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    IntField,
    InvalidFieldException,
    InvalidFieldTypeException,
    SourcesField,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.names import LayerKind, layer_name, lockfile_path
from venvstacks_rules.model.platforms import (
    DEFAULT_LINUX_TARGET,
    DEFAULT_MACOSX_TARGET,
    PLATFORMS,
)
from venvstacks_rules.pants_backend.lock_fields import LOCK_FIELDS


class LayerDependenciesField(Dependencies):
    """Edges that the layer's own fields do not give."""


class LayerSourcesField(SourcesField):
    """The files that a layer owns: its lockfile, and the modules of an application.

    Pants lets a target own files by one field only, so the lockfile is listed here as well; this
    is what makes ``--changed-since`` see it.
    """

    uses_source_roots = False
    layer_kind: ClassVar[LayerKind]

    @property
    def layer_name(self) -> str:
        """The kind-prefixed name of the layer."""
        return layer_name(self.layer_kind, layer_base_name(self))

    @property
    def lockfile(self) -> str:
        """The path of the ``pylock`` file, relative to the BUILD file."""
        return str(lockfile_path(self.layer_name))

    @property
    def globs(self) -> tuple[str, ...]:
        """The raw globs, relative to the BUILD file."""
        return (self.lockfile,)


def layer_base_name(field: SourcesField) -> str:
    """A layer's own name: that of its target."""
    return field.address.generated_name or field.address.target_name


class LockfileField(LayerSourcesField):
    """The files of a runtime or framework layer: its lockfile."""

    alias = "lockfile"
    help = softwrap(
        """
        The layer's lockfile. It lies beside the BUILD file, at
        `requirements/<layer_name>/pylock.<layer_name>.toml`, and cannot be placed elsewhere; leave
        this field alone.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: Optional[str], address: Address) -> None:
        """Refuse any value: the place is part of the format."""
        value = super().compute_value(raw_value, address)
        if value is not None:
            raise InvalidFieldException(
                f"The `lockfile` field in target {address} cannot be set: the lockfile of a layer "
                "has a fixed place. Remove the field."
            )


class RuntimeLockfileField(LockfileField):
    """The files of a runtime layer."""

    layer_kind = LayerKind.RUNTIME


class FrameworkLockfileField(LockfileField):
    """The files of a framework layer."""

    layer_kind = LayerKind.FRAMEWORK


class LaunchModuleField(LayerSourcesField):
    """The module that an application is started with."""

    alias = "launch_module"
    required = True
    value: str
    layer_kind = LayerKind.APPLICATION
    help = softwrap(
        """
        The module to start the application with: a `.py` file, or a package directory with a
        `__main__.py`, relative to the BUILD file. It is copied into the layer's site-packages,
        without its folders, and run as `python -m`.
        """
    )

    @classmethod
    def compute_value(cls, raw_value: Optional[str], address: Address) -> str:
        """Check the type, and drop the slash after a directory."""
        value = super().compute_value(raw_value, address)
        if not isinstance(value, str):
            raise InvalidFieldTypeException(
                address,
                cls.alias,
                raw_value,
                expected_type="a string",
            )
        return value.rstrip("/")

    @property
    def globs(self) -> tuple[str, ...]:
        """The module's files and the lockfile."""
        return (*module_globs(self.value), self.lockfile)


def module_globs(path: str) -> tuple[str, ...]:
    """What a launch or support module consists of; byte code is never part of it."""
    if path.endswith(".py"):
        return (path,)
    return (f"{path}/**", f"!{path}/**/__pycache__/**", f"!{path}/**/*.pyc")


class SupportModulesField(StringSequenceField):
    """Further modules of an application."""

    alias = "support_modules"
    default = ()
    help = softwrap(
        """
        Further `.py` files or package directories, relative to the BUILD file, that the launch
        module imports. They are copied into the layer's site-packages as well.
        """
    )


class RequirementsField(StringSequenceField):
    """What a layer declares to need."""

    alias = "requirements"
    default = ()
    help = softwrap(
        """
        The requirements of the layer (PEP 508), for example `["scikit-learn>=1.5"]`. What a lower
        layer provides already may be listed, and is not installed again.

        After a change, run `generate-lockfiles`.
        """
    )


class PythonImplementationField(StringField):
    """The interpreter of a runtime."""

    alias = "python_implementation"
    required = True
    value: str
    help = softwrap(
        """
        The interpreter: `cpython@X.Y.Z`, for example `cpython@3.11.13`. With
        `[venvstacks].python_provider = "local"`, `cpython@X.Y` takes the newest patch release that
        is installed on the machine.
        """
    )


class PythonArchivesField(DictStringToStringField):
    """A runtime's interpreters, from targets."""

    alias = "python_archives"
    help = softwrap(
        """
        For `[venvstacks].python_provider = "archive"`: a `file` target for each platform, with an
        interpreter archive in the layout of python-build-standalone's `install_only` archives
        (`python/bin/python3`, ...): `{"linux_x86_64": ":cpython-linux"}`. A `file` target can name
        a URL, by `source=http_source(...)`.
        """
    )


class RuntimeField(StringField):
    """The runtime that a layer lies on directly."""

    alias = "runtime"
    help = softwrap(
        """
        The address of the `venvstacks_runtime` that the layer lies on. Set either this or
        `frameworks`.
        """
    )


class FrameworksField(StringSequenceField):
    """The frameworks that a layer lies on."""

    alias = "frameworks"
    default = ()
    help = softwrap(
        """
        The addresses of the `venvstacks_framework` targets that the layer lies on. They share one
        runtime. The order is the import order; frameworks that these lie on follow (C3
        linearization), and the runtime comes last. Set either this or `runtime`.
        """
    )


class PlatformsField(StringSequenceField):
    """The platforms that a layer is locked and built for."""

    alias = "platforms"
    help = softwrap(
        f"""
        The platforms that the layer is locked and can be built for: some of
        {", ".join(f"`{name}`" for name in PLATFORMS)}. By default, those of the layers below, and
        all of them for a runtime. A layer can only narrow the platforms of the layers below it.
        """
    )


class LinuxTargetField(StringField):
    """The oldest glibc to run on."""

    alias = "linux_target"
    help = softwrap(
        f"""
        The C library that the layer must run on, on Linux: `glibc@X.Y`. By default that of the
        layer below, and `{DEFAULT_LINUX_TARGET}` for a runtime.
        """
    )


class MacosxTargetField(StringField):
    """The oldest macOS to run on."""

    alias = "macosx_target"
    help = softwrap(
        f"""
        The oldest macOS that the layer must run on: `X.Y`. By default that of the layer below, and
        `{DEFAULT_MACOSX_TARGET}` for a runtime.
        """
    )


class DynlibExcludeField(StringSequenceField):
    """Shared libraries that are not offered to the layers above."""

    alias = "dynlib_exclude"
    default = ()
    help = softwrap(
        """
        Globs of shared libraries that are not linked into `share/venv/dynlib`, matched against the
        end of the path: `["torch/lib/libshm*.so"]`.
        """
    )


class ArchiveFormatField(StringField):
    """The format of a layer's archive."""

    alias = "archive_format"
    valid_choices = tuple(ARCHIVE_FORMATS)
    help = softwrap(
        """
        The format of the layer's archive. By default `[venvstacks].archive_format`.
        """
    )


class CompressionLevelField(IntField):
    """How hard an archive is compressed."""

    alias = "compression_level"
    help = softwrap(
        """
        The compression level, in the scale of the archive format (zstd 1 to 19, xz 0 to 6, gzip
        1 to 9). By default `[venvstacks].compression_level`.
        """
    )


class LayerOutputPathField(StringField):
    """The folder of a layer's outputs."""

    alias = "output_path"
    help = softwrap(
        """
        The folder below `dist` for the layer's archive and metadata. By default, the path of the
        BUILD file's folder with dots for slashes, and the platform:
        `src.assistant/linux_x86_64`.
        """
    )


_COMMON = (
    *COMMON_TARGET_FIELDS,
    LayerDependenciesField,
    RequirementsField,
    PlatformsField,
    LinuxTargetField,
    MacosxTargetField,
    DynlibExcludeField,
    ArchiveFormatField,
    CompressionLevelField,
    LayerOutputPathField,
    *LOCK_FIELDS,
)


class VenvstacksRuntime(Target):
    """A runtime layer."""

    alias = "venvstacks_runtime"
    core_fields = (*_COMMON, PythonImplementationField, PythonArchivesField, RuntimeLockfileField)
    help = softwrap(
        """
        A runtime layer: a CPython interpreter, and maybe packages that everything above shares.
        """
    )


class VenvstacksFramework(Target):
    """A framework layer."""

    alias = "venvstacks_framework"
    core_fields = (*_COMMON, RuntimeField, FrameworksField, FrameworkLockfileField)
    help = softwrap(
        """
        A framework layer: large packages that several applications share, on a runtime or on other
        frameworks.
        """
    )


class VenvstacksApplication(Target):
    """An application layer."""

    alias = "venvstacks_application"
    core_fields = (
        *_COMMON,
        RuntimeField,
        FrameworksField,
        LaunchModuleField,
        SupportModulesField,
    )
    help = softwrap(
        """
        An application layer: the code that is launched, and what only it needs.
        """
    )
