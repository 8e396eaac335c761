"""The options of the ``[venvstacks]`` scope."""

from __future__ import annotations

import enum
import re

from pants.option.option_types import (
    BoolOption,
    DictOption,
    EnumOption,
    IntOption,
    SkipOption,
    StrListOption,
    StrOption,
)
from pants.option.subsystem import Subsystem
from pants.util.strutil import softwrap

from venvstacks_rules.model.contents.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.byte_code import DEPLOYED, INCLUDED, NONE
from venvstacks_rules.model.platforms.target_platforms import DEFAULT_MACOSX_TARGET, macosx_version

DEFAULT_BUILDER = "urn:x-venvstacks-rules:builder"
_URI = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:[!-;=?-~]+")


class MissingImports(enum.Enum):
    """What follows where first-party code imports what no layer provides."""

    ERROR = "error"
    WARNING = "warning"
    IGNORE = "ignore"


class PythonProvider(enum.Enum):
    """Where the interpreters of runtime layers come from."""

    PBS = "pbs"
    ARCHIVE = "archive"
    LOCAL = "local"


class ArchiveFormatChoice(enum.Enum):
    """The choices of the options about archive formats."""

    ZST = "tar.zst"
    XZ = "tar.xz"
    GZ = "tar.gz"
    ZIP = "zip"


class ByteCodeChoice(enum.Enum):
    """Who makes the byte code of layers."""

    DEPLOYED = DEPLOYED
    INCLUDED = INCLUDED
    NONE = NONE


assert {choice.value for choice in ArchiveFormatChoice} == set(ARCHIVE_FORMATS)


class VenvstacksSubsystem(Subsystem):
    """Options for all layers."""

    options_scope = "venvstacks"
    name = "venvstacks"
    help = "Layered Python environments: how layers are locked, built and run."
    help_short = help

    skip = SkipOption("test")

    python_provider = EnumOption(
        default=PythonProvider.PBS,
        help=softwrap(
            """
            Where the interpreters of runtime layers come from. `pbs`: python-build-standalone, by
            the URL and hash in the layer's lockfile. `archive`: the `python_archives` field of the
            runtime. `local`: a CPython installed on this machine, made relocatable (Linux only). It
            is less portable than the others; use it without a network, or to try things out.
            """
        ),
    )
    missing_imports = EnumOption(
        default=None,
        enum_type=MissingImports,
        help=softwrap(
            """
            What follows where first-party code imports what neither its layer nor a layer below
            provides: `error`, `warning`, or `ignore`, which compares nothing. Unset: as
            `[python-infer].unowned_dependency_behavior` has it, if that is set, or `error`.
            """
        ),
    )
    python_mirror = StrOption(
        default=None,
        help=softwrap(
            """
            The mirror to fetch the archives of python-build-standalone from, for layers and for the
            actions: a URL that replaces everything before `/<release>/<file name>`. Lockfiles keep
            the original URLs, and pin the hashes as always.
            """
        ),
    )
    platforms = StrListOption(
        default=["native"],
        help=softwrap(
            """
            The target platforms that `package` builds for: `native` (the platform of this machine),
            `all` (the platforms that each layer declares), or names of platforms. Other goals
            ignore this option.
            """
        ),
    )
    archive_format = EnumOption(
        default=ArchiveFormatChoice.ZST,
        help=softwrap(
            """
            The format of layer archives for Linux and macOS, unless the `archive_format` field
            overrides it.
            """
        ),
    )
    windows_archive_format = EnumOption(
        default=ArchiveFormatChoice.ZIP,
        help=softwrap(
            """
            The format of layer archives for Windows, unless the `windows_archive_format` field
            overrides it.
            """
        ),
    )
    compression_level = IntOption(
        default=None,
        help=softwrap(
            """
            The compression level of layer archives, in the scale of `archive_format`, unless the
            `compression_level` field overrides it. Archives in another format have the default
            level of that format. The defaults suit everyday builds.
            """
        ),
    )
    byte_code = EnumOption(
        default=ByteCodeChoice.DEPLOYED,
        help=softwrap(
            """
            Who makes the byte code of layers, unless the `byte_code` field overrides it.
            `deployed`: their `postinstall.py`, where they are deployed. `included`: `package`;
            archives have it. `none`: nobody; Python makes it at the first import, where it may
            write. Sealed layers always include it.
            """
        ),
    )
    verify_builds = BoolOption(
        default=True,
        help=softwrap(
            """
            Whether packages of `build_from_source` are built twice, to say which of them are not
            the same each time. Wheels are built once for all builds that share a cache.
            """
        ),
    )
    macosx_target = StrOption(
        default=DEFAULT_MACOSX_TARGET,
        help=softwrap(
            """
            The oldest macOS that layers must run on, `X.Y`, unless the `macosx_target` field of a
            runtime or the stack file overrides it. To use the compilers' environment variable, set
            `macosx_target = "%(env.MACOSX_DEPLOYMENT_TARGET)s"`.
            """
        ),
    )
    tag_outputs = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether the names of archives, and of the files beside them, include the platform, as in
            `framework-sklearn-linux_x86_64-1.tar.zst`. Then one folder can hold the outputs of
            several platforms.
            """
        ),
    )
    repositories = DictOption[str](
        help=softwrap(
            """
            The repositories that layers are published to: a table of names and URLs, as in
            `{"store": "s3://bucket/layers", "local": "file:///srv/layers"}`. The field
            `repositories` of targets names them. A URL has no credentials: these come from the
            environment, and from the files of the stores' own tools.
            """
        ),
    )
    documents = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether `package` writes an SBOM (CycloneDX) and a provenance statement (in-toto, SLSA)
            beside each archive.
            """
        ),
    )
    builder_id = StrOption(
        default=DEFAULT_BUILDER,
        advanced=True,
        help=softwrap(
            """
            A URI for who builds, in provenance statements: for example that of the pipeline. Who
            verifies a statement compares it with the one that it trusts.
            """
        ),
    )
    uv_config = StrOption(
        default=None,
        help=softwrap(
            """
            A TOML file, relative to the build root, whose `[tool.uv]` table has the settings for
            locking: `index`, `sources`, `exclude-newer`, and so on. Locking ignores uv's own
            configuration files.
            """
        ),
    )
    python_resolve = StrOption(
        default=None,
        help=softwrap(
            """
            The name of a resolve in `[python].resolves` whose lockfile decides the versions and
            hashes of all layers, unless the `python_resolve` field overrides it. The default is
            none: each layer has the versions that its own lock was made with.
            """
        ),
    )
    extra_env_vars = StrListOption(
        default=[
            "ALL_PROXY",
            "HTTP_PROXY",
            "HTTPS_PROXY",
            "NO_PROXY",
            "SSL_CERT_DIR",
            "SSL_CERT_FILE",
            "all_proxy",
            "http_proxy",
            "https_proxy",
            "no_proxy",
        ],
        advanced=True,
        help=softwrap(
            """
            Environment variables for the processes that use the network, which are locking and
            downloads with credentials: `NAME=value`, or `NAME` to take the value from the
            environment of Pants. You need not list the credentials of indexes,
            `UV_INDEX_<NAME>_USERNAME` and `UV_INDEX_<NAME>_PASSWORD`. These variables reach neither
            layers nor caches.
            """
        ),
    )
    verify_layers = BoolOption(
        default=False,
        advanced=True,
        help=softwrap(
            """
            Whether `run`, `test` and `repl` read every file of the deployed layers that they find
            in the cache, and compare its hash. Without it, they compare sizes, times and modes.
            Either way, they make a damaged layer again.
            """
        ),
    )
    tailor = BoolOption(
        default=True,
        advanced=True,
        help=softwrap(
            """
            Whether `tailor` proposes a `venvstacks_stack` target for each `venvstacks.toml` that no
            target owns.
            """
        ),
    )
    tailor_applications = BoolOption(
        default=False,
        advanced=True,
        help=softwrap(
            """
            Whether `tailor` proposes a `venvstacks_application` target for each `__main__.py`, and
            for each file that a `pex_binary` starts, that no application has. The application names
            the runtime or framework of its folder, or else of the repository, if there is only one
            that it could be built on.
            """
        ),
    )

    def byte_code_of(self, chosen: str | None) -> str:
        """Who makes the byte code of a layer whose field is `chosen`."""
        return chosen or str(self.byte_code.value)

    @property
    def checked_builder_id(self) -> str:
        """`builder_id`. Raises DefinitionError if it is not a URI."""
        if _URI.fullmatch(self.builder_id) is None:
            raise DefinitionError(
                "`[venvstacks].builder_id` cannot be used:",
                [
                    f"{self.builder_id!r} is not a URI. Write it as, for example, "
                    "'https://ci.example.com/release'."
                ],
            )
        return str(self.builder_id)

    @property
    def checked_macosx_target(self) -> str:
        """`macosx_target`. Raises DefinitionError if it is not a version of macOS."""
        try:
            macosx_version(self.macosx_target)
        except ValueError as e:
            raise DefinitionError(
                "`[venvstacks].macosx_target` cannot be used:",
                [f"{e}. Write it as, for example, '13.0'."],
            ) from None
        return str(self.macosx_target)
