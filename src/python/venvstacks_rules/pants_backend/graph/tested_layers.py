"""The layers that tests name: the one to test in, and the one with pytest."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass
from typing import Optional

from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address
from pants.engine.target import Target, WrappedTargetRequest

from venvstacks_rules.model.errors import DefinitionError
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
from venvstacks_rules.pants_backend.graph.variants import TargetsByName, several_variants
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

    test: Target
    field: str
    written: str
    address: Optional[Address]
    """None if `written` is not an address."""

    @property
    def start(self) -> str:
        """The start of a message about it."""
        return f"{self.test.address}: `{self.field}` names {self.written!r}"


@rule
async def tested_layers(request: TestedLayersRequest) -> TestedLayers:
    """Raises DefinitionError with all that is wrong with the layers that the tests name."""
    wrapped = await concurrently(
        engine.resolve_target(WrappedTargetRequest(test, description_of_origin="the tests"))
        for test in request.tests
    )
    named = [
        _named(each.target, field.alias, each.target[field].value)
        for each in wrapped
        for field in (TestedLayerField, TestToolsField)
    ]
    folders = {each.address.spec_path for each in named if each.address is not None}
    beside = await targets_in_folders(
        TargetsInFoldersRequest(tuple(sorted(folders))), **implicitly()
    )
    by_name = TargetsByName.of(beside.targets)
    meant = [by_name.meant(each.address, each.test.address, each.test) for each in named]
    layers = {target.address for target in beside.targets if is_layer(target)}
    if not all(len(variants) == 1 and variants[0] in layers for variants in meant):
        names = await layer_names(LayerNamesRequest(), **implicitly())
        # What generated a target is not among them.
        known = {target.address.maybe_convert_to_target_generator() for target in beside.targets}
        raise _error(
            filter(
                None,
                (
                    _misnamed(each, variants, layers, known, names)
                    for each, variants in zip(named, meant)
                ),
            )
        )
    addresses = [variants[0] for variants in meant]
    tests = tuple(map(TestedLayer, addresses[::2], addresses[1::2]))
    unique = tuple(dict.fromkeys(addresses))
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in unique
    )
    runtimes = {
        address: (each.layer.address, *each.layer.lower)[-1] for address, each in zip(unique, found)
    }
    problems = [
        f"{test}: `tools` is {each.tools}, on the runtime {runtimes[each.tools]}, but `layer` is "
        f"{each.layer}, on {runtimes[each.layer]}. Name a layer with pytest on "
        f"{runtimes[each.layer]}."
        for test, each in zip(request.tests, tests)
        if runtimes[each.tools] != runtimes[each.layer]
    ]
    if problems:
        raise _error(problems)
    return TestedLayers(tests)


def _named(test: Target, field: str, written: str) -> _Named:
    try:
        return _Named(test, field, written, parsed_address(field, written, test.address))
    except AddressParseException:
        return _Named(test, field, written, None)


def _misnamed(
    named: _Named,
    variants: Sequence[Address],
    layers: Collection[Address],
    generators: Collection[Address],
    names: LayerNames,
) -> str | None:
    """What is wrong with the name of a layer; None if nothing is."""
    if len(variants) > 1:
        what = several_variants(named.written, variants, named.test.address)
        return f"{named.start}, {what}"
    if variants and variants[0] in layers:
        return None
    if variants or named.address in generators:
        return f"{named.start}, which is not a layer. Name a layer."
    likely = names.meant(named.written, None, named.test.address)
    remedy = "Name a layer." if likely is None else f"Did you mean {likely!r}?"
    return f"{named.start}, but there is no such target. {remedy}"


def _error(problems: Iterable[str]) -> DefinitionError:
    return DefinitionError("Tests cannot be run as written:", dict.fromkeys(problems))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
