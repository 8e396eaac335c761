"""``tailor``: a ``venvstacks_stack`` for each stack file that no target owns."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.tailor import (
    AllOwnedSources,
    PutativeTarget,
    PutativeTargets,
    PutativeTargetsRequest,
)
from pants.engine.unions import UnionRule

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.stacks import StackSourceField, VenvstacksStack


@dataclass(frozen=True)
class PutativeStacksRequest(PutativeTargetsRequest):
    """Stack files in some folders."""


@rule(desc="Find stack files without a target")
async def find_putative_stacks(
    request: PutativeStacksRequest, owned: AllOwnedSources, options: VenvstacksSubsystem
) -> PutativeTargets:
    if not options.tailor:
        return PutativeTargets()
    found = await engine.path_globs_to_paths(request.path_globs(StackSourceField.default))
    return PutativeTargets(
        PutativeTarget.for_target_type(
            VenvstacksStack,
            path=os.path.dirname(file),
            name="stack",
            triggering_sources=[StackSourceField.default],
        )
        for file in sorted(set(found.files) - set(owned))
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(PutativeTargetsRequest, PutativeStacksRequest)]
