"""Builds the wheels of the ``python_distribution`` targets that layers name.

Pants builds them, as ``package`` does. What a lock has to know of them is what the wheel says: its
name, version and requirements.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from pants.backend.python.subsystems.setuptools import PythonDistributionFieldSet
from pants.core.goals.package import EnvironmentAwarePackageRequest
from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, Digest, DigestSubset, MergeDigests, PathGlobs
from pants.engine.target import WrappedTargetRequest
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.json_codec import from_json, to_json
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.locks.pylock import LockedWheel
from venvstacks_rules.model.requests.built_wheels import NormalizedWheel, NormalizeWheelRequest
from venvstacks_rules.model.requests.lock import BuiltDistribution
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.distributions import (
    NamedDistributionsRequest,
    RepositoryDistributionsRequest,
    named_distributions,
    repository_distributions,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.processes.actions import run_action
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

_WHEELS = "distributions"
"""The folder for the wheels in the sandbox of an action."""


@dataclass(frozen=True)
class DistributionWheelRequest:
    """The wheel of a distribution, built by Pants."""

    address: Address


@dataclass(frozen=True)
class DistributionWheel:
    """A wheel that Pants built, written again so that its bytes follow from its files."""

    address: Address
    digest: Digest
    wheel: NormalizedWheel

    @property
    def distribution(self) -> Distribution:
        """What the wheel says of itself."""
        return self.wheel.distribution

    @property
    def locked(self) -> LockedWheel:
        """The wheel, where a lockfile could name one."""
        return LockedWheel(self.wheel.file_name, None, None, self.wheel.size, self.wheel.sha256)


@dataclass(frozen=True)
class LayerDistributionsRequest:
    """The distributions of a layer, apart from those of the layers below."""

    address: Address
    among_broken: bool = False
    """Whether definitions of other layers may be broken."""


@dataclass(frozen=True)
class LayerDistributions:
    """The distributions of a layer, sorted by name."""

    own: tuple[DistributionWheel, ...] = ()
    """Those that the layer names."""
    required: tuple[DistributionWheel, ...] = ()
    """Those of the repository that these require, directly or not."""

    @property
    def all(self) -> tuple[DistributionWheel, ...]:
        """Both, sorted by name."""
        return tuple(sorted((*self.own, *self.required), key=lambda one: one.distribution.name))

    @property
    def inputs(self) -> tuple[Distribution, ...]:
        """What a lock has to know of them."""
        return tuple(one.distribution for one in self.all)

    @property
    def by_name(self) -> Mapping[str, DistributionWheel]:
        """All, by normalised name."""
        return FrozenDict({one.distribution.name: one for one in self.all})

    @property
    def hashes(self) -> tuple[str, ...]:
        """The SHA-256 of the layer's own."""
        return tuple(one.wheel.sha256 for one in self.own)


@dataclass(frozen=True)
class LockDistributionsRequest:
    """The distributions that the lock of a layer needs: of the layer and of all layers below."""

    address: Address


@dataclass(frozen=True)
class LockDistributions:
    """The distributions that the lock of a layer needs."""

    digest: Digest
    built: tuple[BuiltDistribution, ...]
    """With paths in `digest`."""


@rule(desc="Build the wheel of a distribution")
async def distribution_wheel(request: DistributionWheelRequest) -> DistributionWheel:
    origin = "the distributions of a layer"
    wrapped = await engine.resolve_target(
        WrappedTargetRequest(request.address, description_of_origin=origin)
    )
    package = await engine.environment_aware_package(
        EnvironmentAwarePackageRequest(PythonDistributionFieldSet.create(wrapped.target))
    )
    files = await engine.digest_to_snapshot(package.digest)
    wheels = [path for path in files.files if path.endswith(".whl")]
    if len(wheels) != 1:
        raise DefinitionError(
            "A distribution cannot be a wheel of a layer:",
            [
                f"{request.address}: it builds {', '.join(files.files) or 'nothing'}, and a layer "
                "takes one wheel. Set `wheel=True`, or remove it from the layer's `dependencies`."
            ],
        )
    name = wheels[0].rpartition("/")[2]
    output = f"normalized/{name}"
    result = await run_action(
        ActionProcessRequest(
            verb="normalize-wheel",
            request=to_json(NormalizeWheelRequest(wheels[0], output)),
            input_digest=package.digest,
            output_files=(output,),
            description=f"Read the wheel of {request.address}",
        ),
        **implicitly(),
    )
    written = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs([output])))
    return DistributionWheel(request.address, written, from_json(NormalizedWheel, result.result))


@rule
async def layer_distributions(request: LayerDistributionsRequest) -> LayerDistributions:
    found = await find_layer(LayerRequest(request.address, request.among_broken), **implicitly())
    named = await named_distributions(NamedDistributionsRequest(found.target), **implicitly())
    if not named.targets:
        return LayerDistributions()
    own = await concurrently(
        distribution_wheel(DistributionWheelRequest(target.address), **implicitly())
        for target in named.targets
    )
    _refuse_equal_names(found.layer, own)
    repository = await repository_distributions(RepositoryDistributionsRequest(), **implicitly())
    known = {one.distribution.name: one for one in own}
    latest = tuple(own)
    while latest:
        names = {
            canonicalize_name(Requirement(text).name)
            for one in latest
            for text in one.distribution.requires
        }
        addresses = [
            repository.addresses[name][0]
            for name in sorted(names - known.keys())
            if name in repository.addresses
        ]
        latest = await concurrently(
            distribution_wheel(DistributionWheelRequest(address), **implicitly())
            for address in addresses
        )
        known.update({one.distribution.name: one for one in latest})
    names_of_own = {one.distribution.name for one in own}
    return LayerDistributions(
        tuple(known[name] for name in sorted(names_of_own)),
        tuple(known[name] for name in sorted(known.keys() - names_of_own)),
    )


def _refuse_equal_names(layer: Layer, own: Iterable[DistributionWheel]) -> None:
    addresses: dict[str, list[str]] = {}
    for one in own:
        addresses.setdefault(one.distribution.name, []).append(one.address.spec)
    problems = [
        f"{layer.address}: `dependencies` has {' and '.join(sorted(specs))}, which are both "
        f"`{name}`. Keep one of them."
        for name, specs in sorted(addresses.items())
        if len(specs) > 1
    ]
    if problems:
        raise DefinitionError("A layer names two distributions of one name:", problems)


@rule
async def lock_distributions(request: LockDistributionsRequest) -> LockDistributions:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    chain = [found.targets[layer.address].address for layer in (found.layer, *found.lower)]
    layers = await concurrently(
        layer_distributions(LayerDistributionsRequest(address), **implicitly()) for address in chain
    )
    own = {one.distribution.name for one in layers[0].own}
    of_layer = layers[0].by_name
    wheels = {
        name: one
        for distributions in reversed(layers)
        for name, one in distributions.by_name.items()
    }
    digest = await engine.merge_digests(MergeDigests(one.digest for one in wheels.values()))
    return LockDistributions(
        await engine.add_prefix(AddPrefix(digest, _WHEELS)),
        tuple(
            BuiltDistribution(
                distribution=one.distribution,
                wheel=f"{_WHEELS}/normalized/{one.wheel.file_name}",
                sha256=one.wheel.sha256,
                is_own=name in own,
                is_lower=name not in of_layer,
            )
            for name, one in sorted(wheels.items())
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
