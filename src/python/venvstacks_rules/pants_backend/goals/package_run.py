"""What a run with ``package`` packages, and everything that is wrong with it.

Pants asks for the packages of all targets at once, each by itself, and shows the first error only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Optional

from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import RawSpecsWithoutFileOwners
from pants.base.specs_parser import SpecsParser
from pants.engine.addresses import Address
from pants.engine.environment import EnvironmentName
from pants.engine.internals.options_parsing import _Options
from pants.engine.internals.session import RunId

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.judged import BrokenLayersRequest, broken_layers
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.releases import (
    ReleasedLayersRequest,
    ReleaseLayersFieldSet,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import is_layer


@dataclass(frozen=True)
class LayerOutputsRequest:
    """What is packaged of a layer."""

    address: Address
    output_path: Optional[str]


@dataclass(frozen=True)
class StackPackageRequest:
    """What is packaged of a stack."""

    layers: StackLayersRequest
    output_path: Optional[str]


@dataclass(frozen=True)
class PackagedInRunRequest:
    """What this run packages in an environment."""


@dataclass(eq=False)
class PackagedInRun:
    """What this run packages in an environment, as far as it has begun.

    Pants asks for the packages of all targets at once, each by itself, and shows the first error
    only. An archive that is too large shows late: by then the others have begun, too.
    """

    layers: dict[LayerOutputsRequest, None] = field(default_factory=dict)
    stacks: dict[StackPackageRequest, None] = field(default_factory=dict)
    releases: dict[ReleasedLayersRequest, None] = field(default_factory=dict)


# The list is new in each run, because `RunId` changes, and belongs to one environment.
@rule
async def packaged_in_run(
    _: PackagedInRunRequest, _run_id: RunId, _environment: EnvironmentName
) -> PackagedInRun:
    return PackagedInRun()


@dataclass(frozen=True)
class BrokenInRunRequest:
    """What is wrong with all that this run packages."""


@dataclass(frozen=True)
class BrokenInRun:
    """What is wrong with all that this run packages; None if that shows in builds only."""

    error: Optional[VenvstacksError]


@dataclass(frozen=True)
class NamedInRunRequest:
    """What the command line of this run names."""


@dataclass(frozen=True)
class NamedInRun:
    """What the command line of this run names, begun or not."""

    layers: tuple[Address, ...] = ()
    stacks: tuple[StackLayersRequest, ...] = ()
    releases: tuple[ReleasedLayersRequest, ...] = ()


# A goal knows the targets of the run, and tells them to no rule that makes a package.
@rule
async def named_in_run(_: NamedInRunRequest, options: _Options) -> NamedInRun:
    filters = options.options.for_scope("filter")
    # Other goals package what their targets name.
    if "package" not in options.options.goals or any(
        filters.get(name) for name in ("target_type", "address_regex", "tag_regex")
    ):
        return NamedInRun()
    parsed = SpecsParser().parse_specs(
        options.options.specs,
        description_of_origin="the command line",
        unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
    )
    included, ignored = await concurrently(
        engine.resolve_targets_from_specs(
            replace(RawSpecsWithoutFileOwners.from_raw_specs(specs), filter_by_global_options=True)
        )
        for specs in (parsed.includes, parsed.ignores)
    )
    targets = [target for target in included if target not in ignored]
    return NamedInRun(
        tuple(target.address for target in targets if is_layer(target)),
        tuple(
            StackLayersRequest.of(target)
            for target in targets
            if target.has_field(ManifestLayersField)
        ),
        tuple(
            ReleasedLayersRequest(ReleaseLayersFieldSet.create(target))
            for target in targets
            if ReleaseLayersFieldSet.is_applicable(target)
        ),
    )


@rule
async def broken_in_run(_: BrokenInRunRequest) -> BrokenInRun:
    begun, named = await concurrently(
        packaged_in_run(PackagedInRunRequest(), **implicitly()),
        named_in_run(NamedInRunRequest(), **implicitly()),
    )
    layers = {*(other.address for other in begun.layers), *named.layers}
    stacks = (*(other.layers for other in begun.stacks), *named.stacks)
    found = await broken_layers(
        BrokenLayersRequest(
            tuple(sorted(layers)),
            tuple(sorted(dict.fromkeys(stacks), key=lambda stack: stack.manifest)),
            tuple(sorted({*begun.releases, *named.releases}, key=lambda r: r.fields.address)),
        ),
        **implicitly(),
    )
    return BrokenInRun(found.error)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
