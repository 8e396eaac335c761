"""``package`` of a bundle: an installer for each platform."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact
from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, MergeDigests

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.wording import size_text
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.bundles import (
    BundlePlanRequest,
    InstallerRequest,
    bundle_plan,
    forms,
    installer,
)
from venvstacks_rules.pants_backend.build.other_outputs import (
    OtherOutputRequest,
    bundle_folder,
    folder_problem,
    other_output,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.package import TargetPackage
from venvstacks_rules.pants_backend.goals.publish_settings import (
    kept_credentials,
    named_url,
    unknown_repository,
)
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)
from venvstacks_rules.pants_backend.graph.bundles import BundleFieldSet
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


def followed_url(
    address: Address, name: str | None, known: Mapping[str, str]
) -> tuple[str | None, list[str]]:
    """The URL that updates come from, which every installer has, and what is wrong with it."""
    if name is None:
        return None, []
    url = named_url(name, known)
    if url is None:
        return None, [unknown_repository(f"{address}: `repository` is", name, known)]
    problem = kept_credentials(f"{address}: `repository`", url)
    return url, [] if problem is None else [problem]


@rule
async def package_bundle(fields: BundleFieldSet, options: VenvstacksSubsystem) -> TargetPackage:
    address, name = fields.address, fields.repository.value
    repository, problems = followed_url(address, name, dict(options.repositories))
    folder = bundle_folder(address, fields.output_path.value)
    problem = folder_problem(address, folder)
    if problem is not None:
        problems.append(problem)
    if problems:
        raise DefinitionError("Installers cannot be built as written:", problems)
    await other_output(OtherOutputRequest(address), **implicitly())
    plan = await bundle_plan(BundlePlanRequest(fields), **implicitly())
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(Remark(text) for text in plan.publication.warnings)
    made = await concurrently(
        installer(InstallerRequest(fields, plan, platform, repository, form), **implicitly())
        for platform in plan.platforms
        for form in forms(fields, platform)
    )
    digest = await engine.merge_digests(MergeDigests(each.digest for each in made))
    artifacts = (
        *(
            BuiltPackageArtifact(
                os.path.normpath(f"{folder}/{each.path}"),
                extra_log_lines=(f"  {size_text(each.size)}",),
            )
            for each in made
        ),
        *(BuiltPackageArtifact(None, (note,)) for note in plan.notes),
    )
    return TargetPackage(
        BuiltPackage(await engine.add_prefix(AddPrefix(digest, folder)), artifacts)
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
