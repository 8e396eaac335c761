"""Builds what is published of a stack: archives, manifest, and the metadata of each layer."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestEntries,
    DigestSubset,
    FileContent,
    FileEntry,
    MergeDigests,
    PathGlobs,
)

from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.outputs.manifest import stack_manifest
from venvstacks_rules.model.outputs.names import env_metadata_path, manifest_path
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.archives import (
    LayerArchive,
    LayerArchiveRequest,
    layer_archive,
)
from venvstacks_rules.pants_backend.build.documents import (
    DocumentsBesideRequest,
    documents_beside,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@dataclass(frozen=True)
class StackOutputsRequest:
    """The outputs of a stack for a platform that at least one of its layers is built for."""

    layers: StackLayersRequest
    platform: str


@dataclass(frozen=True)
class StackOutputs:
    """The archives of a stack, and the files beside them."""

    digest: Digest
    files: tuple[str, ...]
    """The manifest, then the metadata of the layers, as paths in the digest."""
    layers: tuple[Layer, ...]
    archives: tuple[LayerArchive, ...]
    """Of these layers."""


@rule
async def stack_outputs(
    request: StackOutputsRequest, options: VenvstacksSubsystem, platforms: BuildPlatforms
) -> StackOutputs:
    stack = await stack_layers(request.layers, **implicitly())
    wanted = [
        (layer, address)
        for layer, address in zip(stack.layers, stack.addresses)
        if request.platform in platforms.of_layer(layer).names
    ]
    archives = await concurrently(
        layer_archive(LayerArchiveRequest(address, request.platform), **implicitly())
        for _, address in wanted
    )
    metadata_files = await concurrently(
        engine.digest_subset_to_digest(DigestSubset(built.digest, PathGlobs([built.metadata])))
        for built in archives
    )
    contents = await concurrently(engine.get_digest_contents(digest) for digest in metadata_files)
    segment_files = await concurrently(
        engine.digest_subset_to_digest(DigestSubset(built.digest, PathGlobs([built.segments])))
        for built in archives
    )
    entries = await concurrently(engine.get_digest_entries(digest) for digest in segment_files)
    files = _manifest_files(
        [(layer, read[0].content) for (layer, _), read in zip(wanted, contents)],
        _hashes(entries),
        platform=request.platform,
        tagged=options.tag_outputs,
    )
    documents = await concurrently(
        documents_beside(DocumentsBesideRequest(address, request.platform, built), **implicitly())
        for (_, address), built in zip(wanted, archives)
        if options.documents
    )
    beside = await engine.create_digest(CreateDigest(files))
    digest = await engine.merge_digests(
        MergeDigests([beside, *(built.digest for built in (*archives, *documents))])
    )
    return StackOutputs(
        digest,
        files=tuple(file.path for file in files),
        layers=tuple(layer for layer, _ in wanted),
        archives=tuple(archives),
    )


def _hashes(listed: Iterable[DigestEntries]) -> dict[str, str]:
    """The SHA-256 of files, by which the engine stores them, by their names."""
    files = (entry for entries in listed for entry in entries if isinstance(entry, FileEntry))
    return {file.path: file.file_digest.fingerprint for file in files}


def _manifest_files(
    layers: Sequence[tuple[Layer, bytes]],
    segment_indexes: Mapping[str, str],
    *,
    platform: str,
    tagged: bool,
) -> list[FileContent]:
    """The manifest, and the metadata of each layer."""
    described = ((layer.kind, json.loads(content)) for layer, content in layers)
    manifest = stack_manifest(described, segment_indexes)
    return [
        FileContent(
            manifest_path(platform=platform, tagged=tagged), published_json(manifest).encode()
        ),
        *(
            FileContent(
                env_metadata_path(layer.layer_name, platform=platform, tagged=tagged), content
            )
            for layer, content in layers
        ),
    ]


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
