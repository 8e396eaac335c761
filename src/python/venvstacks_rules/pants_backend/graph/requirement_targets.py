"""The targets that the field `requirements` names, and the requirements that targets declare."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional

from pants.backend.python.target_types import (
    PythonRequirementResolveField,
    PythonRequirementsField,
)
from pants.base.build_environment import get_buildroot
from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address
from pants.engine.target import AllTargets, Target

from venvstacks_rules.model.layers.definitions import LayerDefinition
from venvstacks_rules.model.layers.local_files import local_file, relative_to
from venvstacks_rules.model.layers.problems import Problem, suggestion
from venvstacks_rules.model.layers.requirement_entries import TargetRequirement, is_address
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import (
    TargetsInFoldersRequest,
    targets_in_folders,
)
from venvstacks_rules.pants_backend.graph.references import parsed_address
from venvstacks_rules.pants_backend.graph.variants import (
    grouped_variants,
    of_resolve,
    without_variant,
)
from venvstacks_rules.pants_backend.targets.layers import LayerDependenciesField, RequirementsField
from venvstacks_rules.pants_backend.targets.requirement_fields import PythonResolveField

_REMEDY = "Name a `python_requirement` target, or a target that generates some."


@dataclass(frozen=True)
class RequirementTargetsRequest:
    """The targets that the field `requirements` of a layer names."""

    address: Address
    """Of the layer."""
    entries: tuple[str, ...]
    """As written; those that are no address count for nothing."""
    resolve: Optional[str] = None
    """The resolve whose variant counts where a target has one for each of several resolves."""


@dataclass(frozen=True)
class RequirementTargets:
    """Targets with requirements, or why an entry names none."""

    targets: tuple[Target, ...]
    problems: tuple[Problem, ...]


@dataclass(frozen=True)
class RequirementNamesRequest:
    """The addresses of all targets of the repository that have requirements."""


@dataclass(frozen=True)
class RequirementNames:
    """The addresses of targets that have requirements, and of those that generate them."""

    specs: tuple[str, ...]


def requirements_of(target: Target, default_resolve: str | None) -> RequirementTargetsRequest:
    """What to ask for `target`, a layer; `default_resolve` is that of the option."""
    return RequirementTargetsRequest(
        target.address,
        tuple(target[RequirementsField].value or ()),
        target[PythonResolveField].chosen(default_resolve),
    )


def declared_by_targets(
    targets: Iterable[Target], layer: Address, *, field: str = RequirementsField.alias
) -> tuple[TargetRequirement, ...]:
    """The requirements that some of `targets` declare, for the definition of `layer`.

    `field` is the one by which the layer has the targets.
    """
    return tuple(
        TargetRequirement(
            _for_layer(str(requirement), target.address, layer), target.address.spec, field
        )
        for target in targets
        if target.has_field(PythonRequirementsField)
        for requirement in target[PythonRequirementsField].value or ()
    )


def with_reached(
    definition: LayerDefinition, layer: Address, targets: Iterable[Target]
) -> LayerDefinition:
    """With the requirements of `targets`, which the dependencies of the layer reach."""
    named = {each.origin for each in definition.target_requirements}
    more = [target for target in targets if target.address.spec not in named]
    reached = declared_by_targets(more, layer, field=LayerDependenciesField.alias)
    return replace(definition, target_requirements=(*definition.target_requirements, *reached))


def _for_layer(requirement: str, declared: Address, layer: Address) -> str:
    """The requirement, with a file relative to the folder of the layer."""
    file = local_file(requirement)
    if file is None:
        return requirement
    root = get_buildroot()
    if not file.path.startswith("/"):
        place = posixpath.join(root, declared.spec_path, file.path)
        requirement = f"{file.name} @ file:{posixpath.normpath(place)}{file.marker}"
    return relative_to(requirement, root, layer.spec_path)


@rule
async def requirement_targets(request: RequirementTargetsRequest) -> RequirementTargets:
    entries = {
        i: (written, _parsed(written, request.address))
        for i, written in enumerate(request.entries)
        if is_address(written)
    }
    folders = {address.spec_path for _, address in entries.values() if address is not None}
    if not entries:
        return RequirementTargets((), ())
    beside = await targets_in_folders(
        TargetsInFoldersRequest(tuple(sorted(folders))), **implicitly()
    )
    found: dict[Address, Target] = {}
    problems, unknown = {}, []
    for i, (written, address) in entries.items():
        named = _named(address, beside.targets)
        sound = [target for target in named if target.has_field(PythonRequirementsField)]
        chosen = of_resolve(sound, PythonRequirementResolveField, request.resolve)
        problem = _ambiguity(chosen)
        if not named:
            unknown.append(i)
        elif not sound:
            problem = f"which has no requirements. {_REMEDY}"
        if problem is not None:
            problems[i] = f"names {written!r}, {problem}"
        found.update((target.address, target) for target in chosen)
    if unknown:
        names = await requirement_names(RequirementNamesRequest(), **implicitly())
        for i in unknown:
            written, _ = entries[i]
            meant = suggestion(written, _as_written(names.specs, written, request.address))
            remedy = _REMEDY if meant is None else f"Did you mean {meant!r}?"
            problems[i] = f"names {written!r}, but there is no such target. {remedy}"
    return RequirementTargets(
        tuple(found.values()),
        tuple(
            Problem(f"{RequirementsField.alias}[{i}]", text) for i, text in sorted(problems.items())
        ),
    )


def _parsed(written: str, layer: Address) -> Address | None:
    try:
        return parsed_address(RequirementsField.alias, written, layer)
    except AddressParseException:
        return None


def _named(address: Address | None, targets: Iterable[Target]) -> list[Target]:
    """The target at `address`, or all that are generated from it, or all variants of it."""
    everything = tuple(targets)
    exact = [target for target in everything if target.address == address]
    return exact or [target for target in everything if address in _wider(target.address)]


def _wider(address: Address) -> set[Address]:
    """The addresses that stand for `address` and others: its generator's, that of all variants."""
    generator = address.maybe_convert_to_target_generator()
    return {generator, without_variant(generator), without_variant(address)}


def _ambiguity(targets: list[Target]) -> str | None:
    for variants in grouped_variants(targets):
        texts = {tuple(map(str, target[PythonRequirementsField].value)) for target in variants}
        if len(texts) > 1:
            specs = " and ".join(sorted(repr(target.address.spec) for target in variants))
            return (
                f"which has variants with different requirements: {specs}. Name one of them, or "
                "set `python_resolve` to the resolve of one."
            )
    return None


def _as_written(specs: Iterable[str], written: str, layer: Address) -> Iterable[str]:
    """The addresses, relative to the folder of the layer if `written` is."""
    folder = f"{layer.spec_path or '//'}:"
    for spec in specs:
        near = written.startswith(":") and spec.startswith(folder)
        yield spec[len(folder) - 1 :] if near else spec


@rule
async def requirement_names(_: RequirementNamesRequest, targets: AllTargets) -> RequirementNames:
    addresses = [target.address for target in targets if target.has_field(PythonRequirementsField)]
    generators = [address.maybe_convert_to_target_generator() for address in addresses]
    return RequirementNames(tuple(dict.fromkeys(a.spec for a in (*addresses, *generators))))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
