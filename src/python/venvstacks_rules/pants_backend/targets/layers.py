"""The targets: ``venvstacks_runtime``, ``venvstacks_framework``, ``venvstacks_application``."""

from __future__ import annotations

from typing import ClassVar

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    DictStringToStringField,
    Field,
    IntField,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.platforms.libc import DEFAULT_LINUX_TARGET
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend.targets.lock_fields import LOCK_FIELDS
from venvstacks_rules.pants_backend.targets.source_fields import (
    FrameworkLockfileField,
    OwnedLaunchModuleField,
    RuntimeLockfileField,
    SupportModulesField,
)


class LayerDependenciesField(Dependencies):
    """Edges that the layer's own fields do not give."""


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
        The interpreter: `cpython@X.Y.Z`, for example `cpython@3.11.13`; with a `t` at the end,
        `cpython@3.14.0t`, the free-threaded build. With
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
        (`python/bin/python3`, ..., and `python/python.exe`, ... for Windows):
        `{"linux_x86_64": ":cpython-linux"}`. A `file` target can name a URL, by
        `source=http_source(...)`.
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
    """The C library to run on, and its oldest version."""

    alias = "linux_target"
    help = softwrap(
        f"""
        The C library that the layer must run on, on Linux: `glibc@X.Y` or `musl@X.Y`. By default
        that of the layer below, and `{DEFAULT_LINUX_TARGET}` for a runtime.
        """
    )


class MacosxTargetField(StringField):
    """The oldest macOS to run on."""

    alias = "macosx_target"
    help = softwrap(
        """
        The oldest macOS that the layer must run on: `X.Y`. By default that of the layer below, and
        `[venvstacks].macosx_target` for a runtime.
        """
    )


class DynlibExcludeField(StringSequenceField):
    """Shared libraries that are not offered to the layers above."""

    alias = "dynlib_exclude"
    default = ()
    help = softwrap(
        """
        Globs of shared libraries that are not linked into `share/venv/dynlib`, and of binaries that
        are not warned about if they miss one. They are matched against the end of the path:
        `["torch/lib/libshm*.so"]`.
        """
    )


class ArchiveFormatField(StringField):
    """The format of a layer's archive."""

    alias = "archive_format"
    valid_choices = tuple(ARCHIVE_FORMATS)
    help = softwrap(
        """
        The format of the layer's archives for Linux and macOS. By default
        `[venvstacks].archive_format`.
        """
    )


class WindowsArchiveFormatField(StringField):
    """The format of a layer's archive for Windows."""

    alias = "windows_archive_format"
    valid_choices = tuple(ARCHIVE_FORMATS)
    help = softwrap(
        """
        The format of the layer's archives for Windows. By default
        `[venvstacks].windows_archive_format`.
        """
    )


class CompressionLevelField(IntField):
    """How hard an archive is compressed."""

    alias = "compression_level"
    help = softwrap(
        """
        The compression level, in the scale of the archive format for Linux and macOS (zstd 1 to 19,
        xz 0 to 6, gzip and zip 1 to 9); for Windows it counts where the format is the same. By
        default `[venvstacks].compression_level`.
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


COMMON_FIELDS = (
    *COMMON_TARGET_FIELDS,
    LayerDependenciesField,
    RequirementsField,
    PlatformsField,
    LinuxTargetField,
    MacosxTargetField,
    DynlibExcludeField,
    ArchiveFormatField,
    WindowsArchiveFormatField,
    CompressionLevelField,
    LayerOutputPathField,
    *LOCK_FIELDS,
)


RUNTIME_FIELDS = (*COMMON_FIELDS, PythonImplementationField, PythonArchivesField)
FRAMEWORK_FIELDS = (*COMMON_FIELDS, RuntimeField, FrameworksField)
APPLICATION_FIELDS = (*COMMON_FIELDS, RuntimeField, FrameworksField, SupportModulesField)
"""What a layer has in a BUILD file and in a stack file alike."""


class VenvstacksRuntime(Target):
    """A runtime layer."""

    alias = "venvstacks_runtime"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*RUNTIME_FIELDS, RuntimeLockfileField)
    help = softwrap(
        """
        A runtime layer: a CPython interpreter, and maybe packages that everything above shares.
        """
    )


class VenvstacksFramework(Target):
    """A framework layer."""

    alias = "venvstacks_framework"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*FRAMEWORK_FIELDS, FrameworkLockfileField)
    help = softwrap(
        """
        A framework layer: large packages that several applications share, on a runtime or on other
        frameworks.
        """
    )


class VenvstacksApplication(Target):
    """An application layer."""

    alias = "venvstacks_application"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*APPLICATION_FIELDS, OwnedLaunchModuleField)
    help = softwrap(
        """
        An application layer: the code that is launched, and what only it needs.
        """
    )
