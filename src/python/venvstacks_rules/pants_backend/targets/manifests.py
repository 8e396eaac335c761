"""The target ``venvstacks_manifest``: what is published beside the archives of a stack."""

from __future__ import annotations

from typing import ClassVar

from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    Field,
    StringField,
    StringSequenceField,
    Target,
)
from pants.util.strutil import softwrap


class ManifestDependenciesField(Dependencies):
    """Edges that the `layers` do not give."""


class ManifestLayersField(StringSequenceField):
    """The layers of a stack."""

    alias = "layers"
    required = True
    value: tuple[str, ...]
    help = softwrap(
        """
        The addresses of the layers of the stack. The manifest lists the layers of each kind in this
        order. Layers that these lie on belong to the stack whether they are listed or not.
        """
    )


class ManifestOutputPathField(StringField):
    """The folder of a stack's outputs."""

    alias = "output_path"
    help = softwrap(
        """
        The folder below `dist` for the manifest, with the archives of all layers. By default, the
        path of the BUILD file's folder with dots for slashes, and the platform:
        `src.assistant/linux_x86_64`.
        """
    )


class VenvstacksManifest(Target):
    """The manifest of a stack."""

    alias = "venvstacks_manifest"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        ManifestDependenciesField,
        ManifestLayersField,
        ManifestOutputPathField,
    )
    help = softwrap(
        """
        The layers that are published together, and the files that say so: a manifest of them all
        and the metadata of each, in the folder `__venvstacks__` beside the archives.
        """
    )
