"""The names by which users ask for the locks of layers, and for virtual environments of layers.

That is the address of a layer, of a stack's manifest, or of the target that generates a stack's
layers. Without its parameters, an address means all its variants; without those that change only
the archive, one layer.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator

from pants.engine.addresses import Address
from pants.engine.target import Target

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import (
    is_layer,
    without_packing,
    without_parameters,
)


def layers_by_name(targets: Iterable[Target]) -> dict[str, tuple[Target, ...]]:
    """The layers, each with its variants."""
    return _by_name((target, _names(target.address)) for target in targets if is_layer(target))


def manifests_by_name(targets: Iterable[Target]) -> dict[str, tuple[Target, ...]]:
    """The manifests; that of a stack file also by the name of the generating target.

    A stack file has a manifest even if it cannot be read.
    """
    return _by_name(
        (target, (*_names(address), *_names(address.maybe_convert_to_target_generator())))
        for target in targets
        if target.has_field(ManifestLayersField)
        for address in [target.address]
    )


def _names(address: Address) -> Iterator[str]:
    yield address.spec
    yield without_packing(address).spec
    yield without_parameters(address).spec


def _by_name(
    named: Iterable[tuple[Target, Iterable[str]]],
) -> dict[str, tuple[Target, ...]]:
    found: dict[str, dict[Target, None]] = {}
    for target, names in named:
        for name in names:
            found.setdefault(name, {})[target] = None
    return {name: tuple(of_name) for name, of_name in found.items()}


def refuse_misspelt(asked: Iterable[str], known: Collection[str]) -> None:
    """Raise DefinitionError for addresses that are probably misspelt.

    Pants would list all names; it has its own message for everything that is no address.
    """
    problems = []
    for name in asked:
        meant = suggestion(name, known) if ":" in name and name not in known else None
        if meant is not None:
            problems.append(f"there is no layer or stack {name!r}. Did you mean {meant!r}?")
    if problems:
        raise DefinitionError("`--generate-lockfiles-resolve` cannot be used:", problems)
