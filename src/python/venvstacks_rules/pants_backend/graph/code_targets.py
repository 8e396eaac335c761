"""The targets whose files are the first-party code of a layer."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.target_types import (
    PythonProvidesField,
    PythonRequirementsField,
    PythonTestSourceField,
)
from pants.core.goals.package import OutputPathField
from pants.engine.addresses import Address, Addresses
from pants.engine.target import (
    Dependencies,
    DependenciesRequest,
    SourcesField,
    Target,
    WrappedTargetRequest,
)

from venvstacks_rules.model.layers.requirement_entries import is_address
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.definitions import module_paths
from venvstacks_rules.pants_backend.graph.module_owners import ModuleOwnersRequest, module_owners
from venvstacks_rules.pants_backend.graph.references import unparsed_addresses
from venvstacks_rules.pants_backend.targets.layer_tests import LayerTestSourceField
from venvstacks_rules.pants_backend.targets.layers import (
    LayerDependenciesField,
    PythonArchivesField,
    RequirementsField,
)
from venvstacks_rules.pants_backend.targets.source_fields import StackPartField, is_layer


@dataclass(frozen=True)
class CodeTargetsRequest:
    """The targets with the first-party code of a layer."""

    address: Address


@dataclass(frozen=True)
class ReachedCodeRequest:
    """The targets with code that some targets are, or depend on."""

    roots: tuple[Address, ...]
    passed: frozenset[Address] = frozenset()
    """Roots whose own files do not count, unless another target depends on them."""
    excluded: frozenset[Address] = frozenset()
    """Targets to leave out wherever they are."""
    tests: bool = False
    """Whether tests count as well."""


@dataclass(frozen=True)
class CodeTargets:
    """Targets with first-party code, and what they need."""

    sources: tuple[Target, ...]
    """Those that have files, sorted by address."""
    requirements: tuple[Target, ...]
    """The third-party requirements that they depend on, sorted by address."""


def may_reach_requirements(layer: Target) -> bool:
    """Whether a layer names anything but layers, so that it may depend on requirements.

    A repository has many that do not, and each question to the engine is checked again in each run.
    """
    return bool(
        layer[LayerDependenciesField].value
        or module_paths(layer)
        or any(map(is_address, layer[RequirementsField].value or ()))
    )


@rule
async def code_targets(request: CodeTargetsRequest) -> CodeTargets:
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(request.address, description_of_origin="the layers of a stack")
    )
    field = wrapped.target[LayerDependenciesField]
    direct, owners, named = await concurrently(
        engine.dependency_targets(DependenciesRequest(field)),
        module_owners(ModuleOwnersRequest(request.address), **implicitly()),
        engine.resolve_unparsed_address_inputs(field.unevaluated_transitive_excludes),
    )
    # A generator stands for what it generates.
    excluded = await engine.resolve_targets(named)
    # What a runtime is made of is no code of it.
    archives = await engine.resolve_unparsed_address_inputs(
        unparsed_addresses(
            PythonArchivesField.alias,
            (wrapped.target.get(PythonArchivesField).value or {}).values(),
            request.address,
        )
    )
    reached: CodeTargets = await reached_code(
        ReachedCodeRequest(
            tuple(
                target.address
                for target in direct
                if not is_layer(target) and target.address not in archives
            ),
            # Their files lie in the layer already, under the names that its fields give them.
            passed=frozenset(owners.of_paths),
            excluded=frozenset(target.address for target in excluded),
        ),
        **implicitly(),
    )
    return reached


@rule
async def reached_code(request: ReachedCodeRequest) -> CodeTargets:
    found: dict[Address, Target] = {}
    roots = await engine.resolve_targets(Addresses(request.roots))
    pending = [target for target in roots if _belongs(target, request)]
    taken = [target for target in pending if target.address not in request.passed]
    while pending:
        found.update((target.address, target) for target in taken)
        below = await concurrently(
            engine.dependency_targets(DependenciesRequest(target.get(Dependencies)))
            for target in pending
        )
        reached = {
            target.address: target
            for above, targets in zip(pending, below)
            for target in targets
            if target.address not in found and _belongs(target, request)
            # Requirements also depend on the files that declare them.
            if target.has_field(PythonRequirementsField)
            or not above.has_field(PythonRequirementsField)
        }
        pending = taken = list(reached.values())
    ordered = [found[address] for address in sorted(found)]
    return CodeTargets(
        tuple(target for target in ordered if target.has_field(SourcesField)),
        tuple(target for target in ordered if target.has_field(PythonRequirementsField)),
    )


def _belongs(target: Target, request: ReachedCodeRequest) -> bool:
    """Whether a target, and what it depends on, can be code of a layer, or of a test."""
    is_test = target.has_field(PythonTestSourceField) or target.has_field(LayerTestSourceField)
    return (
        target.address not in request.excluded
        and (request.tests or not is_test)
        and not (
            target.has_field(StackPartField)
            or target.has_field(OutputPathField)
            # Its code is in its wheel.
            or target.has_field(PythonProvidesField)
        )
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
