"""Whole archives for repositories, on request: what ``package`` makes of a layer or a stack."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.fs import AddPrefix, Digest, FileEntry, MergeDigests

from venvstacks_rules.model.publishing.publication import ArchiveFiles
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.archives import LayerArchiveRequest, layer_archive
from venvstacks_rules.pants_backend.build.manifests import StackOutputsRequest, stack_outputs
from venvstacks_rules.pants_backend.build.publications import PublicationFiles
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest

FOLDER = "archives"
"""Where they lie in the digest."""


@dataclass(frozen=True)
class PublishedArchivesRequest:
    """The archives of what is published."""

    publication: PublicationFiles
    stack: Optional[StackLayersRequest]
    """None for single layers."""


@dataclass(frozen=True)
class PublishedArchives:
    """Archives with the files beside them, in a folder for each."""

    digest: Digest
    archives: tuple[ArchiveFiles, ...]


@dataclass(frozen=True)
class _Packaged:
    name: str
    version: str
    platform: str
    digest: Digest
    manifest: str


@rule(desc="Assemble archives for repositories")
async def published_archives(request: PublishedArchivesRequest) -> PublishedArchives:
    publication = request.publication
    if request.stack is not None:
        outputs = await concurrently(
            stack_outputs(StackOutputsRequest(request.stack, stack.platform), **implicitly())
            for stack in publication.stacks
        )
        packaged = [
            _Packaged(stack.name, stack.version, stack.platform, made.digest, made.files[0])
            for stack, made in zip(publication.stacks, outputs)
        ]
    else:
        archives = await concurrently(
            layer_archive(LayerArchiveRequest(layer.address, layer.platform), **implicitly())
            for layer in publication.layers
        )
        packaged = [
            _Packaged(
                layer.layer.layer_name,
                layer.indexed.sha256[:16],
                layer.platform,
                archive.digest,
                archive.metadata,
            )
            for layer, archive in zip(publication.layers, archives)
        ]
    places = [f"{FOLDER}/{number}" for number in range(len(packaged))]
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(each.digest, place)) for each, place in zip(packaged, places)
    )
    entries = await concurrently(engine.get_digest_entries(each.digest) for each in packaged)
    return PublishedArchives(
        await engine.merge_digests(MergeDigests(prefixed)),
        tuple(
            ArchiveFiles(
                each.name,
                each.version,
                {
                    f"{each.platform}/{entry.path}": f"{place}/{entry.path}"
                    for entry in listed
                    if isinstance(entry, FileEntry)
                },
                f"{each.platform}/{each.manifest}",
            )
            for each, place, listed in zip(packaged, places, entries)
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
