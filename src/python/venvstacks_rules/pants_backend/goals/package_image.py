"""``package`` of an image: a folder in OCI layout."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.fs import EMPTY_DIGEST, AddPrefix
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.images import ImageRequest, built_image
from venvstacks_rules.pants_backend.build.other_outputs import OtherOutputRequest, other_output
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.goals.package import WantedArchivesRequest, wanted_archives
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)
from venvstacks_rules.pants_backend.targets.images import (
    ImageApplicationField,
    ImageOutputPathField,
)


@dataclass(frozen=True)
class ImagePackageFieldSet(PackageFieldSet):
    """An image to package."""

    required_fields = (ImageApplicationField, ImageOutputPathField)

    output_path: ImageOutputPathField
    environment: EnvironmentField


@rule
async def package_image(field_set: ImagePackageFieldSet) -> BuiltPackage:
    # `publish` has Pants package its targets first, and makes what it pushes.
    wanted = await wanted_archives(WantedArchivesRequest(), **implicitly())
    if not wanted.any:
        return BuiltPackage(EMPTY_DIGEST, ())
    output = await other_output(OtherOutputRequest(field_set.address), **implicitly())
    built = await built_image(ImageRequest(field_set.address), **implicitly())
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(Remark(text) for text in built.warnings)
    notes = [BuiltPackageArtifact(None, (note,)) for note in built.notes]
    if built.image is None:
        return BuiltPackage(EMPTY_DIGEST, tuple(notes))
    folder = output.folder
    lines = (f"  {built.image.digest}", *(f"  {line}" for line in built.report))
    return BuiltPackage(
        await engine.add_prefix(AddPrefix(built.digest, folder)),
        (BuiltPackageArtifact(folder, lines), *notes),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(PackageFieldSet, ImagePackageFieldSet)]
