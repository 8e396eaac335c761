"""The target ``venvstacks_bundle``: applications in one file that installs them."""

from __future__ import annotations

from typing import ClassVar

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    Dependencies,
    Field,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.requests.bundle import SCRIPT
from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields
from venvstacks_rules.pants_backend.targets.source_fields import PackagedField


class BundleDependenciesField(Dependencies):
    """Edges of the build graph beside those that the other fields give."""


class BundleApplicationsField(StringSequenceField, PackagedField):
    """The applications that an installer brings."""

    alias = "applications"
    required = True
    value: tuple[str, ...]
    help = softwrap(
        """
        The addresses of the applications to install. The layers below them come along.
        """
    )


class BundleClientField(StringField):
    """The client that an installer starts."""

    alias = "client"
    required = True
    value: str
    help = softwrap(
        """
        The address of a `venvstacks_client`. An installer starts with it, and leaves it beside what
        it installed. It costs least on the runtime of the applications.
        """
    )


class BundleReleaseField(StringField):
    """The release that an installer brings."""

    alias = "release"
    help = softwrap(
        """
        The address of a `venvstacks_release` that has the applications. The installation then has
        its name and its version, as if it had come from the repository. Without a release, the
        content decides the version.
        """
    )


class BundleRepositoryField(StringField):
    """Where updates come from."""

    alias = "repository"
    help = softwrap(
        """
        The repository that updates come from: a name of the option `[venvstacks].repositories`, or
        a URL, as the users' machines reach it. It needs a `release`, and either `root` or
        `allow_unsigned`. Without a repository, a newer installer is the update.
        """
    )


class BundleChannelField(StringField):
    """The channel of updates."""

    alias = "channel"
    help = softwrap(
        """
        The channel that updates follow. The default is that of the release, or `stable`.
        """
    )


class BundleRootField(StringField):
    """Whose signatures are believed."""

    alias = "root"
    help = softwrap(
        """
        The file of the root that updates are verified with, relative to the BUILD file: a
        `trust/<number>.root.json` of the repository.
        """
    )


class BundleAllowUnsignedField(BoolField):
    """Whether a repository without signatures is believed."""

    alias = "allow_unsigned"
    default = False
    help = softwrap(
        """
        If true, updates come from a repository without signatures: whoever can change it decides
        what runs on the users' machines.
        """
    )


class BundleWheelsField(BoolField):
    """Whether an installer has wheels."""

    alias = "wheels"
    default = False
    help = softwrap(
        """
        If true, an installer has the wheels of the lockfiles as they were fetched, in place of the
        segments that were made of them. The files of segments are made of them where it is
        installed, and are the same.
        """
    )


class BundleMacosxFormatsField(StringSequenceField):
    """What an installer for macOS is."""

    alias = "macosx_formats"
    default = (SCRIPT,)
    value: tuple[str, ...]
    help = softwrap(
        """
        What is made for macOS, one file each: `sh`, a shell script; `app`, an application folder
        that installs what it brings when it is started, in an archive; `pkg`, a package for the
        installer of macOS. They are not signed.
        """
    )


class BundleMacosxIdentifierField(StringField):
    """What macOS calls the application."""

    alias = "macosx_identifier"
    help = softwrap(
        """
        What macOS calls an application folder or a package, as in `com.example.hello`. `app` and
        `pkg` need it.
        """
    )


class BundleOutputPathField(StringField):
    """The folder of installers."""

    alias = "output_path"
    help = softwrap(
        """
        The folder below `dist` for the installers. The default is the path of the BUILD file's
        folder with dots instead of slashes: `src.assistant`. Variants by `parametrize` have a
        folder each in it.
        """
    )


class VenvstacksBundle(NamesMisspeltFields, Target):
    """Installers of applications."""

    alias = "venvstacks_bundle"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        BundleDependenciesField,
        BundleApplicationsField,
        BundleClientField,
        BundleReleaseField,
        BundleRepositoryField,
        BundleChannelField,
        BundleRootField,
        BundleAllowUnsignedField,
        BundleWheelsField,
        BundleMacosxFormatsField,
        BundleMacosxIdentifierField,
        BundleOutputPathField,
        EnvironmentField,
    )
    help = softwrap(
        """
        Installers of applications, one file for each platform: a shell script with the layers for
        Linux and macOS, a zip archive with a PowerShell script for Windows. They need no network,
        and make an installation that updates itself from a channel.
        """
    )
