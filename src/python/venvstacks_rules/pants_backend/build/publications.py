"""What is published: the indexes of layers, and for a stack its manifest, one for each platform."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import (
    AddPrefix,
    CreateDigest,
    Digest,
    DigestSubset,
    FileContent,
    MergeDigests,
    PathGlobs,
)
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.layer_indexes import (
    LayerIndexFiles,
    LayerIndexRequest,
    layer_index,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule


@dataclass(frozen=True)
class StackIdentity:
    """What a stack is called in repositories."""

    name: str
    version: Optional[str] = None
    """Without one, the content decides."""
    notes: str = ""
    channel: Optional[str] = None


@dataclass(frozen=True)
class PublicationRequest:
    """Layers to publish, each for its platforms."""

    layers: tuple[tuple[Address, tuple[str, ...]], ...]
    """Lower layers first."""
    stack: Optional[StackIdentity] = None
    """If they are published as a stack, and not each for itself."""


@dataclass(frozen=True)
class PublicationFiles:
    """Layers to publish, and the manifests of their stack."""

    digest: Digest
    """For each layer version a folder with the files of :class:`LayerIndexFiles`, called by its
    number; and the manifests."""
    layers: tuple[LayerIndexFiles, ...]
    manifests: FrozenDict[str, str]
    """The path of the manifest, by platform."""
    stacks: tuple[PublishedStack, ...]
    """What the manifests say."""

    @property
    def warnings(self) -> tuple[str, ...]:
        """For the user."""
        found = (warning for layer in self.layers for warning in layer.warnings)
        remarks = (
            remark for layer in self.layers for group in layer.groups for remark in group.remarks
        )
        return tuple(dict.fromkeys((*found, *remarks)))


@rule(desc="Index layers for repositories")
async def publication_files(request: PublicationRequest) -> PublicationFiles:
    layers = await concurrently(
        layer_index(LayerIndexRequest(address, platform), **implicitly())
        for address, platforms in request.layers
        for platform in platforms
    )
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(layer.digest, str(number)))
        for number, layer in enumerate(layers)
    )
    stacks: tuple[PublishedStack, ...] = ()
    if request.stack is not None:
        subsets = await concurrently(
            engine.digest_subset_to_digest(DigestSubset(layer.digest, PathGlobs(["index.json"])))
            for layer in layers
        )
        contents = await concurrently(engine.get_digest_contents(subset) for subset in subsets)
        indexes = [LayerIndex.from_json(content[0].content) for content in contents]
        stacks = tuple(_stacks(request.stack, indexes))
    files = {f"manifest-{stack.platform}.json": stack.to_json() for stack in stacks}
    manifests = await engine.create_digest(
        CreateDigest([FileContent(path, text.encode()) for path, text in files.items()])
    )
    return PublicationFiles(
        await engine.merge_digests(MergeDigests([manifests, *prefixed])),
        tuple(layers),
        FrozenDict({stack.platform: path for stack, path in zip(stacks, files)}),
        stacks,
    )


def _stacks(identity: StackIdentity, indexes: Sequence[LayerIndex]) -> Iterable[PublishedStack]:
    for platform in dict.fromkeys(index.platform for index in indexes):
        layers = tuple(StackLayer.of(index) for index in indexes if index.platform == platform)
        if identity.version is None:
            yield PublishedStack.unversioned(identity.name, platform, layers)
        else:
            yield PublishedStack(identity.name, identity.version, platform, layers, identity.notes)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
