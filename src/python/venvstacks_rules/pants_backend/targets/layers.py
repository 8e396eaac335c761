"""The layers: ``venvstacks_runtime``, ``venvstacks_framework``, ``venvstacks_application``."""

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
from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.build_fields import BUILD_FIELDS
from venvstacks_rules.pants_backend.targets.lock_fields import LOCK_FIELDS
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields
from venvstacks_rules.pants_backend.targets.publish_fields import PUBLISH_FIELDS
from venvstacks_rules.pants_backend.targets.requirement_fields import REQUIREMENT_FIELDS
from venvstacks_rules.pants_backend.targets.shipping_fields import (
    ByteCodeField,
    ExcludeFilesField,
    IncludeScriptsField,
    SealedField,
    StripInterpreterField,
)
from venvstacks_rules.pants_backend.targets.size_fields import SIZE_FIELDS
from venvstacks_rules.pants_backend.targets.skip_fields import (
    SkipImportCheckField,
    SkipLockCheckField,
    SkipTestsField,
)
from venvstacks_rules.pants_backend.targets.source_fields import (
    ClientModuleField,
    FrameworkLockfileField,
    OwnedLaunchModuleField,
    RuntimeLockfileField,
    SupportModulesField,
)


class LayerDependenciesField(Dependencies):
    """The targets whose code a layer has."""

    supports_transitive_excludes = True
    help = softwrap(
        """
        The first-party code of the layer: `python_sources`, `resources`, `files`, and targets that
        generate such code. The layer has their files, and those of everything that they depend on,
        below its site-packages, by source root: `src/python/acme/util.py` is there as
        `acme/util.py`. Tests and packages (`pex_binary`, ...) are left out, and so is what a layer
        below has. A `python_distribution` that the field names is a package of the layer instead:
        Pants builds its wheel, and the lock has what it requires. Pants infers what a launch module
        imports if a `python_sources` target owns it.
        """
    )


class RequirementsField(StringSequenceField):
    """The requirements of a layer."""

    alias = "requirements"
    default = ()
    help = softwrap(
        """
        The requirements of the layer (PEP 508), for example `["scikit-learn>=1.5"]`. They may name
        packages that a layer below provides already; these are not installed again. An entry can
        be the address of a `python_requirement` target, or of a target that generates some, and
        stands for all their requirements: `["3rdparty:reqs#click", "requests>=2"]`. An entry is an
        address if the first character that cannot be part of a package's name is `/`, `:` or `#`.

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
        The interpreter: `cpython@X.Y.Z`, for example `cpython@3.11.13`. A `t` at the end,
        `cpython@3.14.0t`, selects the free-threaded build. `cpython@X.Y` leaves the patch release
        open: with `[venvstacks].python_provider = "pbs"` the first lock takes the newest one that
        there is for all platforms, and names it; with `"local"` a build takes the newest one that
        is installed on the machine.
        """
    )


class PythonArchivesField(DictStringToStringField):
    """The interpreter archives of a runtime."""

    alias = "python_archives"
    help = softwrap(
        """
        The interpreter archives, for `[venvstacks].python_provider = "archive"`: for each platform
        the address of a `file` target, as in `{"linux_x86_64": ":cpython-linux"}`. An archive has
        the layout of python-build-standalone's `install_only` archives (`python/bin/python3`, ...,
        and `python/python.exe`, ... for Windows). A `file` target can name a URL, with
        `source=http_source(...)`.
        """
    )


class RuntimeField(StringField):
    """The runtime that a layer is built on directly."""

    alias = "runtime"
    help = softwrap(
        """
        The address of the `venvstacks_runtime` that the layer is built on. Set either this or
        `frameworks`.
        """
    )


class FrameworksField(StringSequenceField):
    """The frameworks that a layer is built on."""

    alias = "frameworks"
    default = ()
    help = softwrap(
        """
        The addresses of the `venvstacks_framework` targets that the layer is built on. They must
        share one runtime. Their order is the import order; the frameworks below them follow (C3
        linearization), and the runtime comes last. Set either this or `runtime`.
        """
    )


class PlatformsField(StringSequenceField):
    """The platforms that a layer is locked and built for."""

    alias = "platforms"
    help = softwrap(
        f"""
        The platforms that the layer is locked for and can be built for, out of
        {", ".join(f"`{name}`" for name in PLATFORMS)}. The default is all platforms of the layers
        below, and for a runtime all platforms. A layer can only narrow the platforms of the layers
        below it.
        """
    )


class LinuxTargetField(StringField):
    """The C library that a layer runs on, and its oldest version."""

    alias = "linux_target"
    help = softwrap(
        f"""
        The C library that the layer must run on, on Linux: `glibc@X.Y` or `musl@X.Y`. The default
        is that of the layer below, and for a runtime `{DEFAULT_LINUX_TARGET}`.
        """
    )


class MacosxTargetField(StringField):
    """The oldest macOS that a layer runs on."""

    alias = "macosx_target"
    help = softwrap(
        """
        The oldest macOS that the layer must run on: `X.Y`. The default is that of the layer below,
        and for a runtime `[venvstacks].macosx_target`.
        """
    )


class DynlibExcludeField(StringSequenceField):
    """Shared libraries that the layers above cannot load."""

    alias = "dynlib_exclude"
    default = ()
    help = softwrap(
        """
        Globs of shared libraries to leave out of `share/venv/dynlib`. `package` does not warn about
        libraries that the excluded binaries lack. A glob matches the end of a path:
        `["torch/lib/libshm*.so"]`.
        """
    )


class ConsoleScriptsField(StringSequenceField):
    """The commands of a layer."""

    alias = "console_scripts"
    default = ()
    help = softwrap(
        """
        The names of commands that the packages of the layer, or of the layers below, define as
        console scripts: `["uvicorn"]`. The layer has them beside its interpreter, as `bin/uvicorn`,
        and on Windows as `Scripts\\uvicorn.exe`.
        """
    )


class AcceptedLibrariesField(StringSequenceField):
    """Missing libraries that are accepted."""

    alias = "accepted_libraries"
    default = ()
    help = softwrap(
        """
        Shared libraries that binaries of the layer need and that neither packages nor all machines
        provide: `package` does not warn about them. An entry is a glob for the end of a library's
        name, `libpq.so.*`; `desktop` stands for what Linux machines with a desktop provide, for
        layers that run only there.
        """
    )


class ArchiveFormatField(StringField):
    """The format of a layer's archive."""

    alias = "archive_format"
    valid_choices = tuple(ARCHIVE_FORMATS)
    help = softwrap(
        """
        The format of the layer's archives for Linux and macOS. The default is
        `[venvstacks].archive_format`.
        """
    )


class WindowsArchiveFormatField(StringField):
    """The format of a layer's archive for Windows."""

    alias = "windows_archive_format"
    valid_choices = tuple(ARCHIVE_FORMATS)
    help = softwrap(
        """
        The format of the layer's archives for Windows. The default is
        `[venvstacks].windows_archive_format`.
        """
    )


class CompressionLevelField(IntField):
    """How hard an archive is compressed."""

    alias = "compression_level"
    help = softwrap(
        f"""
        The compression level, in the scale of the archive format for Linux and macOS
        ({", ".join(f"`{name}` {known.levels}" for name, known in ARCHIVE_FORMATS.items())}). An
        archive for Windows has this level only if it has the same format. The default is
        `[venvstacks].compression_level`.
        """
    )


class LayerOutputPathField(StringField):
    """The folder of a layer's outputs."""

    alias = "output_path"
    help = softwrap(
        """
        The folder below `dist` for the layer's archive and metadata. The default is the path of the
        BUILD file's folder with dots instead of slashes, and the platform:
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
    ConsoleScriptsField,
    AcceptedLibrariesField,
    ArchiveFormatField,
    WindowsArchiveFormatField,
    CompressionLevelField,
    LayerOutputPathField,
    EnvironmentField,
    SkipLockCheckField,
    SkipImportCheckField,
    ExcludeFilesField,
    IncludeScriptsField,
    ByteCodeField,
    SealedField,
    *LOCK_FIELDS,
    *SIZE_FIELDS,
    *PUBLISH_FIELDS,
    *REQUIREMENT_FIELDS,
    *BUILD_FIELDS,
)


RUNTIME_FIELDS = (
    *COMMON_FIELDS,
    PythonImplementationField,
    PythonArchivesField,
    StripInterpreterField,
)
FRAMEWORK_FIELDS = (*COMMON_FIELDS, RuntimeField, FrameworksField)
APPLICATION_FIELDS = (
    *COMMON_FIELDS,
    RuntimeField,
    FrameworksField,
    SupportModulesField,
    SkipTestsField,
)
"""The fields that a target has whether a BUILD file or a stack file defines the layer."""


CLIENT_FIELDS = (*COMMON_FIELDS, RuntimeField, FrameworksField, SkipTestsField)
"""The fields of a layer with the client, beside the one that owns its files."""


class VenvstacksRuntime(NamesMisspeltFields, Target):
    """A runtime layer."""

    alias = "venvstacks_runtime"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*RUNTIME_FIELDS, RuntimeLockfileField)
    help = softwrap(
        """
        A runtime layer: a CPython interpreter, and packages, if any, that all layers above share.
        """
    )


class VenvstacksFramework(NamesMisspeltFields, Target):
    """A framework layer."""

    alias = "venvstacks_framework"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*FRAMEWORK_FIELDS, FrameworkLockfileField)
    help = softwrap(
        """
        A framework layer: large packages that several applications share, on a runtime or on other
        frameworks.
        """
    )


class VenvstacksApplication(NamesMisspeltFields, Target):
    """An application layer."""

    alias = "venvstacks_application"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*APPLICATION_FIELDS, OwnedLaunchModuleField)
    help = softwrap(
        """
        An application layer: the code to launch, and the packages that only this code needs.
        """
    )


class VenvstacksClient(NamesMisspeltFields, Target):
    """An application layer with the client."""

    alias = "venvstacks_client"
    core_fields: ClassVar[tuple[type[Field], ...]] = (*CLIENT_FIELDS, ClientModuleField)
    help = softwrap(
        """
        An application layer with `venvstacks-deploy`, the client that installs and updates
        applications. The plugin brings its code, so that both have one version; the lock of the
        layer has what it needs. It is published, installed and updated like any application.
        """
    )
