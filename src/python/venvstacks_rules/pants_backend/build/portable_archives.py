"""Archives of layers that the tools of every machine unpack, to start installers with."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestSubset, MergeDigests, PathGlobs

from venvstacks_rules.model.contents.compression import ZIP
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.requests.bundle import PortableArchiveRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.layer_indexes import LayerIndexRequest, layer_index
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest


@dataclass(frozen=True)
class PortableLayerRequest:
    """A layer for a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class PortableLayer:
    """The archive of a layer."""

    digest: Digest
    path: str
    index: LayerIndex
    sha256: str
    """Of the index."""


@rule(desc="Make portable archive")
async def portable_layer(request: PortableLayerRequest) -> PortableLayer:
    layer = await layer_index(LayerIndexRequest(request.address, request.platform), **implicitly())
    subset = await engine.digest_subset_to_digest(
        DigestSubset(layer.digest, PathGlobs(["index.json"]))
    )
    (content,) = await engine.get_digest_contents(subset)
    index = LayerIndex.from_json(content.content)
    # The segment of the layer's own files lies beside the index.
    paths = {segment.sha256: segment.path for segment in layer.indexed.segments}
    segments = tuple(
        paths.get(segment.blob.sha256, segment.blob.sha256) for segment in index.segments
    )
    output = f"{index.install_target}.{'zip' if index.archive_format == ZIP else 'tar.gz'}"
    result = await run_action(
        ActionProcessRequest(
            verb="portable-archive",
            request=to_json(PortableArchiveRequest("index.json", segments, output)),
            input_digest=await engine.merge_digests(
                MergeDigests([layer.digest, *(group.digest for group in layer.groups)])
            ),
            output_files=(output,),
            description=f"Make {output} for installers",
            done=f"Compressed {output} for installers",
            size=index.archive_size,
            cache_scope=engine.LOCAL_CACHE_SCOPE,
        ),
        **implicitly(),
    )
    digest = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs([output])))
    return PortableLayer(digest, output, index, layer.indexed.sha256)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
