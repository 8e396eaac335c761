"""``check``: whether the locks of layers match their definitions."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.engine.target import FieldSet
from pants.engine.unions import UnionRule
from pants.util.logging import LogLevel

from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLocksRequest,
    checked_locks,
    lock_error,
)
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import StackPartField


@dataclass(frozen=True)
class LockCheckFieldSet(FieldSet):
    """A layer whose lock to check, or a stack."""

    required_fields = (StackPartField,)

    part: StackPartField
    environment: EnvironmentField


class LockCheckRequest(CheckRequest[LockCheckFieldSet]):
    """The locks of layers, and of all layers below them."""

    field_set_type = LockCheckFieldSet
    tool_name = "venvstacks-locks"


@rule(desc="Check the locks of layers", level=LogLevel.DEBUG)
async def check_locks(request: LockCheckRequest) -> CheckResults:
    stacks = await concurrently(
        stack_layers(StackLayersRequest(field_set.address, field_set.part.value), **implicitly())
        for field_set in request.field_sets
        if isinstance(field_set.part, ManifestLayersField)
    )
    addresses = dict.fromkeys(
        [
            *(address for stack in stacks for address in stack.addresses),
            *(
                field_set.address
                for field_set in request.field_sets
                if not isinstance(field_set.part, ManifestLayersField)
            ),
        ]
    )
    checked = await concurrently(
        checked_locks(CheckedLocksRequest(address), **implicitly()) for address in addresses
    )
    error = lock_error(checked)
    result = CheckResult(exit_code=0 if error is None else 1, stdout="", stderr=str(error or ""))
    return CheckResults([result], checker_name=request.tool_name)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(CheckRequest, LockCheckRequest)]
