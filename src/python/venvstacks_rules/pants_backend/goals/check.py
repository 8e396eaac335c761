"""``check``: whether the locks of layers match, and their code finds what it imports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.backend.python.dependency_inference.subsystem import PythonInferSubsystem
from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.engine.addresses import Address
from pants.engine.target import BoolField, FieldSet, Target
from pants.engine.unions import UnionRule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import VenvstacksError, one_error
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.pants_backend.build.imports import (
    LayerImports,
    LayerImportsRequest,
    layer_imports,
    refuse_missing,
)
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraphRequest,
    LayerRequest,
    find_layer,
    layer_graph,
    refuse_broken,
)
from venvstacks_rules.pants_backend.graph.stacks import (
    StackLayersRequest,
    folders_of_stack,
    stack_layers,
)
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLocks,
    CheckedLocksRequest,
    checked_locks,
    lock_error,
)
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.skip_fields import (
    SkipImportCheckField,
    SkipLockCheckField,
)
from venvstacks_rules.pants_backend.targets.source_fields import StackPartField


@dataclass(frozen=True)
class LayerCheckFieldSet(FieldSet):
    """A layer to check, or a stack, which stands for its layers."""

    required_fields = (StackPartField,)

    part: StackPartField
    environment: EnvironmentField


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


# One that cannot be judged must not hide what is wrong with the others: the engine raises the
# first error of several only. So these rules return what they catch.
@dataclass(frozen=True)
class JudgedStackRequest:
    """The layers of a stack that may be broken."""

    layers: StackLayersRequest


@dataclass(frozen=True)
class JudgedStack:
    """The layers of a stack, or what is wrong with it."""

    addresses: tuple[Address, ...]
    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class JudgedLocksRequest:
    """The locks of a layer that may be broken."""

    address: Address


@dataclass(frozen=True)
class JudgedLocks:
    """The locks of a layer, or what is wrong with it."""

    locks: Optional[CheckedLocks]
    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class JudgedImportsRequest:
    """The imports of a layer that may be broken."""

    imports: LayerImportsRequest


@dataclass(frozen=True)
class JudgedImports:
    """The imports of a layer, or what is wrong with it."""

    imports: Optional[LayerImports]
    error: Optional[VenvstacksError] = None


@dataclass(frozen=True)
class CheckedImportsRequest:
    """The imports of the layers of some targets."""

    field_sets: tuple[LayerCheckFieldSet, ...]


@dataclass(frozen=True)
class CheckedImports:
    """The imports of layers, each on one platform."""

    layers: tuple[LayerImports, ...]
    errors: tuple[VenvstacksError, ...]
    """Of layers that are not among these."""


@rule
async def judged_stack(request: JudgedStackRequest) -> JudgedStack:
    try:
        stack = await stack_layers(request.layers, **implicitly())
    except VenvstacksError as e:
        return JudgedStack((), e)
    return JudgedStack(stack.addresses)


@rule
async def judged_locks(request: JudgedLocksRequest) -> JudgedLocks:
    try:
        locks = await checked_locks(CheckedLocksRequest(request.address), **implicitly())
    except VenvstacksError as e:
        return JudgedLocks(None, e)
    return JudgedLocks(locks)


@rule
async def judged_imports(request: JudgedImportsRequest) -> JudgedImports:
    try:
        imports = await layer_imports(request.imports, **implicitly())
    except VenvstacksError as e:
        return JudgedImports(None, e)
    return JudgedImports(imports)


@rule
async def layers_to_check(request: LayersToCheckRequest) -> LayersToCheck:
    asked = [
        StackLayersRequest(field_set.address, field_set.part.value)
        for field_set in request.field_sets
        if isinstance(field_set.part, ManifestLayersField)
    ]
    folders = {
        *(field_set.address.spec_path for field_set in request.field_sets),
        *(folder for stack in asked for folder in folders_of_stack(stack)),
    }
    graphs = await concurrently(
        layer_graph(LayerGraphRequest(folder), **implicitly()) for folder in sorted(folders)
    )
    # All that follows needs sound definitions.
    refuse_broken(graphs)
    stacks = await concurrently(
        judged_stack(JudgedStackRequest(stack), **implicitly()) for stack in asked
    )
    named = [
        *(address for stack in stacks for address in stack.addresses),
        *(
            field_set.address
            for field_set in request.field_sets
            if not isinstance(field_set.part, ManifestLayersField)
        ),
    ]
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
async def check_imports(
    request: ImportCheckRequest, inference: PythonInferSubsystem
) -> CheckResults:
    try:
        imports = await checked_imports(
            CheckedImportsRequest(tuple(request.field_sets)), **implicitly()
        )
    except VenvstacksError as e:
        return _results(request.tool_name, e)
    warnings: tuple[str, ...] = ()
    errors = list(imports.errors)
    try:
        warnings = refuse_missing(imports.layers, inference)
    except VenvstacksError as e:
        errors.append(e)
    return _results(request.tool_name, one_error(errors), stdout="\n".join(warnings))


@rule
async def checked_imports(
    request: CheckedImportsRequest, platforms: BuildPlatforms
) -> CheckedImports:
    asked = LayersToCheckRequest(request.field_sets, SkipImportCheckField)
    layers = await layers_to_check(asked, **implicitly())
    checked = await concurrently(
        judged_locks(JudgedLocksRequest(address), **implicitly()) for address in layers.addresses
    )
    # What an out-of-date lock has says nothing; the other check reports it.
    sound = [
        address
        for address, each in zip(layers.addresses, checked)
        if each.locks is not None and lock_error([each.locks]) is None
    ]
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in sound
    )
    members = {
        (in_graph.targets[layer.address].address, platform)
        for in_graph in found
        for platform in _one_platform(in_graph.layer, platforms)
        for layer in (in_graph.layer, *in_graph.lower)
        if layer.address not in layers.skipped
    }
    judged = await concurrently(
        judged_imports(JudgedImportsRequest(LayerImportsRequest(address, platform)), **implicitly())
        for address, platform in sorted(members)
    )
    return CheckedImports(
        tuple(each.imports for each in judged if each.imports is not None),
        (*layers.errors, *(each.error for each in judged if each.error is not None)),
    )


def _one_platform(layer: Layer, platforms: BuildPlatforms) -> tuple[str, ...]:
    """This machine's if the layer is built for it, or else the first one; none if there is none."""
    names = platforms.of_layer(layer).names
    return (platforms.native,) if platforms.native in names else names[:1]


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
