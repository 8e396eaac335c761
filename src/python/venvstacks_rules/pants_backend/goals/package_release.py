"""``package`` of a release: its manifest, for each platform. No archive is assembled."""

from __future__ import annotations

from collections.abc import Iterable

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact
from pants.engine.fs import CreateDigest, FileContent

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.output_folders import output_folder_request
from venvstacks_rules.pants_backend.build.publications import publication_files
from venvstacks_rules.pants_backend.build.released import (
    TargetPublicationRequest,
    target_publication,
)
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.goals.package import (
    NO_PACKAGE,
    TargetPackage,
    WantedArchivesRequest,
    wanted_archives,
)
from venvstacks_rules.pants_backend.goals.package_run import (
    BrokenInRunRequest,
    PackagedInRunRequest,
    broken_in_run,
    packaged_in_run,
)
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)
from venvstacks_rules.pants_backend.graph.releases import ReleasedLayersRequest


@rule
async def package_release(request: ReleasedLayersRequest) -> TargetPackage:
    # `publish` has Pants package its targets first, and writes no file of them.
    wanted = await wanted_archives(WantedArchivesRequest(), **implicitly())
    if not wanted.any:
        return NO_PACKAGE
    address = request.fields.address
    in_run = await packaged_in_run(PackagedInRunRequest(), **implicitly())
    in_run.releases[request] = None
    try:
        published = await target_publication(TargetPublicationRequest(address), **implicitly())
    except VenvstacksError as e:
        broken = await broken_in_run(BrokenInRunRequest(), **implicitly())
        raise broken.error or e from None
    files = await publication_files(published.request, **implicitly())
    contents = [
        FileContent(
            f"{output_folder_request(address, None, stack.platform).path}/"
            f"{stack.name}-{stack.version}.release.json",
            stack.to_json().encode(),
        )
        for stack in files.stacks
    ]
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(Remark(text) for text in files.warnings)
    artifacts = (
        *(BuiltPackageArtifact(content.path) for content in contents),
        *(BuiltPackageArtifact(None, (note,)) for note in published.notes),
    )
    return TargetPackage(
        BuiltPackage(await engine.create_digest(CreateDigest(contents)), artifacts)
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
