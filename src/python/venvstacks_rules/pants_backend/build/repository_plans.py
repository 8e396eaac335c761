"""What a repository lacks of what is published, and the files of it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Optional
from urllib.parse import urlsplit

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
from pants.engine.process import ProcessCacheScope

from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.publishing.plan import PublishPlan
from venvstacks_rules.model.publishing.publication import PublicationFiles as FilesOfRequest
from venvstacks_rules.model.publishing.publication import StackFiles
from venvstacks_rules.model.requests.publish import PlanPublishRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.publications import PublicationFiles
from venvstacks_rules.pants_backend.build.published_archives import (
    PublishedArchivesRequest,
    published_archives,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.network import NETWORK_DIR
from venvstacks_rules.pants_backend.processes.network_actions import (
    NetworkActionRequest,
    run_network_action,
)

_STORE_LIBRARIES = {"s3": "obstore", "gs": "obstore", "az": "obstore"}
"""The library that reaches a kind of repository, by the scheme of its URL."""
_SIGNING_LIBRARIES = ("cryptography", "securesystemslib")
_DELTA_LIBRARIES = ("zstandard",)


@dataclass(frozen=True)
class RepositoryPlanRequest:
    """What a repository lacks of a publication."""

    publication: PublicationFiles
    archives: Optional[PublishedArchivesRequest]
    channel: Optional[str]
    url: str
    thorough: bool
    """Whether to ask for each blob."""
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


def spared_libraries(url: str, *, signs: bool = False, compresses: bool = False) -> tuple[str, ...]:
    """The libraries that reach other kinds of repositories; those for work that nobody does."""
    needed = _STORE_LIBRARIES.get(urlsplit(url).scheme)
    others = {library for library in _STORE_LIBRARIES.values() if library != needed}
    spared = (*(() if signs else _SIGNING_LIBRARIES), *(() if compresses else _DELTA_LIBRARIES))
    return (*sorted(others), *spared)


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
                request=to_json(
                    PlanPublishRequest(request.url, files, request.thorough, NETWORK_DIR)
                ),
                input_digest=await engine.merge_digests(MergeDigests([indexes, archives])),
                description=f"Ask {request.url} what it has",
                # The repository may answer differently tomorrow.
                cache_scope=ProcessCacheScope.PER_SESSION,
                run=request.run,
                without=spared_libraries(request.url),
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


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
