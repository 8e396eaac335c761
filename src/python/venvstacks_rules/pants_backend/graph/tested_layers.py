"""The layers that tests name: the one to test in, and the one with pytest."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import Optional

from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address
from pants.engine.target import WrappedTargetRequest

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import (
    LayerNames,
    LayerNamesRequest,
    TargetsInFoldersRequest,
    layer_names,
    targets_in_folders,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.references import parsed_address
from venvstacks_rules.pants_backend.targets.layer_tests import TestedLayerField, TestToolsField
from venvstacks_rules.pants_backend.targets.source_fields import is_layer


@dataclass(frozen=True)
class TestedLayersRequest:
    """The layers that tests name."""

    __test__ = False

    tests: tuple[Address, ...]


@dataclass(frozen=True)
class TestedLayer:
    """What a test runs in."""

    __test__ = False

    layer: Address
    tools: Address


@dataclass(frozen=True)
class TestedLayers:
    """What tests run in, in the order of the request."""

    __test__ = False

    tests: tuple[TestedLayer, ...]


@dataclass(frozen=True)
class _Named:
    """A layer that a test names in a field."""

    test: Address
    field: str
    written: str
    address: Optional[Address]
    """None if `written` is not an address."""


@rule
async def tested_layers(request: TestedLayersRequest) -> TestedLayers:
    """Raises DefinitionError with all that is wrong with the layers that the tests name."""
    wrapped = await concurrently(
        engine.resolve_target(WrappedTargetRequest(test, description_of_origin="the tests"))
        for test in request.tests
    )
    named = [
        _named(each.target.address, field.alias, each.target[field].value)
        for each in wrapped
        for field in (TestedLayerField, TestToolsField)
    ]
    folders = {each.address.spec_path for each in named if each.address is not None}
    beside = await targets_in_folders(
        TargetsInFoldersRequest(tuple(sorted(folders))), **implicitly()
    )
    known = {
        # What generated a target is not among them.
        **{target.address.maybe_convert_to_target_generator(): False for target in beside.targets},
        **{target.address: is_layer(target) for target in beside.targets},
    }
    if not all(each.address is not None and known.get(each.address) for each in named):
        names = await layer_names(LayerNamesRequest(), **implicitly())
        raise _error(_misnamed(named, known, names))
    addresses = dict.fromkeys(each.address for each in named if each.address is not None)
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in addresses
    )
    layers = dict(zip(addresses, (each.layer for each in found)))
    tests = [
        TestedLayer(layer, tools)
        for layer, tools in zip(
            (each.address for each in named[::2]), (each.address for each in named[1::2])
        )
        if layer is not None and tools is not None
    ]
    problems = [
        f"{test}: `tools` is {_called(tools)}, on the runtime {_runtime(tools)}, but `layer` is "
        f"{_called(layer)}, on {_runtime(layer)}. Name a layer with pytest on {_runtime(layer)}."
        for test, layer, tools in (
            (test, layers[each.layer], layers[each.tools])
            for test, each in zip(request.tests, tests)
        )
        if _runtime(layer) != _runtime(tools)
    ]
    if problems:
        raise _error(problems)
    return TestedLayers(tuple(tests))


def _named(test: Address, field: str, written: str) -> _Named:
    try:
        return _Named(test, field, written, parsed_address(field, written, test))
    except AddressParseException:
        return _Named(test, field, written, None)


def _misnamed(
    named: Iterable[_Named], known: dict[Address, bool], names: LayerNames
) -> Iterator[str]:
    for each in named:
        what = f"{each.test}: `{each.field}` names {each.written!r}"
        if each.address is not None and each.address in known:
            if not known[each.address]:
                yield f"{what}, which is not a layer. Name a layer."
            continue
        meant = names.meant(each.written, None, each.test)
        remedy = "Name a layer." if meant is None else f"Did you mean {meant!r}?"
        yield f"{what}, but there is no such target. {remedy}"


def _error(problems: Iterable[str]) -> DefinitionError:
    return DefinitionError("Tests cannot be run as written:", dict.fromkeys(problems))


def _called(layer: Layer) -> str:
    return layer.address


def _runtime(layer: Layer) -> str:
    return (layer.address, *layer.lower)[-1]


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
