"""What a run with ``package`` packages, and everything that is wrong with it.

Pants asks for the packages of all targets at once, each by itself, and shows the first error only.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.environment import EnvironmentName
from pants.engine.internals.session import RunId

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend.build.judged import BrokenLayersRequest, broken_layers
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest


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


@rule
async def broken_in_run(_: BrokenInRunRequest) -> BrokenInRun:
    in_run = await packaged_in_run(PackagedInRunRequest(), **implicitly())
    seen = 0
    error = None
    # Until no other has begun meanwhile.
    while seen < len(in_run.layers) + len(in_run.stacks):
        layers = tuple(sorted({other.address for other in in_run.layers}))
        stacks = tuple(dict.fromkeys(other.layers for other in in_run.stacks))
        seen = len(in_run.layers) + len(in_run.stacks)
        found = await broken_layers(BrokenLayersRequest(layers, stacks), **implicitly())
        error = found.error
    return BrokenInRun(error)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
