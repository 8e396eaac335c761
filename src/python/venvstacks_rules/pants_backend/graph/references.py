"""The addresses of other targets in the fields of layers and manifests."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address, AddressInput, UnparsedAddressInputs
from pants.engine.target import Target

from venvstacks_rules.pants_backend.targets.layers import FrameworksField, RuntimeField


@dataclass(frozen=True)
class LayerReference:
    """A layer that another one names in a field."""

    field: str
    """The alias of the field."""
    written: str
    """The address as in the field."""
    address: Address | None
    """None if `written` is not an address."""


def layer_references(target: Target) -> Iterator[LayerReference]:
    """The layers that `target`, a layer, is directly on."""
    runtime = target.get(RuntimeField).value
    if runtime is not None:
        yield _reference(target, RuntimeField.alias, runtime)
    if target.has_field(FrameworksField):
        for written in target[FrameworksField].value or ():
            yield _reference(target, FrameworksField.alias, written)


def _reference(target: Target, field: str, written: str) -> LayerReference:
    try:
        address = parsed_address(field, written, target.address)
    except AddressParseException:
        return LayerReference(field, written, None)
    return LayerReference(field, written, address)


def as_written(address: Address, written: str, beside: Address) -> str:
    """`address`, relative to the folder of the target `beside` if `written` is."""
    return spec_in(beside.spec_path, address) if written.startswith(":") else address.spec


def spec_in(folder: str, address: Address) -> str:
    """The spec of `address` as short as possible in a BUILD file of `folder`."""
    if address.spec_path != folder:
        return address.spec
    rest = address.spec[len(folder) :].lstrip("/")
    # Pants leaves out a name that is that of the folder.
    return rest if rest.startswith(":") else f":{address.target_name}{rest}"


def parsed_address(field: str, written: str, target: Address) -> Address:
    """The address that `field` of `target` names.

    Raises AddressParseException if `written` is not an address.
    """
    parsed = AddressInput.parse(
        written,
        relative_to=target.spec_path,
        description_of_origin=field_origin(field, target),
    )
    return parsed.dir_to_address()


def unparsed_addresses(
    field: str, written: Iterable[str], target: Address
) -> UnparsedAddressInputs:
    """The addresses that `field` of `target` names, for the engine to look up."""
    return UnparsedAddressInputs(
        written, owning_address=target, description_of_origin=field_origin(field, target)
    )


def field_origin(field: str, target: Address) -> str:
    """Where an address comes from, as in Pants' own messages."""
    return f"the `{field}` field from the target {target}"
