"""Makes the indexes of layer versions: what a repository holds of a layer."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestSubset, MergeDigests, PathGlobs, RemovePrefix

from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.requests.index_layer import (
    PROVENANCE,
    SBOM,
    IndexedLayer,
    IndexedSegmentFile,
    IndexLayerRequest,
    LayerDocument,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.contents import LayerContentsRequest
from venvstacks_rules.pants_backend.build.documents import (
    LayerDocumentsRequest,
    layer_documents,
)
from venvstacks_rules.pants_backend.build.layer_parts import (
    PartsOfLayerRequest,
    parts_of_layer,
)
from venvstacks_rules.pants_backend.build.segments import (
    SegmentGroup,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

_OUTPUT = "indexed"


@dataclass(frozen=True)
class LayerIndexRequest:
    """The index of a layer for a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class LayerIndexFiles:
    """A layer version: its index, and where the bytes are that it names."""

    address: Address
    layer: Layer
    platform: str
    digest: Digest
    """``index.json``; and each by its hash, all that it names but the segments."""
    indexed: IndexedLayer
    groups: tuple[SegmentGroup, ...]
    """With the segments."""
    warnings: tuple[str, ...]
    """For the user who packages the layer."""

    def segments_of(self, group: SegmentGroup) -> tuple[IndexedSegmentFile, ...]:
        """The segments of a group, by their paths in its digest."""
        folder = f"{os.path.dirname(group.result)}/"
        return tuple(each for each in self.indexed.segments if each.path.startswith(folder))


@rule(desc="Index layer")
async def layer_index(request: LayerIndexRequest) -> LayerIndexFiles:
    wanted = LayerContentsRequest(request.address, request.platform)
    parts, documents = await concurrently(
        parts_of_layer(PartsOfLayerRequest(wanted), **implicitly()),
        layer_documents(LayerDocumentsRequest(request.address, request.platform), **implicitly()),
    )
    layer, segments = parts.layer, parts.segments
    index = IndexLayerRequest(
        **parts.fields,
        kind=layer.kind.value,
        archive_name=parts.names.archive,
        documents=(
            LayerDocument(SBOM, documents.sbom),
            LayerDocument(PROVENANCE, documents.provenance),
        ),
        output=_OUTPUT,
    )
    # The directory of a zip archive lists the entries of its segments; else nobody looks into them.
    read = (
        [group.digest for group in segments.groups]
        if segments.compression.archive_format == ZIP
        else await concurrently(
            engine.digest_subset_to_digest(DigestSubset(group.digest, PathGlobs([group.result])))
            for group in segments.groups
        )
    )
    inputs = await engine.merge_digests(MergeDigests([parts.digest, documents.digest, *read]))
    result = await run_action(
        ActionProcessRequest(
            verb="index-layer",
            request=to_json(index),
            input_digest=inputs,
            output_directories=(_OUTPUT,),
            description=f"Index {parts.names.archive}",
        ),
        **implicitly(),
    )
    output = await engine.digest_subset_to_digest(
        DigestSubset(result.digest, PathGlobs([f"{_OUTPUT}/**"]))
    )
    return LayerIndexFiles(
        address=request.address,
        layer=layer,
        platform=request.platform,
        digest=await engine.remove_prefix(RemovePrefix(output, _OUTPUT)),
        indexed=from_json(IndexedLayer, result.result),
        groups=segments.groups,
        warnings=parts.contents.warnings_for(request.platform),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
