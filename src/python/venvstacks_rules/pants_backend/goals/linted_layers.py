"""Layers as the linter sees them: each is looked at once, and remembered until its lock changes."""

from __future__ import annotations

import os.path
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Optional
from urllib.parse import unquote

from pants.engine.addresses import Address
from pants.engine.target import Target

from venvstacks_rules.model.advice.edits import Definition, StackFileDefinition, TargetDefinition
from venvstacks_rules.model.advice.linted import LintedLayer, layer_ballast, own_packages
from venvstacks_rules.model.advice.unused import CodeUse
from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.layers.build_platforms import BuildPlatforms
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.selection import select_wheels
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.analysis import LayerAnalysisRequest, layer_analysis
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModulesRequest, layer_modules
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLocksRequest,
    checked_locks,
    lock_error,
)
from venvstacks_rules.pants_backend.targets.layers import FrameworksField, RequirementsField
from venvstacks_rules.pants_backend.targets.lock_fields import LocalWheelsField
from venvstacks_rules.pants_backend.targets.shipping_fields import ExcludeFilesField
from venvstacks_rules.pants_backend.targets.size_fields import SkipLintField
from venvstacks_rules.pants_backend.targets.source_fields import (
    LayerSourcesField,
    without_packing,
    without_parameters,
)
from venvstacks_rules.pants_backend.targets.stacks import StackFileField


@dataclass(frozen=True)
class LintedLayerRequest:
    """A layer to look at."""

    address: Address
    inspect_wheels: bool
    read_code: bool = False
    """Whether to compare its requirements with its code."""


@dataclass(frozen=True)
class FoundLintedLayer:
    """A layer that was looked at, or why it was not."""

    definitions: tuple[Definition, ...]
    """Of the layer and of all below it."""
    layer: Optional[LintedLayer] = None
    """None if its lock does not match, and for a layer that the linter leaves alone."""
    unlocked: bool = False
    """Whether its lock, or that of a layer below, does not match."""
    use: CodeUse = CodeUse()
    chain: tuple[Address, ...] = ()
    """Of the layer and of all below it."""

    def on(self, chosen: Mapping[Address, str]) -> FoundLintedLayer:
        """The same on the `chosen` archives of layers in several; these are one layer."""
        if self.layer is None:
            return self
        of_spec = {
            address.spec: chosen.get(without_packing(address), address.spec)
            for address in self.chain
        }
        layer = self.layer.layer
        lower = tuple(dict.fromkeys(of_spec.get(spec, spec) for spec in layer.lower))
        return replace(self, layer=replace(self.layer, layer=replace(layer, lower=lower)))


@rule(desc="Look for what layers have for nothing")
async def linted_layer(request: LintedLayerRequest, platforms: BuildPlatforms) -> FoundLintedLayer:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    definitions = tuple(written_definition(target) for target in found.targets.values())
    layer = found.layer
    if found.target[SkipLintField].value or not layer.platforms:
        return FoundLintedLayer(definitions)
    checked = await checked_locks(CheckedLocksRequest(request.address), **implicitly())
    lock = checked.locks[layer.address].files.lockfile
    if lock is None or lock_error([checked]) is not None:
        return FoundLintedLayer(definitions, unlocked=True)
    # What is built from the repository, or from source, has no wheel before it is built.
    try:
        wheels = [
            (
                platform.name,
                select_wheels(
                    lock.without_built,
                    platform=platform,
                    python_version=layer.python_version,
                    linux_target=layer.linux_target,
                    macosx_target=layer.macosx_target,
                ),
            )
            for platform in layer.platforms
        ]
    except LockError:
        # Of another tool, without wheels for some platform: `package` has the message.
        return FoundLintedLayer(definitions, unlocked=True)
    inspected = platforms.of_layer(layer).names if request.inspect_wheels else ()
    analyses = await concurrently(
        layer_analysis(LayerAnalysisRequest(request.address, name), **implicitly())
        for name in inspected
    )
    use = CodeUse()
    if request.read_code:
        modules = await layer_modules(LayerModulesRequest(request.address), **implicitly())
        files = await engine.get_digest_contents(modules.digest)
        texts = (file.content.decode("utf-8", "replace") for file in files)
        use = CodeUse.of((wheel for analysis in analyses for wheel in analysis.wheels), texts)
    return FoundLintedLayer(
        definitions,
        LintedLayer(
            layer,
            written_definition(found.target),
            own_packages(wheels),
            layer_ballast(wheel for analysis in analyses for wheel in analysis.wheels),
            tuple(sorted({p.name for p in lock.packages if p.from_distribution})),
        ),
        use=use,
        chain=tuple(target.address for target in found.targets.values()),
    )


def written_definition(target: Target) -> Definition:
    """The definition of a layer as a user edits it."""
    sources = target.get(LayerSourcesField)
    address = target.address
    frameworks: tuple[str, ...] = ()
    if target.has_field(FrameworksField):
        frameworks = tuple(target[FrameworksField].value or ())
    excluded: Mapping[str, Iterable[str]] = target[ExcludeFilesField].value or {}
    definition = TargetDefinition(
        address=address.spec,
        kind=sources.layer_kind,
        name=sources.written_name,
        variant=sources.variant,
        parameters=tuple(sorted(address.parameters.items())),
        folder=address.spec_path,
        requirements=tuple(target[RequirementsField].value or ()),
        frameworks=frameworks,
        excluded=tuple((name, tuple(globs)) for name, globs in excluded.items()),
        local_wheels=tuple(target[LocalWheelsField].value or ()),
        variants=without_parameters(address).spec if address.is_parametrized else "",
    )
    if not target.has_field(StackFileField):
        return definition
    prefix = LayerKind.FRAMEWORK.prefix
    called = [written.rpartition("#")[2].partition("@")[0] for written in frameworks]
    names = [unquote(name).removeprefix(prefix) for name in called]
    return StackFileDefinition(
        **{**vars(definition), "frameworks": tuple(names)},
        file=os.path.join(address.spec_path, target[StackFileField].value),
        generator=without_parameters(address).maybe_convert_to_target_generator().spec,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
