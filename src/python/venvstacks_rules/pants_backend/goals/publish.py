"""``publish``: sends layers, stacks and releases to repositories.

A process asks each repository what it lacks. Another one, on the terminal, gets only the segments
that are missing, and sends them.
"""

from __future__ import annotations

import logging
import os.path
from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Optional
from urllib.parse import urlsplit

from pants.base.build_root import BuildRoot
from pants.core.goals.publish import (
    PublishFieldSet,
    PublishPackages,
    PublishProcesses,
    PublishRequest,
)
from pants.engine.addresses import Address
from pants.engine.fs import (
    EMPTY_DIGEST,
    AddPrefix,
    Digest,
    DigestSubset,
    FileEntry,
    MergeDigests,
    PathGlobs,
)
from pants.engine.internals.session import RunId
from pants.engine.process import InteractiveProcess, ProcessCacheScope
from pants.engine.target import Target

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.outputs.limits import size_limit_error
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.publishing.plan import PublishPlan
from venvstacks_rules.model.publishing.publication import PublicationFiles as FilesOfRequest
from venvstacks_rules.model.publishing.publication import StackFiles
from venvstacks_rules.model.publishing.report import plan_text
from venvstacks_rules.model.requests.publish import PlanPublishRequest
from venvstacks_rules.model.requests.publish import PublishRequest as PublishActionRequest
from venvstacks_rules.model.wording import printable_lines, size_text
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.limits import LimitsRequest, compared_limits
from venvstacks_rules.pants_backend.build.publications import PublicationFiles, publication_files
from venvstacks_rules.pants_backend.build.published_archives import (
    PublishedArchivesRequest,
    published_archives,
)
from venvstacks_rules.pants_backend.build.released import (
    TargetPublicationRequest,
    target_publication,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.run import InteractiveActionRequest, interactive_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    TerminalNetworkActionRequest,
    run_network_action,
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

_STORE_LIBRARIES = {"s3": "obstore", "gs": "obstore", "az": "obstore"}
"""The library that reaches a kind of repository, by the scheme of its URL."""
_KEY_PASSWORD = "VENVSTACKS_KEY_PASSWORD"  # noqa: S105 - its name
_SIGNING_LIBRARIES = ("cryptography", "securesystemslib")


@dataclass(frozen=True)
class _PublishFields(PublishFieldSet):  # type: ignore[type-arg] # not generic when it runs
    repositories: RepositoriesField
    skip_publish: SkipPublishField
    publish_archives: PublishArchivesField


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

    @classmethod
    def opt_out(cls, target: Target) -> bool:
        """Most layers are published as part of a stack or a release: `publish ::` passes over."""
        return _stays(target)


@dataclass(frozen=True)
class StackPublishFieldSet(_PublishFields):
    """A stack to publish."""

    publish_request_type = PublishStackRequest
    required_fields = (ManifestLayersField, RepositoriesField)

    @classmethod
    def opt_out(cls, target: Target) -> bool:
        """The same."""
        return _stays(target)


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
    skip: bool
    archives: bool


@dataclass(frozen=True)
class PublishedTarget:
    """What ``publish`` does with a target."""

    packages: tuple[PublishPackages, ...]


@dataclass(frozen=True)
class RepositoryPlanRequest:
    """What a repository lacks of a publication."""

    publication: PublicationFiles
    archives: Optional[PublishedArchivesRequest]
    channel: Optional[str]
    url: str
    run: RunId


@dataclass(frozen=True)
class RepositoryPlan:
    """What a repository lacks of a publication."""

    files: FilesOfRequest
    archives: Digest
    """Whole archives, if they are published."""
    plan: PublishPlan


@dataclass(frozen=True)
class MissingBlobsRequest:
    """The blobs that a plan names, as files."""

    publication: PublicationFiles
    missing: tuple[str, ...]


@dataclass(frozen=True)
class MissingBlobs:
    """Blobs as files, and all small files of the publication."""

    digest: Digest
    paths: tuple[tuple[str, str], ...]
    """Of the blobs, by their hash."""


def repository_urls(
    address: Address, names: Iterable[str], known: dict[str, str]
) -> dict[str, str]:
    """The URLs of repositories, by what the field of a target calls them."""
    urls, problems = {}, []
    for name in dict.fromkeys(names):
        url = name if "://" in name else known.get(name.removeprefix("@"))
        if url is None:
            meant = suggestion(name, known)
            hint = f"Did you mean {meant!r}?" if meant else "Add it there, or write a URL."
            problems.append(
                f"{address}: `repositories` has {name!r}, which `[venvstacks].repositories` does "
                f"not name. {hint}"
            )
        elif urlsplit(url).username is not None or urlsplit(url).password is not None:
            where = f"{address}: `repositories`" if url == name else "`[venvstacks].repositories`"
            problems.append(
                f"{where}: the URL of {urlsplit(url).hostname} has credentials. Remove them: they "
                "come from the environment, or from the files of the store's own tools."
            )
        else:
            urls[name] = url
    if problems:
        raise DefinitionError("Targets cannot be published as written:", problems)
    return urls


def _stays(target: Target) -> bool:
    """Whether a target is not published."""
    return not target[RepositoriesField].value or target[SkipPublishField].value


def _spared(url: str, *, signs: bool = False) -> tuple[str, ...]:
    """The libraries that reach other kinds of repositories; those that sign, if nobody does."""
    needed = _STORE_LIBRARIES.get(urlsplit(url).scheme)
    others = {library for library in _STORE_LIBRARIES.values() if library != needed}
    return (*sorted(others), *(() if signs else _SIGNING_LIBRARIES))


@rule(desc="Ask a repository")
async def repository_plan(request: RepositoryPlanRequest) -> RepositoryPlan:
    publication = request.publication
    channels = (request.channel,) if request.channel else ()
    files = FilesOfRequest(
        indexes=tuple(f"{number}/index.json" for number in range(len(publication.layers))),
        stacks=tuple(StackFiles(path, channels) for path in publication.manifests.values()),
    )
    archives = EMPTY_DIGEST
    if request.archives is not None:
        packaged = await published_archives(request.archives, **implicitly())
        archives = packaged.digest
        files = replace(files, archives=packaged.archives)
    indexes = await engine.digest_subset_to_digest(
        DigestSubset(
            publication.digest,
            PathGlobs([*files.indexes, *(stack.manifest for stack in files.stacks)]),
        )
    )
    result = await run_network_action(
        NetworkActionRequest(
            ActionProcessRequest(
                verb="plan-publish",
                request=to_json(PlanPublishRequest(request.url, files, NETWORK_DIR)),
                input_digest=await engine.merge_digests(MergeDigests([indexes, archives])),
                description=f"Ask {request.url} what it has",
                # The repository may answer differently tomorrow.
                cache_scope=ProcessCacheScope.PER_SESSION,
                run=request.run,
                without=_spared(request.url),
            ),
            stores=True,
        ),
        **implicitly(),
    )
    return RepositoryPlan(files, archives, from_json(PublishPlan, result.result))


@rule
async def missing_blobs(request: MissingBlobsRequest) -> MissingBlobs:
    publication, missing = request.publication, set(request.missing)
    small = await engine.get_digest_entries(publication.digest)
    paths = {
        name: entry.path
        for entry in small
        if isinstance(entry, FileEntry)
        for name in [PurePosixPath(entry.path).name]
        if name in missing
    }
    subsets: list[tuple[str, DigestSubset]] = []
    for number, layer in enumerate(publication.layers):
        for group in layer.groups:
            wanted = [
                segment
                for segment in layer.segments_of(group)
                if segment.sha256 in missing and segment.sha256 not in paths
            ]
            folder = f"{number}/segments"
            paths.update({segment.sha256: f"{folder}/{segment.path}" for segment in wanted})
            if wanted:
                globs = PathGlobs([literal_glob(segment.path) for segment in wanted])
                subsets.append((folder, DigestSubset(group.digest, globs)))
    digests = await concurrently(engine.digest_subset_to_digest(subset) for _, subset in subsets)
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(digest, folder))
        for (folder, _), digest in zip(subsets, digests)
    )
    digest = await engine.merge_digests(MergeDigests([publication.digest, *prefixed]))
    return MissingBlobs(digest, tuple(sorted(paths.items())))


@rule
async def published_target(
    request: PublishedTargetRequest,
    options: VenvstacksSubsystem,
    publishing: VenvstacksPublishSubsystem,
    build_root: BuildRoot,
    run_id: RunId,
) -> PublishedTarget:
    address = request.address
    if request.skip or not request.repositories:
        reason = "(by its `skip_publish`)" if request.skip else "(it has no `repositories`)"
        return PublishedTarget((PublishPackages((str(address),), description=reason),))
    urls = repository_urls(address, request.repositories, dict(options.repositories))
    found = await target_publication(TargetPublicationRequest(address), **implicitly())
    publication = await publication_files(found.request, **implicitly())
    for note in found.notes:
        logger.info("%s", note)
    for warning in publication.warnings:
        logger.warning("%s", printable_lines(warning))
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
    plans = await concurrently(
        repository_plan(
            RepositoryPlanRequest(publication, archives, channel, url, run_id), **implicitly()
        )
        for url in urls.values()
    )
    packages = []
    for (name, url), planned in zip(urls.items(), plans):
        plan = planned.plan
        names = _names(publication) or (str(address),)
        where = f"{name} ({url})" if name != url else url
        if not plan.changes:
            if plan.left:
                logger.warning("%s", plan_text(plan))
            text = f"as {where} has all of it"
            packages.append(PublishPackages(names, description=text))
            continue
        only_show = publishing.check or publishing.dry_run
        if publishing.dry_run and not publishing.check:
            logger.info("%s", plan_text(plan))
            text = f"(dry run: {size_text(plan.new_size)} to send to {where})"
            packages.append(PublishPackages(names, description=text))
            continue
        blobs = await missing_blobs(
            MissingBlobsRequest(publication, () if only_show else plan.missing), **implicitly()
        )
        inputs = await engine.merge_digests(MergeDigests([blobs.digest, planned.archives]))
        started = await terminal_network_action(
            TerminalNetworkActionRequest(
                ActionProcessRequest(
                    verb="publish",
                    request=to_json(
                        PublishActionRequest(
                            repository=url,
                            files=replace(planned.files, blobs=dict(blobs.paths)),
                            plan=plan,
                            only_show=only_show,
                            keys=key_uris(publishing.keys, build_root.path),
                            root=_root_in(build_root.path, publishing.root),
                            expires_days=publishing.expires_days,
                            report=_in(build_root.path, publishing.json),
                            network=NETWORK_DIR,
                        )
                    ),
                    input_digest=inputs,
                    description=f"Publish to {where}",
                    without=_spared(url, signs=bool(publishing.keys)),
                ),
                secrets=key_variables(publishing.keys),
            ),
            **implicitly(),
        )
        action = await interactive_action(InteractiveActionRequest(started.process), **implicitly())
        process = InteractiveProcess(
            argv=tuple(argument.replace("{chroot}/", "") for argument in action.args),
            input_digest=action.digest,
            append_only_caches=action.append_only_caches,
        )
        packages.append(PublishPackages(names, process, where))
    return PublishedTarget(tuple(packages))


def _names(publication: PublicationFiles) -> tuple[str, ...]:
    """What is published, for people."""
    if publication.stacks:
        return tuple(f"{s.name} {s.version} for {s.platform}" for s in publication.stacks)
    return tuple(f"{layer.layer.layer_name} for {layer.platform}" for layer in publication.layers)


def key_uris(keys: Iterable[str], build_root: str) -> tuple[str, ...]:
    """The URIs of keys; paths of files start at the build root."""
    return tuple(key if ":" in key else f"file:{_in(build_root, key)}" for key in keys)


def key_variables(keys: Iterable[str]) -> tuple[str, ...]:
    """The environment variables that keys and their passwords are in."""
    names = [_KEY_PASSWORD] if keys else []
    for key in keys:
        place, _, password = key.partition("?password=")
        names += [place.removeprefix("envvar:")] if place.startswith("envvar:") else []
        names += [password] if password else []
    return tuple(names)


def _root_in(build_root: str, root: str | None) -> str | None:
    """A pin as it is, a file with its place."""
    return root if root is None or ":" in root else _in(build_root, root)


def _in(build_root: str, path: str | None) -> str | None:
    return None if path is None else os.path.join(build_root, path)


def _request(fields: _PublishFields) -> PublishedTargetRequest:
    return PublishedTargetRequest(
        fields.address,
        fields.repositories.value or (),
        fields.skip_publish.value,
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
