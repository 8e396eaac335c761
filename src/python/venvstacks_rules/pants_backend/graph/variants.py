"""Which variant of a parametrized target another target means by its address."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.target import Field, Target

from venvstacks_rules.model.layers.variants import PACKING_PARAMETERS
from venvstacks_rules.pants_backend.graph.references import as_written
from venvstacks_rules.pants_backend.targets.source_fields import without_packing


@dataclass(frozen=True)
class TargetsByName:
    """Targets that others may refer to, by their addresses without parameters."""

    variants: Mapping[tuple[str, str, str | None], tuple[Target, ...]]

    @classmethod
    def of(cls, targets: Iterable[Target]) -> TargetsByName:
        """All of `targets`."""
        found: dict[tuple[str, str, str | None], list[Target]] = {}
        for target in sorted(targets, key=lambda target: target.address.spec):
            found.setdefault(name_of(target.address), []).append(target)
        return cls({name: tuple(variants) for name, variants in found.items()})

    def leaves_open(self, addresses: Iterable[Address]) -> bool:
        """Whether one of `addresses` is of a target with variants, but of none of them."""
        return any(
            variants and all(target.address != address for target in variants)
            for address in addresses
            for variants in [self.variants.get(name_of(address), ())]
        )

    def meant(
        self, address: Address | None, consumer: Address, fields: Target | None = None
    ) -> tuple[Address, ...]:
        """The target that `consumer` means by `address`: none, one, or several variants of one.

        As Pants does for `dependencies`, it fills in a parameter that `address` lacks where
        `consumer` has the same parameter, or in its `fields` the same value. Among archives of one
        layer it does not matter which one is meant.
        """
        if address is None:
            return ()
        fitting = [
            target
            for target in self.variants.get(name_of(address), ())
            if address.is_parametrized_subset_of(target.address)
        ]
        missing = {
            target.address: [
                name for name in target.address.parameters if name not in address.parameters
            ]
            for target in fitting
        }
        if any(not names for names in missing.values()):
            return (address,)

        def matches(target: Target, name: str) -> bool:
            return _same_parameter(consumer, target, name) or _same_field(fields, target, name)

        same = [
            target
            for target in fitting
            if all(
                matches(target, name)
                for name in missing[target.address]
                if name not in PACKING_PARAMETERS
            )
        ]
        layers = {without_packing(target.address) for target in same}
        if len(layers) != 1:
            return tuple(target.address for target in fitting)
        # The first of those that have most in common with the consumer.
        chosen = max(
            same, key=lambda target: sum(matches(target, name) for name in missing[target.address])
        )
        return (chosen.address,)


def name_of(address: Address) -> tuple[str, str, str | None]:
    """What the addresses of all variants of a target have in common."""
    return (address.spec_path, address.target_name, address.generated_name)


def without_variant(address: Address) -> Address:
    """The address that all variants of a target share, also of one that is generated for a file."""
    return Address(
        address.spec_path,
        target_name=address.target_name,
        generated_name=address.generated_name,
        relative_file_path=None if address.generated_name else address.relative_file_path,
    )


def grouped_variants(targets: Iterable[Target]) -> list[list[Target]]:
    """The variants of each of `targets`, together."""
    found: dict[Address, list[Target]] = {}
    for target in targets:
        found.setdefault(without_variant(target.address), []).append(target)
    return list(found.values())


def of_resolve(targets: Iterable[Target], field: type[Field], resolve: str | None) -> list[Target]:
    """The variants whose `field` is `resolve`, of targets that have one; all others as they are."""
    chosen = []
    for variants in grouped_variants(targets):
        with_field = [target for target in variants if target.has_field(field)]
        matching = [target for target in with_field if target[field].value == resolve]
        chosen += matching if matching and resolve is not None else variants
    return chosen


def _same_parameter(consumer: Address, target: Target, name: str) -> bool:
    value = consumer.parameters.get(name)
    return value is not None and value == target.address.parameters[name]


def _same_field(consumer: Target | None, target: Target, name: str) -> bool:
    """Whether both have set the parametrized field, to the same value."""
    if consumer is None:
        return False
    return any(
        kind.alias == name
        and consumer.has_field(kind)
        and consumer[kind].value == field.value
        # Two layers that leave a field alone have nothing in common.
        and field.value != field.default
        for kind, field in target.field_values.items()
    )


def several_variants(written: str, variants: Iterable[Address], consumer: Address) -> str:
    """The problem that `consumer` must say which of `variants` it means; follows `names ':rt',`."""
    choices = [repr(as_written(address, written, consumer)) for address in variants]
    return f"which has {len(choices)} variants. Name one of them: {', '.join(choices)}."
