"""The options of the ``[venvstacks]`` scope."""

from __future__ import annotations

import enum

from pants.option.option_types import (
    BoolOption,
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
from venvstacks_rules.model.platforms.target_platforms import DEFAULT_MACOSX_TARGET, macosx_version


class PythonProvider(enum.Enum):
    """Where the interpreters of runtime layers come from."""

    PBS = "pbs"
    ARCHIVE = "archive"
    LOCAL = "local"


class ArchiveFormatChoice(enum.Enum):
    """The archive formats, for the option."""

    ZST = "tar.zst"
    XZ = "tar.xz"
    GZ = "tar.gz"
    ZIP = "zip"


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
            runtime. `local`: a CPython installed on this machine, made relocatable; for sites
            without a network and for trying things out, as it is less portable than the others.
            """
        ),
    )
    python_mirror = StrOption(
        default=None,
        help=softwrap(
            """
            Where to fetch the archives of python-build-standalone from instead of their own
            server: a URL that takes the place of everything before `/<release>/<file name>`. The
            lockfiles keep the original URLs, and the hashes are checked as always.
            """
        ),
    )
    platforms = StrListOption(
        default=["native"],
        help=softwrap(
            """
            The target platforms that `package` builds for: `native`, the platform of this machine,
            `all`, whatever each layer declares, or names of platforms. Other goals work for this
            machine, whatever is set here.
            """
        ),
    )
    archive_format = EnumOption(
        default=ArchiveFormatChoice.ZST,
        help=softwrap(
            """
            The format of layer archives for Linux and macOS, where the `archive_format` field does
            not say another.
            """
        ),
    )
    windows_archive_format = EnumOption(
        default=ArchiveFormatChoice.ZIP,
        help=softwrap(
            """
            The format of layer archives for Windows, where the `windows_archive_format` field does
            not say another.
            """
        ),
    )
    compression_level = IntOption(
        default=None,
        help=softwrap(
            """
            The compression level of layer archives, in the scale of `archive_format`, where the
            `compression_level` field does not say another. Archives of other formats have their
            format's default level, which is for everyday builds.
            """
        ),
    )
    macosx_target = StrOption(
        default=DEFAULT_MACOSX_TARGET,
        help=softwrap(
            """
            The oldest macOS that layers must run on, `X.Y`, where neither the `macosx_target` field
            of a runtime nor the stack file says another. The environment variable that compilers
            read is taken by `macosx_target = "%(env.MACOSX_DEPLOYMENT_TARGET)s"`.
            """
        ),
    )
    tag_outputs = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether the names of archives and of all files beside them tell the platform, so that
            the outputs of several platforms can be put into one folder:
            `framework-sklearn-linux_x86_64-1.tar.zst`.
            """
        ),
    )
    uv_config = StrOption(
        default=None,
        help=softwrap(
            """
            A TOML file, relative to the build root, whose `[tool.uv]` table has the settings for
            locking: `index`, `sources`, `exclude-newer`, and so on. uv's own configuration files
            are not read.
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
            Environment variables for what uses the network, locking and downloads with
            credentials: `NAME=value`, or `NAME` to take the value from the environment of Pants.
            The variables for credentials of indexes, `UV_INDEX_<NAME>_USERNAME` and
            `UV_INDEX_<NAME>_PASSWORD`, need not be listed. They never reach what is built, nor any
            cache.
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

    @property
    def checked_macosx_target(self) -> str:
        """`macosx_target`, which is a version of macOS."""
        try:
            macosx_version(self.macosx_target)
        except ValueError as e:
            raise DefinitionError(
                "`[venvstacks].macosx_target` cannot be used:",
                [f"{e}. Write it as, for example, '13.0'."],
            ) from None
        return str(self.macosx_target)
