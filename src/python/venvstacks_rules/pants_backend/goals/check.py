"""``check``: whether the locks of layers match, and their code finds what it imports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.engine.addresses import Address
from pants.engine.target import BoolField, FieldSet, Target, WrappedTargetRequest
from pants.engine.unions import UnionRule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import VenvstacksError, one_error
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.imports import ImportPolicy, refuse_missing
from venvstacks_rules.pants_backend.build.judged import (
    CheckedImportsRequest,
    JudgedLocksRequest,
    JudgedReleaseRequest,
    JudgedStackRequest,
    SoundDefinitionsRequest,
    checked_imports,
    judged_locks,
    judged_release,
    judged_stack,
    sound_definitions,
)
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.releases import (
    ReleasedLayersRequest,
    ReleaseLayersFieldSet,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest
from venvstacks_rules.pants_backend.locks.freshness import CheckedLocks, lock_error
from venvstacks_rules.pants_backend.subsystems.venvstacks import MissingImports
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.releases import ReleaseLayersField
from venvstacks_rules.pants_backend.targets.skip_fields import (
    SkipImportCheckField,
    SkipLockCheckField,
)
from venvstacks_rules.pants_backend.targets.source_fields import StackPartField


@dataclass(frozen=True)
class LayerCheckFieldSet(FieldSet):
    """A layer to check, or a stack or a release, which stand for their layers."""

    required_fields = (StackPartField,)

    part: StackPartField
    environment: EnvironmentField

    @property
    def layers_of_stack(self) -> StackLayersRequest | None:
        """The layers of a stack; None for another target."""
        if not isinstance(self.part, ManifestLayersField):
            return None
        return StackLayersRequest(self.address, self.part.value)


class LockCheckFieldSet(LayerCheckFieldSet):
    """A layer whose lock to check, or a stack."""

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        """Whether `tgt` is not to be checked."""
        return bool(tgt.get(SkipLockCheckField).value)


class ImportCheckFieldSet(LayerCheckFieldSet):
    """A layer whose imports to check, or a stack."""

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        """Whether `tgt` is not to be checked."""
        return bool(tgt.get(SkipImportCheckField).value)


class LockCheckRequest(CheckRequest[LockCheckFieldSet]):
    """The locks of layers, and of all layers below them."""

    field_set_type = LockCheckFieldSet
    tool_name = "venvstacks-locks"


class ImportCheckRequest(CheckRequest[ImportCheckFieldSet]):
    """The imports of the first-party code of layers, and of all layers below them."""

    field_set_type = ImportCheckFieldSet
    tool_name = "venvstacks-imports"


@dataclass(frozen=True)
class LayersToCheckRequest:
    """The layers of some targets."""

    field_sets: tuple[LayerCheckFieldSet, ...]
    skip: type[BoolField]
    """The field of the layers that are not checked."""


@dataclass(frozen=True)
class LayersToCheck:
    """Layers to check, each once."""

    addresses: tuple[Address, ...]
    skipped: frozenset[str]
    """The address specs of layers below these that are not checked."""
    errors: tuple[VenvstacksError, ...] = ()
    """Of stacks whose layers are not among these."""


@rule
async def layers_to_check(request: LayersToCheckRequest) -> LayersToCheck:
    asked = [stack for each in request.field_sets for stack in [each.layers_of_stack] if stack]
    wrapped = await concurrently(
        engine.resolve_target(WrappedTargetRequest(each.address, description_of_origin="check"))
        for each in request.field_sets
        if isinstance(each.part, ReleaseLayersField)
    )
    releases = [ReleasedLayersRequest(ReleaseLayersFieldSet.create(w.target)) for w in wrapped]
    layers = [
        each.address
        for each in request.field_sets
        if not isinstance(each.part, (ManifestLayersField, ReleaseLayersField))
    ]
    await sound_definitions(SoundDefinitionsRequest.of(layers, asked, releases), **implicitly())
    stacks = await concurrently(
        [
            *(judged_stack(JudgedStackRequest(stack), **implicitly()) for stack in asked),
            *(judged_release(JudgedReleaseRequest(each), **implicitly()) for each in releases),
        ]
    )
    named = [*(address for stack in stacks for address in stack.addresses), *layers]
    addresses = tuple(dict.fromkeys(named))
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in addresses
    )
    skipped = frozenset(
        spec
        for layer in found
        for spec, target in layer.targets.items()
        if target[request.skip].value
    )
    return LayersToCheck(
        tuple(address for address in addresses if address.spec not in skipped),
        skipped,
        tuple(stack.error for stack in stacks if stack.error is not None),
    )


@rule(desc="Check the locks of layers", level=LogLevel.DEBUG)
async def check_locks(request: LockCheckRequest) -> CheckResults:
    asked = LayersToCheckRequest(tuple(request.field_sets), SkipLockCheckField)
    try:
        layers = await layers_to_check(asked, **implicitly())
    except VenvstacksError as e:
        # The other checkers have their say all the same.
        return _results(request.tool_name, e)
    checked = await concurrently(
        judged_locks(JudgedLocksRequest(address), **implicitly()) for address in layers.addresses
    )
    judged = (
        CheckedLocks(
            FrozenDict(
                {
                    spec: lock
                    for spec, lock in each.locks.locks.items()
                    if spec not in layers.skipped
                }
            )
        )
        for each in checked
        if each.locks is not None
    )
    errors = (*layers.errors, *(each.error for each in checked), lock_error(judged))
    return _results(request.tool_name, one_error(errors))


@rule(desc="Check the imports of layers", level=LogLevel.DEBUG)
async def check_imports(request: ImportCheckRequest, policy: ImportPolicy) -> CheckResults:
    asked = LayersToCheckRequest(tuple(request.field_sets), SkipImportCheckField)
    try:
        layers = await layers_to_check(asked, **implicitly())
    except VenvstacksError as e:
        return _results(request.tool_name, e)
    imports = await checked_imports(
        CheckedImportsRequest(layers.addresses, layers.skipped), **implicitly()
    )
    notes = [
        f"{address}: its imports were not compared, since locks are missing or do not match."
        for address in imports.unchecked
    ]
    if policy.behavior is MissingImports.IGNORE:
        notes = [f'No imports were compared: `{policy.option}` is "ignore".']
    errors = [*layers.errors, *imports.errors]
    try:
        notes += refuse_missing(imports.layers, policy)
    except VenvstacksError as e:
        errors.append(e)
    return _results(request.tool_name, one_error(errors), stdout="\n".join(notes))


def _results(tool: str, error: Exception | None, stdout: str = "") -> CheckResults:
    code = 0 if error is None else 1
    result = CheckResult(exit_code=code, stdout=stdout, stderr=str(error or ""))
    return CheckResults([result], checker_name=tool)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [
        *collect_rules(),
        UnionRule(CheckRequest, LockCheckRequest),
        UnionRule(CheckRequest, ImportCheckRequest),
    ]
