"""``package`` of a bundle: an installer for each platform."""

from __future__ import annotations

import logging
import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.core.goals.package import BuiltPackage, BuiltPackageArtifact, PackageFieldSet
from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, MergeDigests
from pants.engine.unions import UnionRule

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.wording import printable_lines, size_text
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
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.goals.publish_settings import (
    kept_credentials,
    named_url,
    unknown_repository,
)
from venvstacks_rules.pants_backend.graph.bundles import BundleFieldSet
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class BundlePackageFieldSet(BundleFieldSet, PackageFieldSet):
    """A bundle to package."""

    environment: EnvironmentField


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
async def package_bundle(
    field_set: BundlePackageFieldSet, options: VenvstacksSubsystem
) -> BuiltPackage:
    address, name = field_set.address, field_set.repository.value
    repository, problems = followed_url(address, name, dict(options.repositories))
    folder = bundle_folder(address, field_set.output_path.value)
    problem = folder_problem(address, folder)
    if problem is not None:
        problems.append(problem)
    if problems:
        raise DefinitionError("Installers cannot be built as written:", problems)
    await other_output(OtherOutputRequest(address), **implicitly())
    # Without what only this goal knows, so that others share the rest.
    fields = BundleFieldSet(
        address,
        field_set.applications,
        field_set.client,
        field_set.release,
        field_set.repository,
        field_set.channel,
        field_set.root,
        field_set.allow_unsigned,
        field_set.wheels,
        field_set.macosx_formats,
        field_set.macosx_identifier,
        field_set.output_path,
    )
    plan = await bundle_plan(BundlePlanRequest(fields), **implicitly())
    for warning in plan.publication.warnings:
        logger.warning("%s", printable_lines(warning))
    made = await concurrently(
        installer(InstallerRequest(fields, plan, platform, repository, form), **implicitly())
        for platform in plan.platforms
        for form in forms(fields, platform)
    )
    digest = await engine.merge_digests(MergeDigests(each.digest for each in made))
    return BuiltPackage(
        await engine.add_prefix(AddPrefix(digest, folder)),
        (
            *(
                BuiltPackageArtifact(
                    os.path.normpath(f"{folder}/{each.path}"),
                    extra_log_lines=(f"  {size_text(each.size)}",),
                )
                for each in made
            ),
            *(BuiltPackageArtifact(None, (note,)) for note in plan.notes),
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(PackageFieldSet, BundlePackageFieldSet)]
