"""The target ``venvstacks_manifest``: a stack, as it is published."""

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

from venvstacks_rules.pants_backend.engine import EnvironmentField
from venvstacks_rules.pants_backend.targets.misspelt_fields import NamesMisspeltFields
from venvstacks_rules.pants_backend.targets.publish_fields import PUBLISH_FIELDS
from venvstacks_rules.pants_backend.targets.source_fields import ApplicationsField, StackPartField


class ManifestDependenciesField(Dependencies):
    """Edges of the build graph beside those that `layers` gives."""


class ManifestLayersField(StringSequenceField, ApplicationsField, StackPartField):
    """The layers of a stack."""

    alias = "layers"
    required = True
    value: tuple[str, ...]
    help = softwrap(
        """
        The addresses of the layers of the stack. The manifest lists the layers of each kind in this
        order. The layers below them belong to the stack too, whether you list them or not.
        """
    )


class ManifestOutputPathField(StringField):
    """The folder of a stack's outputs."""

    alias = "output_path"
    help = softwrap(
        """
        The folder below `dist` for the manifest and the archives of all layers. The default is the
        path of the BUILD file's folder with dots instead of slashes, and the platform:
        `src.assistant/linux_x86_64`.
        """
    )


class VenvstacksManifest(NamesMisspeltFields, Target):
    """The manifest of a stack."""

    alias = "venvstacks_manifest"
    core_fields: ClassVar[tuple[type[Field], ...]] = (
        *COMMON_TARGET_FIELDS,
        ManifestDependenciesField,
        ManifestLayersField,
        ManifestOutputPathField,
        *PUBLISH_FIELDS,
        EnvironmentField,
    )
    help = softwrap(
        """
        A stack: layers that are published together. Their archives lie in one folder, and beside
        them, in `__venvstacks__`, a manifest of the stack and the metadata of each layer.
        """
    )
