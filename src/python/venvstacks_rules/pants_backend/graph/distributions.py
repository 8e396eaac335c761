"""The ``python_distribution`` targets that layers name, and those of the whole repository."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from packaging.utils import canonicalize_name
from pants.backend.python.target_types import PythonProvidesField
from pants.engine.addresses import Address
from pants.engine.target import (
    AllTargets,
    Dependencies,
    DependenciesRequest,
    Target,
    WrappedTargetRequest,
)
from pants.util.frozendict import FrozenDict

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.code_targets import ReachedCodeRequest, reached_code
from venvstacks_rules.pants_backend.graph.layer_code import code_sources
from venvstacks_rules.pants_backend.graph.references import field_origin, unparsed_addresses
from venvstacks_rules.pants_backend.targets.layers import LayerDependenciesField


@dataclass(frozen=True)
class NamedDistributionsRequest:
    """The distributions in the field ``dependencies`` of a layer."""

    layer: Target


@dataclass(frozen=True)
class NamedDistributions:
    """Distributions that a layer names."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class DistributedCodeRequest:
    """The code in the wheels of the distributions that a layer names."""

    layer: Target


@dataclass(frozen=True)
class DistributedCode:
    """Code that wheels have, so that no layer with these wheels below or in it has it again."""

    files: frozenset[str]
    """Relative to the root of the repository."""


@dataclass(frozen=True)
class RepositoryDistributionsRequest:
    """All distributions of the repository."""


@dataclass(frozen=True)
class RepositoryDistributions:
    """All distributions of the repository."""

    addresses: FrozenDict[str, tuple[Address, ...]]
    """By normalised name."""


@rule
async def named_distributions(request: NamedDistributionsRequest) -> NamedDistributions:
    alias, layer = LayerDependenciesField.alias, request.layer.address
    dependencies = request.layer[LayerDependenciesField].value or ()
    written = [text for text in dependencies if not text.startswith("!")]
    if not written:
        return NamedDistributions(())
    addresses = await engine.resolve_unparsed_address_inputs(
        unparsed_addresses(alias, written, layer)
    )
    found = await concurrently(
        engine.resolve_target(
            WrappedTargetRequest(address, description_of_origin=field_origin(alias, layer))
        )
        for address in addresses
    )
    return NamedDistributions(
        tuple(wrapped.target for wrapped in found if wrapped.target.has_field(PythonProvidesField))
    )


@rule
async def distributed_code(request: DistributedCodeRequest) -> DistributedCode:
    named = await named_distributions(NamedDistributionsRequest(request.layer), **implicitly())
    if not named.targets:
        return DistributedCode(frozenset())
    direct = await concurrently(
        engine.dependency_targets(DependenciesRequest(target.get(Dependencies)))
        for target in named.targets
    )
    roots = {target.address for targets in direct for target in targets}
    reached = await reached_code(ReachedCodeRequest(tuple(sorted(roots))), **implicitly())
    hydrated = await concurrently(
        engine.hydrate_sources(code_sources(target)) for target in reached.sources
    )
    files = {file for sources in hydrated for file in sources.snapshot.files}
    packages = {
        str(folder / "__init__.py") for file in files for folder in PurePosixPath(file).parents
    }
    return DistributedCode(frozenset(files | packages))


@rule
async def repository_distributions(
    _: RepositoryDistributionsRequest, targets: AllTargets
) -> RepositoryDistributions:
    found: dict[str, list[Address]] = {}
    for target in targets:
        if target.has_field(PythonProvidesField):
            name = canonicalize_name(target[PythonProvidesField].value.kwargs["name"])
            found.setdefault(name, []).append(target.address)
    return RepositoryDistributions(
        FrozenDict({name: tuple(sorted(addresses)) for name, addresses in found.items()})
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
