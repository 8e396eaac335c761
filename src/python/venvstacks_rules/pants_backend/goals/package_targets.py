"""``package``: the one rule by which Pants packages a target of ours, of whatever kind it is.

Pants solves its rule graph at each start, and follows its rules for PEX files once more for each
kind of `PackageFieldSet`, though none of ours ever gets there: 26,000 steps of the solver, which
takes half a million for all rules of its own.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, PackageFieldSet
from pants.engine.target import WrappedTargetRequest
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.images import ImageRequest
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.goals.package import (
    TargetPackage,
    package_layer,
    package_stack,
)
from venvstacks_rules.pants_backend.goals.package_bundle import package_bundle
from venvstacks_rules.pants_backend.goals.package_image import package_image
from venvstacks_rules.pants_backend.goals.package_release import package_release
from venvstacks_rules.pants_backend.goals.package_run import (
    LayerOutputsRequest,
    StackPackageRequest,
)
from venvstacks_rules.pants_backend.graph.bundles import BundleFieldSet
from venvstacks_rules.pants_backend.graph.images import ImageFieldSet
from venvstacks_rules.pants_backend.graph.releases import (
    ReleasedLayersRequest,
    ReleaseLayersFieldSet,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest
from venvstacks_rules.pants_backend.targets.layers import LayerOutputPathField
from venvstacks_rules.pants_backend.targets.manifests import (
    ManifestLayersField,
    ManifestOutputPathField,
)
from venvstacks_rules.pants_backend.targets.source_fields import PackagedField, is_layer


@dataclass(frozen=True)
class TargetPackageFieldSet(PackageFieldSet):
    """A target to package."""

    required_fields = (PackagedField,)

    environment: EnvironmentField


@rule
async def package_target(field_set: TargetPackageFieldSet) -> BuiltPackage:
    address = field_set.address
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(address, description_of_origin="the `package` goal")
    )
    target = wrapped.target
    made: TargetPackage
    if is_layer(target):
        layer = LayerOutputsRequest(address, target[LayerOutputPathField].value)
        made = await package_layer(layer, **implicitly())
    elif target.has_field(ManifestLayersField):
        stack = StackPackageRequest(
            StackLayersRequest.of(target), target[ManifestOutputPathField].value
        )
        made = await package_stack(stack, **implicitly())
    elif ReleaseLayersFieldSet.is_applicable(target):
        release = ReleasedLayersRequest(ReleaseLayersFieldSet.create(target))
        made = await package_release(release, **implicitly())
    elif ImageFieldSet.is_applicable(target):
        made = await package_image(ImageRequest(address), **implicitly())
    else:
        made = await package_bundle(BundleFieldSet.create(target), **implicitly())
    return made.built


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(PackageFieldSet, TargetPackageFieldSet)]
