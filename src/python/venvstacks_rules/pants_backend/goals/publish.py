"""``publish``: sends layers, stacks and releases to repositories.

A process asks each repository what it lacks. Another one, on the terminal, gets only the segments
that are missing, and sends them.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import ClassVar

from pants.base.build_root import BuildRoot
from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs_parser import SpecsParser
from pants.core.goals.package import PackageFieldSet
from pants.core.goals.publish import (
    PublishFieldSet,
    PublishOutputData,
    PublishPackages,
    PublishProcesses,
    PublishRequest,
)
from pants.engine.addresses import Address
from pants.engine.env_vars import EnvironmentVarsRequest
from pants.engine.fs import (
    MergeDigests,
)
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import RunId
from pants.engine.process import InteractiveProcess
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.outputs.limits import size_limit_error
from venvstacks_rules.model.publishing.plan import MOVED
from venvstacks_rules.model.publishing.report import plan_data, plan_text
from venvstacks_rules.model.requests.publish import PublishRequest as PublishActionRequest
from venvstacks_rules.model.wording import size_text
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.limits import LimitsRequest, compared_limits
from venvstacks_rules.pants_backend.build.publications import PublicationFiles, publication_files
from venvstacks_rules.pants_backend.build.published_archives import (
    PublishedArchivesRequest,
)
from venvstacks_rules.pants_backend.build.released import (
    TargetPublicationRequest,
    target_publication,
)
from venvstacks_rules.pants_backend.build.repository_plans import (
    MissingBlobsRequest,
    RepositoryPlanRequest,
    missing_blobs,
    repository_plan,
    spared_libraries,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.publish_settings import (
    checked_options,
    key_uris,
    key_variables,
    repository_urls,
    root_in,
)
from venvstacks_rules.pants_backend.goals.publish_skips import reason_to_skip, skip_request
from venvstacks_rules.pants_backend.goals.remarks import (
    Remark,
    RemarksInRunRequest,
    remarks_in_run,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    TerminalNetworkActionRequest,
    terminal_network_action,
)
from venvstacks_rules.pants_backend.subsystems.publish import VenvstacksPublishSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.publish_fields import (
    PublishArchivesField,
    RepositoriesField,
    SkipPublishField,
)
from venvstacks_rules.pants_backend.targets.releases import ReleaseLayersField
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class _PublishFields(PublishFieldSet):  # type: ignore[type-arg] # not generic when it runs
    repositories: RepositoriesField
    skip_publish: SkipPublishField
    publish_archives: PublishArchivesField
    only_if_named: ClassVar[bool] = False
    """Whether `publish` says that a target is skipped only if the command line names it."""

    @property
    def skip_reason(self) -> str | None:
        """Why the target is not published; None if it is."""
        return reason_to_skip(self.skip_publish, self.repositories)

    def check_skip_request(self, package_fs: PackageFieldSet) -> object:
        """Pants 2.32 and newer ask before they package the target."""
        return skip_request(self, package_fs)


class PublishLayerRequest(PublishRequest):  # type: ignore[type-arg] # not generic when it runs
    """Publish a layer."""


class PublishStackRequest(PublishRequest):  # type: ignore[type-arg] # not generic when it runs
    """Publish a stack."""


class PublishReleaseRequest(PublishRequest):  # type: ignore[type-arg] # not generic when it runs
    """Publish a release."""


@dataclass(frozen=True)
class LayerPublishFieldSet(_PublishFields):
    """A layer to publish."""

    publish_request_type = PublishLayerRequest
    required_fields = (LayerSourcesField, RepositoriesField)
    # Most layers are published as part of a stack or a release: `publish ::` passes over.
    only_if_named = True


@dataclass(frozen=True)
class StackPublishFieldSet(_PublishFields):
    """A stack to publish."""

    publish_request_type = PublishStackRequest
    required_fields = (ManifestLayersField, RepositoriesField)
    only_if_named = True


@dataclass(frozen=True)
class ReleasePublishFieldSet(_PublishFields):
    """A release to publish."""

    publish_request_type = PublishReleaseRequest
    required_fields = (ReleaseLayersField, RepositoriesField)


@dataclass(frozen=True)
class PublishedTargetRequest:
    """What ``publish`` does with a target."""

    address: Address
    repositories: tuple[str, ...]
    skip_reason: str | None
    only_if_named: bool
    """Whether that is said only if the command line names the target."""
    archives: bool


@dataclass(frozen=True)
class PublishedTarget:
    """What ``publish`` does with a target."""

    packages: tuple[PublishPackages, ...]


@dataclass(frozen=True)
class RepositoryPackagesRequest:
    """What ``publish`` does with a target and a repository."""

    plan: RepositoryPlanRequest
    names: tuple[str, ...]
    """What is published, for people."""
    repository: str
    """As the target calls it."""


@dataclass(frozen=True)
class RepositoryPackages:
    """What ``publish`` does with a target and a repository."""

    packages: PublishPackages


def _names(address: Address, specs: Iterable[str], folder: str | None) -> bool:
    """Whether the command line, given in `folder`, names a target itself, not all of a folder."""
    try:
        parsed = SpecsParser(working_dir=folder).parse_specs(
            specs,
            description_of_origin="the command line",
            unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
        )
    except SpecsParser.BadSpecError:
        # Pants itself could read them: it is told once too often rather than never.
        return True
    named = (literal.to_address() for literal in parsed.includes.address_literals)
    return address.spec in {one.spec for one in named}


@rule
async def published_target(
    request: PublishedTargetRequest,
    options: VenvstacksSubsystem,
    publishing: VenvstacksPublishSubsystem,
    run_id: RunId,
    run: _Options,
) -> PublishedTarget:
    address = request.address
    if request.skip_reason is not None:
        if request.only_if_named:
            environment = await engine.environment_vars_subset(EnvironmentVarsRequest(["PWD"]))
            if not _names(address, run.options.specs, environment.get("PWD")):
                return PublishedTarget(())
        skipped = PublishPackages((str(address),), description=request.skip_reason)
        return PublishedTarget((skipped,))
    checked_options(publishing.root, publishing.expires_days)
    urls = repository_urls(address, request.repositories, dict(options.repositories))
    found = await target_publication(TargetPublicationRequest(address), **implicitly())
    publication = await publication_files(found.request, **implicitly())
    for note in found.notes:
        logger.info("%s", note)
    remarks = await remarks_in_run(RemarksInRunRequest(), **implicitly())
    remarks.tell(Remark(text) for text in publication.warnings)
    compared = await concurrently(
        compared_limits(LimitsRequest(layer.address, layer.platform), **implicitly())
        for layer in publication.layers
        if layer.layer.has_limits
    )
    outgrown = [each.outgrown for each in compared if each.outgrown is not None]
    if outgrown:
        raise size_limit_error(outgrown)
    archives = PublishedArchivesRequest(publication, found.stack) if request.archives else None
    channel = found.request.stack.channel if found.request.stack else None
    names = _published(publication) or (str(address),)
    packages = await concurrently(
        repository_packages(
            RepositoryPackagesRequest(
                RepositoryPlanRequest(
                    publication, archives, channel, url, publishing.thorough, run_id
                ),
                names,
                name,
            ),
            **implicitly(),
        )
        for name, url in urls.items()
    )
    return PublishedTarget(tuple(each.packages for each in packages))


@rule
async def repository_packages(
    request: RepositoryPackagesRequest,
    publishing: VenvstacksPublishSubsystem,
    build_root: BuildRoot,
) -> RepositoryPackages:
    planned = await repository_plan(request.plan, **implicitly())
    data = PublishOutputData(FrozenDict.deep_freeze(plan_data(planned.plan)))
    plan, names, url = planned.plan, request.names, request.plan.url
    where = f"{request.repository} ({url})" if request.repository != url else url
    if not plan.changes:
        if plan.left:
            logger.warning("%s", plan_text(plan))
        text = f"as {where} has all of it"
        return RepositoryPackages(PublishPackages(names, description=text, data=data))
    if publishing.dry_run and not publishing.check:
        logger.info("%s", plan_text(plan))
        text = f"(dry run: {size_text(plan.new_size)} to send to {where})"
        return RepositoryPackages(PublishPackages(names, description=text, data=data))
    deltas = publishing.deltas and any(change.change == MOVED for change in plan.channels)
    blobs = await missing_blobs(
        MissingBlobsRequest(request.plan.publication, () if publishing.check else plan.missing),
        **implicitly(),
    )
    started = await terminal_network_action(
        TerminalNetworkActionRequest(
            ActionProcessRequest(
                verb="publish",
                request=to_json(
                    PublishActionRequest(
                        repository=url,
                        files=replace(planned.files, blobs=dict(blobs.paths)),
                        plan=plan,
                        only_show=publishing.check,
                        thorough=publishing.thorough,
                        keys=key_uris(publishing.keys, build_root.path),
                        root=root_in(build_root.path, publishing.root),
                        expires_days=publishing.expires_days,
                        deltas=deltas,
                        network=NETWORK_DIR,
                    )
                ),
                input_digest=await engine.merge_digests(
                    MergeDigests([blobs.digest, planned.archives])
                ),
                description=f"Publish to {where}",
                without=spared_libraries(url, signs=bool(publishing.keys), compresses=deltas),
            ),
            secrets=key_variables(publishing.keys),
        ),
        **implicitly(),
    )
    process = InteractiveProcess.from_process(started.process)
    return RepositoryPackages(PublishPackages(names, process, where, data))


def _published(publication: PublicationFiles) -> tuple[str, ...]:
    """What is published, for people."""
    if publication.stacks:
        return tuple(f"{s.name} {s.version} for {s.platform}" for s in publication.stacks)
    return tuple(f"{layer.layer.layer_name} for {layer.platform}" for layer in publication.layers)


def _request(fields: _PublishFields) -> PublishedTargetRequest:
    return PublishedTargetRequest(
        fields.address,
        fields.repositories.value or (),
        fields.skip_reason,
        fields.only_if_named,
        fields.publish_archives.value,
    )


@rule
async def publish_layer(request: PublishLayerRequest) -> PublishProcesses:
    done = await published_target(_request(request.field_set), **implicitly())
    return PublishProcesses(done.packages)


@rule
async def publish_stack(request: PublishStackRequest) -> PublishProcesses:
    done = await published_target(_request(request.field_set), **implicitly())
    return PublishProcesses(done.packages)


@rule
async def publish_release(request: PublishReleaseRequest) -> PublishProcesses:
    done = await published_target(_request(request.field_set), **implicitly())
    return PublishProcesses(done.packages)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        *LayerPublishFieldSet.rules(),
        *StackPublishFieldSet.rules(),
        *ReleasePublishFieldSet.rules(),
    ]
