"""The target ``venvstacks_manifest``: what is published beside the archives of a stack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import ClassVar

from pants.engine.addresses import UnparsedAddressInputs
from pants.engine.target import (
    COMMON_TARGET_FIELDS,
    Dependencies,
    Field,
    FieldSet,
    InferDependenciesRequest,
    InferredDependencies,
    StringField,
    StringSequenceField,
    Target,
)
from pants.engine.unions import UnionRule
from pants.util.strutil import softwrap

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule


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


@dataclass(frozen=True)
class ManifestDependenciesFieldSet(FieldSet):
    """The fields of a manifest that name targets."""

    required_fields = (ManifestLayersField, ManifestDependenciesField)

    layers: ManifestLayersField


class InferManifestDependencies(InferDependenciesRequest):  # type: ignore[type-arg] # not generic when it runs
    """The layers of a manifest."""

    infer_from = ManifestDependenciesFieldSet


@rule
async def infer_manifest_dependencies(request: InferManifestDependencies) -> InferredDependencies:
    fields = request.field_set
    found = await engine.resolve_unparsed_address_inputs(
        UnparsedAddressInputs(
            fields.layers.value,
            owning_address=fields.address,
            description_of_origin=f"the `layers` field from the target {fields.address}",
        )
    )
    return InferredDependencies(found)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(InferDependenciesRequest, InferManifestDependencies)]
