"""``lint``: what layers have twice, or for nothing."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from pants.core.goals.lint import LintResult, LintTargetsRequest
from pants.core.util_rules.partitions import Partition, PartitionerType, Partitions
from pants.engine.addresses import Address
from pants.engine.target import FieldSet, Target
from pants.util.docutil import bin_name
from pants.util.logging import LogLevel

from venvstacks_rules.model.advice.contents import content_findings
from venvstacks_rules.model.advice.findings import findings_text
from venvstacks_rules.model.advice.sharing import sharing_findings
from venvstacks_rules.model.advice.unused import unused_findings
from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend.engine import (
    EnvironmentField,
    collect_rules,
    concurrently,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.goals.linted_layers import (
    FoundLintedLayer,
    LintedLayerRequest,
    linted_layer,
)
from venvstacks_rules.pants_backend.goals.partitions import Undescribed
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.subsystems.lint import VenvstacksLintSubsystem
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.releases import ReleaseLayersField
from venvstacks_rules.pants_backend.targets.size_fields import SkipLintField
from venvstacks_rules.pants_backend.targets.source_fields import StackPartField, without_packing


@dataclass(frozen=True)
class LayerLintFieldSet(FieldSet):
    """A layer to look at, or a stack."""

    required_fields = (StackPartField,)

    part: StackPartField
    environment: EnvironmentField

    @classmethod
    def opt_out(cls, tgt: Target) -> bool:
        """Whether the target says so, or is a release, which has no layers of its own."""
        return bool(tgt.get(SkipLintField).value) or tgt.has_field(ReleaseLayersField)


class LayerLintRequest(LintTargetsRequest):
    """Layers, and all layers below them."""

    tool_subsystem = VenvstacksLintSubsystem  # type: ignore[assignment]
    field_set_type = LayerLintFieldSet
    partitioner_type = PartitionerType.CUSTOM


@dataclass(frozen=True)
class NamedLayers:
    """What the user named: one element, since Pants would look at parts of a long list apart."""

    layers: tuple[Address, ...]
    stacks: tuple[StackLayersRequest, ...]


@dataclass(frozen=True)
class LintedLayersRequest:
    """All layers that the user named, and those below them."""

    named: NamedLayers
    inspect_wheels: bool
    read_code: bool


@dataclass(frozen=True)
class LintedLayers:
    """What came of looking at layers."""

    found: tuple[tuple[str, FoundLintedLayer], ...]
    """By address."""


@rule
async def layers_to_lint(
    request: LayerLintRequest.PartitionRequest[LayerLintFieldSet], options: VenvstacksLintSubsystem
) -> Partitions[Any, Any]:
    if options.skip or not request.field_sets:
        return Partitions()
    stacks = {
        field_set.address: StackLayersRequest(field_set.address, field_set.part.value)
        for field_set in request.field_sets
        if isinstance(field_set.part, ManifestLayersField)
    }
    layers = [f.address for f in request.field_sets if f.address not in stacks]
    named = NamedLayers(tuple(sorted(layers)), tuple(stacks[spec] for spec in sorted(stacks)))
    return Partitions([Partition((named,), Undescribed())])


@rule
async def linted_layers(request: LintedLayersRequest) -> LintedLayers:
    stacks = await concurrently(
        stack_layers(stack, **implicitly()) for stack in request.named.stacks
    )
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in request.named.layers
    )
    addresses = {address.spec: address for stack in stacks for address in stack.addresses}
    for layer in found:
        addresses.update((target.address.spec, target.address) for target in layer.targets.values())
    # Of a layer in several archives, the first.
    first = {without_packing(addresses[spec]): spec for spec in sorted(addresses, reverse=True)}
    addresses = {spec: addresses[spec] for spec in first.values()}
    looked_at = await concurrently(
        linted_layer(
            LintedLayerRequest(address, request.inspect_wheels, request.read_code), **implicitly()
        )
        for address in addresses.values()
    )
    on_first = (found.on(first) for found in looked_at)
    return LintedLayers(tuple(sorted(zip(addresses, on_first), key=lambda pair: pair[0])))


@rule(desc="Lint layers", level=LogLevel.DEBUG)
async def lint_layers(
    batch: LayerLintRequest.Batch[Any, Any], options: VenvstacksLintSubsystem
) -> LintResult:
    (named,) = batch.elements
    try:
        ignored, heavy_size, least = options.ignored, options.heavy_size, options.least
        looked_at = await linted_layers(
            LintedLayersRequest(
                named,
                options.inspect_wheels,
                options.inspect_wheels and options.unused_requirements,
            ),
            **implicitly(),
        )
    except VenvstacksError as e:
        # Raised, it would end the other linters, too.
        return LintResult(1, "", str(e), batch.tool_name)
    definitions = {d.address: d for _, found in looked_at.found for d in found.definitions}
    layers = [found.layer for _, found in looked_at.found if found.layer is not None]
    findings = [
        *sharing_findings(layers, definitions, heavy_size=heavy_size, ignored=ignored),
        *content_findings(layers, least=least, ignored=ignored),
    ]
    if options.unused_requirements:
        uses = {spec: found.use for spec, found in looked_at.found}
        findings += unused_findings(layers, uses, ignored=ignored)
    unlocked = [spec for spec, found in looked_at.found if found.unlocked]
    notes = []
    if unlocked:
        notes.append(
            f"Not looked at, since locks do not match: {', '.join(unlocked)}. "
            f"`{bin_name()} check` says why."
        )
    failed = bool(findings) and options.fail_on_warnings
    text = findings_text(findings, notes, f"{bin_name()} generate-lockfiles")
    return LintResult(1 if failed else 0, text, "", batch.tool_name)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *LayerLintRequest.rules()]
