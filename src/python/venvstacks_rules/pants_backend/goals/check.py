"""``check``: whether the locks of layers match, and their code finds what it imports."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.backend.python.dependency_inference.subsystem import PythonInferSubsystem
from pants.core.goals.check import CheckRequest, CheckResult, CheckResults
from pants.engine.addresses import Address
from pants.engine.target import BoolField, FieldSet, Target
from pants.engine.unions import UnionRule
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import VenvstacksError
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
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
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


@dataclass(frozen=True)
class CheckedImportsRequest:
    """The imports of the layers of some targets."""

    field_sets: tuple[LayerCheckFieldSet, ...]


@dataclass(frozen=True)
class CheckedImports:
    """The imports of layers, each on one platform."""

    layers: tuple[LayerImports, ...]


@rule
async def layers_to_check(request: LayersToCheckRequest) -> LayersToCheck:
    stacks = await concurrently(
        stack_layers(StackLayersRequest(field_set.address, field_set.part.value), **implicitly())
        for field_set in request.field_sets
        if isinstance(field_set.part, ManifestLayersField)
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
        tuple(address for address in addresses if address.spec not in skipped), skipped
    )


@rule(desc="Check the locks of layers", level=LogLevel.DEBUG)
async def check_locks(request: LockCheckRequest) -> CheckResults:
    asked = LayersToCheckRequest(tuple(request.field_sets), SkipLockCheckField)
    layers = await layers_to_check(asked, **implicitly())
    checked = await concurrently(
        checked_locks(CheckedLocksRequest(address), **implicitly()) for address in layers.addresses
    )
    judged = (
        CheckedLocks(
            FrozenDict(
                {spec: lock for spec, lock in locks.locks.items() if spec not in layers.skipped}
            )
        )
        for locks in checked
    )
    return _results(request.tool_name, lock_error(judged))


@rule(desc="Check the imports of layers", level=LogLevel.DEBUG)
async def check_imports(
    request: ImportCheckRequest, inference: PythonInferSubsystem
) -> CheckResults:
    try:
        imports = await checked_imports(
            CheckedImportsRequest(tuple(request.field_sets)), **implicitly()
        )
        warnings = refuse_missing(imports.layers, inference)
    except VenvstacksError as e:
        # The other checkers have their say all the same.
        return _results(request.tool_name, e)
    return _results(request.tool_name, None, stdout="\n".join(warnings))


@rule
async def checked_imports(
    request: CheckedImportsRequest, platforms: BuildPlatforms
) -> CheckedImports:
    asked = LayersToCheckRequest(request.field_sets, SkipImportCheckField)
    layers = await layers_to_check(asked, **implicitly())
    checked = await concurrently(
        checked_locks(CheckedLocksRequest(address), **implicitly()) for address in layers.addresses
    )
    # What an out-of-date lock has says nothing; the other check reports it.
    sound = [
        address for address, locks in zip(layers.addresses, checked) if lock_error([locks]) is None
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
    imports = await concurrently(
        layer_imports(LayerImportsRequest(address, platform), **implicitly())
        for address, platform in sorted(members)
    )
    return CheckedImports(tuple(imports))


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
