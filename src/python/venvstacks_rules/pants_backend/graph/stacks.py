"""Stacks: the layers that a manifest lists, and all below them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address
from pants.engine.target import Target

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import NamedTargetsRequest, named_targets
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraph,
    LayerGraphRequest,
    layer_graph,
    refuse_broken,
)
from venvstacks_rules.pants_backend.graph.references import parsed_address
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField


@dataclass(frozen=True)
class StackLayersRequest:
    """The layers of a stack."""

    manifest: Address
    """Of the `venvstacks_manifest`."""
    written: tuple[str, ...]
    """The addresses in its field `layers`."""

    @classmethod
    def of(cls, manifest: Target) -> StackLayersRequest:
        """The layers of the stack of a manifest."""
        return cls(manifest.address, manifest[ManifestLayersField].value)


@dataclass(frozen=True)
class StackLayers:
    """The layers of a stack."""

    layers: tuple[Layer, ...]
    """As listed; layers below a layer that are not listed come in front of it."""
    addresses: tuple[Address, ...]
    """Of the layers, in the same order."""

    @property
    def applications(self) -> tuple[Address, ...]:
        """Of the applications among the layers."""
        return tuple(
            address
            for layer, address in zip(self.layers, self.addresses)
            if layer.kind is LayerKind.APPLICATION
        )


def folders_of_stack(request: StackLayersRequest) -> frozenset[str]:
    """The folders of the manifest, and of the layers that it names."""
    folders = {request.manifest.spec_path}
    for written in request.written:
        try:
            address = parsed_address(ManifestLayersField.alias, written, request.manifest)
        except AddressParseException:
            continue  # Pants has a message for it.
        folders.add(address.spec_path)
    return frozenset(folders)


@rule
async def stack_layers(request: StackLayersRequest) -> StackLayers:
    manifest = request.manifest
    named = await named_targets(
        NamedTargetsRequest(ManifestLayersField.alias, request.written, manifest), **implicitly()
    )
    listed = named.addresses
    # A manifest without layers may come from a stack file that cannot be read: its folder's graph
    # has the problem.
    folders = [address.spec_path for address in listed] or [manifest.spec_path]
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(folder), **implicitly()) for folder in folders
    )
    refuse_broken(graphs)
    found: dict[str, tuple[Layer, Address]] = {}
    problems = []
    # Of a layer below in several archives, the listed one, or the first.
    packed = {
        _packed_layer(graph, address.spec): address.spec
        for address, graph in zip(listed, graphs)
        if address.spec in graph.layers
    }
    for address, graph in zip(listed, graphs):
        layer = graph.layers.get(address.spec)
        if layer is None:
            problems.append(not_a_layer(manifest, address))
            continue
        lower = (packed.setdefault(_packed_layer(graph, spec), spec) for spec in layer.lower)
        for spec in (*reversed(tuple(lower)), layer.address):
            found.setdefault(spec, (graph.layers[spec], graph.targets[spec].address))
    problems += [
        f"{manifest}: `layers` brings together {first} and {second}, which are both called "
        f"`{found[first][0].layer_name}`. Rename one of them."
        for first, second in _namesakes(layer for layer, _ in found.values())
    ]
    if problems:
        raise DefinitionError("A stack cannot be built as written:", problems)
    return StackLayers(
        tuple(layer for layer, _ in found.values()),
        tuple(address for _, address in found.values()),
    )


def _packed_layer(graph: LayerGraph, spec: str) -> str:
    """Equal for variants that are one layer in several archives."""
    return graph.targets[spec].get(LayerSourcesField).packed_layer or spec


def not_a_layer(manifest: Address, address: Address) -> str:
    """The problem that a manifest names something else."""
    return f"{manifest}: `layers` names {address}, which is not a layer. Remove it."


def _namesakes(layers: Iterable[Layer]) -> Iterator[tuple[str, str]]:
    """Pairs of layers with the same name; some machines ignore the case of file names."""
    first: dict[str, str] = {}
    for layer in layers:
        other = first.setdefault(layer.layer_name.casefold(), layer.address)
        if other != layer.address:
            yield other, layer.address


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
