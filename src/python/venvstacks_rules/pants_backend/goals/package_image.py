"""``package`` of an image: a folder in OCI layout."""

from __future__ import annotations

from collections.abc import Iterable

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact
from pants.engine.fs import EMPTY_DIGEST, AddPrefix

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.images import ImageRequest, built_image
from venvstacks_rules.pants_backend.build.other_outputs import OtherOutputRequest, other_output
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.goals.package import (
    NO_PACKAGE,
    TargetPackage,
    WantedArchivesRequest,
    wanted_archives,
)
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)


@rule
async def package_image(request: ImageRequest) -> TargetPackage:
    # `publish` has Pants package its targets first, and makes what it pushes.
    wanted = await wanted_archives(WantedArchivesRequest(), **implicitly())
    if not wanted.any:
        return NO_PACKAGE
    output = await other_output(OtherOutputRequest(request.address), **implicitly())
    built = await built_image(request, **implicitly())
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(Remark(text) for text in built.warnings)
    notes = [BuiltPackageArtifact(None, (note,)) for note in built.notes]
    if built.image is None:
        return TargetPackage(BuiltPackage(EMPTY_DIGEST, tuple(notes)))
    folder = output.folder
    lines = (f"  {built.image.digest}", *(f"  {line}" for line in built.report))
    return TargetPackage(
        BuiltPackage(
            await engine.add_prefix(AddPrefix(built.digest, folder)),
            (BuiltPackageArtifact(folder, lines), *notes),
        )
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
