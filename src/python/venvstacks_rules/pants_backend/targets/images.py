"""The target ``venvstacks_image``: an application as a container image.

Fields are called as those of `docker_image` where it has them, and otherwise as those of Bazel's
rules for images.
"""

from __future__ import annotations

from typing import ClassVar

from pants.core.goals.package import OutputPathField
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    BoolField,
    Dependencies,
    DictStringToStringField,
    Field,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap

from venvstacks_rules.model.images.documents import ARCHIVE_FORMATS, GZIP
from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields
from venvstacks_rules.pants_backend.targets.source_fields import PackagedField


class ImageDependenciesField(Dependencies):
    """Edges of the build graph beside those that `application` and `base` give."""


class ImageApplicationField(StringField, PackagedField):
    """The application of an image."""

    alias = "application"
    required = True
    value: str
    help = softwrap(
        """
        The address of the application that the image starts. The layers below it belong to the
        image too. Each of them is one layer of the image, the same in all images that have it.
        """
    )


class ImageBaseField(StringField):
    """The image below the layers."""

    alias = "base"
    help = softwrap(
        """
        The image below the layers, for the C library that the interpreter needs, certificates, and
        a shell. Either `name@sha256:...` of a registry, as in
        `debian@sha256:3f1d...` or `registry.example.com/base@sha256:3f1d...`: the digest of a
        manifest, or of an index if the image is for several platforms. Or the address of a target
        with the files of a folder in OCI layout, as `skopeo copy docker://debian:bookworm-slim
        oci:base` writes it. Without a base, the image has the layers and nothing else, as
        `FROM scratch`.
        """
    )


class ImagePlatformsField(StringSequenceField):
    """The platforms of an image."""

    alias = "platforms"
    help = softwrap(
        """
        The platforms of the image: `linux_x86_64`, `linux_aarch64`, or both. The default are those
        for Linux of its layers. `[venvstacks].platforms` says for which of them this run builds; an
        image for several has an index.
        """
    )


class ImageCompressionField(StringField):
    """How the layers are compressed."""

    alias = "compression"
    default = GZIP
    value: str
    valid_choices = tuple(ARCHIVE_FORMATS)
    help = softwrap(
        """
        How the layers of the image are compressed. All tools read `gzip`. `zstd` is smaller and
        faster; docker since 23, containerd, podman and skopeo read it, umoci 0.4 and AWS Lambda do
        not. With it, a layer with `sealed = True` whose archive is a `tar.zst` is in the image with
        the archive's own bytes.
        """
    )


class ImageEntrypointField(StringSequenceField):
    """What an image starts."""

    alias = "entrypoint"
    help = softwrap(
        """
        The program that the image starts, and arguments. The default starts the launch module of
        the application, as `run` does.
        """
    )


class ImageCmdField(StringSequenceField):
    """Default arguments of the entrypoint."""

    alias = "cmd"
    help = softwrap(
        """
        Arguments for the entrypoint, which others take the place of when a container is started
        with arguments.
        """
    )


class ImageEnvironmentVariablesField(DictStringToStringField):
    """The environment variables of an image."""

    alias = "env"
    help = softwrap(
        """
        Environment variables of the application, added to those of the base. They are readable by
        all who have the image: no place for credentials.
        """
    )


class ImageUserField(StringField):
    """The user of an image."""

    alias = "user"
    help = softwrap(
        """
        The user that the application runs as, as in `nobody`, `1000` or `1000:1000`. A name has to
        be one of the base. The default is that of the base. Everyone can read the layers.
        """
    )


class ImageWorkdirField(StringField):
    """The working directory of an image."""

    alias = "workdir"
    help = "The working directory of the application. The default is that of the base."


class ImageLabelsField(DictStringToStringField):
    """The labels of an image."""

    alias = "image_labels"
    help = softwrap(
        """
        Labels of the image, as in `{"org.opencontainers.image.source": "https://..."}`. None is set
        by itself: a label with a time or a commit changes the image.
        """
    )


class ImageExposedPortsField(StringSequenceField):
    """The ports of an image."""

    alias = "exposed_ports"
    help = "The ports that the application listens at, as in `8000` or `8000/udp`."


class ImageRegistriesField(StringSequenceField):
    """The registries of an image."""

    alias = "registries"
    help = softwrap(
        """
        The registries that `publish` pushes the image to: `registry.example.com`,
        `registry.example.com:5000`; or `@` and a name of `[venvstacks].repositories` whose URL is
        `oci://host/name`: the image goes below that name. Without any, `publish` skips the target.
        """
    )


class ImageRepositoryField(StringField):
    """The name of an image."""

    alias = "repository"
    help = softwrap(
        """
        The name of the image in a registry, as in `example/classify`. The default is the name of
        the target.
        """
    )


class ImageTagsField(StringSequenceField):
    """The tags of an image."""

    alias = "image_tags"
    default = ("latest",)
    value: tuple[str, ...]
    help = softwrap(
        """
        The tags that `publish` moves to the image, and that `package` calls it by.
        `env("VERSION")` takes one from the environment.
        """
    )


class SkipPushField(BoolField):
    """Whether ``publish`` leaves an image out."""

    alias = "skip_push"
    default = False
    help = "If true, `publish` skips the target."


class ImageOutputPathField(OutputPathField):
    """The folder of an image."""

    help = softwrap(
        """
        The folder below `dist` for the image. The default is the path of the BUILD file's folder
        with dots instead of slashes, and the name of the target with `.oci`:
        `src.assistant/image.oci`.
        """
    )


class VenvstacksImage(NamesMisspeltFields, Target):
    """An application as a container image."""

    alias = "venvstacks_image"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        ImageDependenciesField,
        ImageApplicationField,
        ImageBaseField,
        ImagePlatformsField,
        ImageCompressionField,
        ImageEntrypointField,
        ImageCmdField,
        ImageEnvironmentVariablesField,
        ImageUserField,
        ImageWorkdirField,
        ImageLabelsField,
        ImageExposedPortsField,
        ImageRegistriesField,
        ImageRepositoryField,
        ImageTagsField,
        SkipPushField,
        ImageOutputPathField,
        EnvironmentField,
    )
    help = softwrap(
        """
        An application and the layers below it as a container image. `package` writes it as a folder
        in OCI layout, `publish` pushes it to registries; neither needs a daemon. The same inputs
        give the same image on every machine.
        """
    )
