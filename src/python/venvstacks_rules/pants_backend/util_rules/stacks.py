"""Stacks: the layers that a manifest lists, and what is published of them together."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass

from pants.engine.addresses import Address, UnparsedAddressInputs
from pants.engine.fs import CreateDigest, Digest, DigestSubset, FileContent, MergeDigests, PathGlobs

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.layers import Layer
from venvstacks_rules.model.manifest import env_metadata_path, manifest_path, stack_manifest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.subsystem import VenvstacksSubsystem
from venvstacks_rules.pants_backend.util_rules.archives import LayerArchiveRequest, layer_archive
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerGraphRequest, layer_graph


@dataclass(frozen=True)
class StackLayersRequest:
    """The layers of a stack."""

    manifest: Address
    """Of the `venvstacks_manifest`."""
    written: tuple[str, ...]
    """The addresses in its field `layers`."""


@dataclass(frozen=True)
class StackLayers:
    """The layers of a stack."""

    layers: tuple[Layer, ...]
    """As listed, with those that a layer lies on in front of it where they are not listed."""
    addresses: tuple[Address, ...]
    """Of the layers, in the same order."""


@dataclass(frozen=True)
class StackOutputsRequest:
    """What is published of a stack for a platform."""

    layers: StackLayersRequest
    platform: str


@dataclass(frozen=True)
class StackOutputs:
    """The archives of a stack, and all that lies beside them."""

    digest: Digest
    files: tuple[str, ...]
    """The manifest, then the metadata of the layers, as paths in the digest.

    Empty where no layer targets the platform.
    """


@rule
async def stack_layers(request: StackLayersRequest) -> StackLayers:
    manifest = request.manifest
    listed = await engine.resolve_unparsed_address_inputs(
        UnparsedAddressInputs(
            request.written,
            owning_address=manifest,
            description_of_origin=f"the `layers` field from the target {manifest}",
        )
    )
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(address.spec_path), **implicitly()) for address in listed
    )
    found: dict[str, tuple[Layer, Address]] = {}
    problems = []
    for address, graph in zip(listed, graphs):
        if graph.problems:
            raise graph.error
        layer = graph.layers.get(address.spec)
        if layer is None:
            problems.append(f"{manifest}: `layers` names {address}, which is not a layer.")
            continue
        for spec in (*reversed(layer.lower), layer.address):
            found.setdefault(spec, (graph.layers[spec], graph.targets[spec].address))
    problems += [
        f"{manifest}: `layers` brings together {first} and {second}, which are both called "
        f"`{found[first][0].layer_name}`. Rename one of them."
        for first, second in _namesakes(layer for layer, _ in found.values())
    ]
    if problems:
        raise DefinitionError("A manifest cannot be built as written:", problems)
    return StackLayers(
        tuple(layer for layer, _ in found.values()),
        tuple(address for _, address in found.values()),
    )


def _namesakes(layers: Iterable[Layer]) -> Iterator[tuple[str, str]]:
    """Pairs of layers of one name; case does not tell files apart on every machine."""
    first: dict[str, str] = {}
    for layer in layers:
        other = first.setdefault(layer.layer_name.casefold(), layer.address)
        if other != layer.address:
            yield other, layer.address


@rule
async def stack_outputs(request: StackOutputsRequest, options: VenvstacksSubsystem) -> StackOutputs:
    stack = await stack_layers(request.layers, **implicitly())
    wanted = [
        (layer, address)
        for layer, address in zip(stack.layers, stack.addresses)
        if any(platform.name == request.platform for platform in layer.platforms)
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
    files = _manifest_files(
        [(layer, read[0].content) for (layer, _), read in zip(wanted, contents)],
        platform=request.platform,
        tagged=options.tag_outputs,
    )
    beside = await engine.create_digest(CreateDigest(files))
    digest = await engine.merge_digests(
        MergeDigests([beside, *(built.digest for built in archives)])
    )
    return StackOutputs(digest, tuple(file.path for file in files))


def _manifest_files(
    layers: Sequence[tuple[Layer, bytes]], *, platform: str, tagged: bool
) -> list[FileContent]:
    """The manifest, and the metadata of each layer; none for a stack without layers."""
    if not layers:
        return []
    manifest = stack_manifest((layer.kind, json.loads(content)) for layer, content in layers)
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
