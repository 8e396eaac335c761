"""Turns a stack file into targets, for ``venvstacks_stack``."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from pants.engine.addresses import Address
from pants.engine.target import (
    Field,
    GeneratedTargets,
    GenerateTargetsRequest,
    InvalidFieldException,
    Target,
)
from pants.engine.unions import UnionMembership, UnionRule

from venvstacks_rules.model.layers.names import LayerKind, name_problem
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.stack_file.read import StackLayer
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule
from venvstacks_rules.pants_backend.graph.stack_files import (
    ReadStackFile,
    StackFileRequest,
    read_stack_file,
)
from venvstacks_rules.pants_backend.targets.layers import (
    DynlibExcludeField,
    FrameworksField,
    LinuxTargetField,
    MacosxTargetField,
    PlatformsField,
    PythonImplementationField,
    RequirementsField,
    RuntimeField,
)
from venvstacks_rules.pants_backend.targets.lock_fields import (
    IndexOverridesField,
    PackageIndexesField,
    PriorityIndexesField,
    UvConfigField,
    VersionedField,
)
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.publish_fields import PUBLISH_FIELDS
from venvstacks_rules.pants_backend.targets.source_fields import (
    LaunchModuleField,
    LayerFilesField,
    LayerSourcesField,
    SupportModulesField,
    generated_address,
    owned_module_globs,
    without_parameters,
)
from venvstacks_rules.pants_backend.targets.stacks import (
    MANIFEST_NAME,
    StackApplication,
    StackFileField,
    StackFramework,
    StackManifest,
    StackRuntime,
    StackSourceField,
    VenvstacksStack,
)

_TYPES: dict[LayerKind, type[Target]] = {
    LayerKind.RUNTIME: StackRuntime,
    LayerKind.FRAMEWORK: StackFramework,
    LayerKind.APPLICATION: StackApplication,
}


class GenerateStackTargets(GenerateTargetsRequest):  # type: ignore[type-arg] # not generic when it runs
    """The targets of a stack file."""

    generate_from = VenvstacksStack


@dataclass(frozen=True)
class _Generator:
    """The stack file that targets are generated from."""

    address: Address
    source: str
    read: ReadStackFile
    layers: Mapping[str, StackLayer]
    """The layers that can become a target, by layer_name."""

    def spec(self, layer: str) -> str:
        """The address spec of a layer, by its layer_name.

        Without the generator's parameters: the target that refers to the layer has them, too.
        """
        return generated_address(without_parameters(self.address), layer).spec

    def values(self, layer: StackLayer) -> dict[str, Any]:
        """The fields of a layer's target."""
        found: dict[type[Field], Any] = {
            RequirementsField: layer.requirements,
            PythonImplementationField: layer.python_implementation,
            PlatformsField: layer.platforms,
            LinuxTargetField: layer.linux_target,
            MacosxTargetField: layer.macosx_target,
            LaunchModuleField: layer.launch_module,
            SupportModulesField: layer.support_modules or None,
            DynlibExcludeField: layer.dynlib_exclude or None,
            PackageIndexesField: dict(layer.package_indexes) or None,
            IndexOverridesField: dict(layer.index_overrides) or None,
            PriorityIndexesField: layer.priority_indexes or None,
            VersionedField: layer.versioned or None,
            UvConfigField: self.read.uv_config,
            StackFileField: self.source,
            LayerFilesField: (self.source, *owned_module_globs(layer.modules)),
            **self._edges(layer),
        }
        return {field.alias: value for field, value in found.items() if value is not None}

    def _edges(self, layer: StackLayer) -> dict[type[Field], Any]:
        # Only to layers further up in the file: an edge to nowhere, or a circle, would break every
        # goal that looks at all targets.
        names = list(self.layers)
        above = names[: names.index(layer.layer_name)]
        lower = [self.spec(name) for name in layer.lower if name in above]
        if layer.runtime is not None:
            return {RuntimeField: lower[0] if lower else None}
        return {FrameworksField: lower or None}


@rule
async def generate_stack_targets(
    request: GenerateStackTargets, union_membership: UnionMembership
) -> GeneratedTargets:
    field = request.generator[StackSourceField]
    read = await read_stack_file(StackFileRequest(field.file_path), **implicitly())
    # Goals that use the stack fail with the problems of the file; `list` and goals for others
    # just see no layers.
    address = request.template_address
    generator = _Generator(address, field.value, read, dict(_usable(read.stack.layers)))
    overrides = request.overrides
    # The problems of the stack file come first: they may explain why a layer is missing.
    complete = len(generator.layers) == len(read.stack.layers)
    problems: list[str] = []
    if read.problem is None and complete and not read.stack.unreadable:
        problems += _unknown_layers(overrides, generator.layers)
    for name, layer in generator.layers.items():
        fields = _TYPES[layer.kind].class_field_types(union_membership)
        written = dict.fromkeys(key for each in overrides.get(name, {}).values() for key in each)
        problems += _misspelt_fields(name, written, [field.alias for field in fields])
    if problems:
        raise InvalidFieldException(
            f"The `overrides` field in target {address} {' It '.join(problems)}"
        )
    # What says where to publish is about the stack as a whole.
    of_stack = {field.alias for field in PUBLISH_FIELDS}
    template = {key: value for key, value in request.template.items() if key not in of_stack}
    # Fields with `parametrize` make several variants of a layer.
    targets: list[Target] = [
        _TYPES[layer.kind](
            {**template, **generator.values(layer), **own},
            generated_address(variant, name),
            union_membership,
        )
        for name, layer in generator.layers.items()
        for variant, own in overrides.get(name, {address: {}}).items()
    ]
    manifest = _manifest(generator, targets, request.template, union_membership)
    return GeneratedTargets(request.generator, [*targets, manifest])


def _usable(layers: Iterable[StackLayer]) -> Iterator[tuple[str, StackLayer]]:
    """The layers that can become a target, the first of each name."""
    seen: set[str] = set()
    for layer in layers:
        complete = layer.kind is not LayerKind.APPLICATION or layer.launch_module is not None
        if layer.kind is LayerKind.RUNTIME:
            complete = layer.python_implementation is not None
        if complete and layer.layer_name not in seen and not name_problem(layer.kind, layer.name):
            seen.add(layer.layer_name)
            yield layer.layer_name, layer


def _manifest(
    generator: _Generator,
    layers: Iterable[Target],
    template: Mapping[str, Any],
    union_membership: UnionMembership,
) -> Target:
    # Of a layer in several archives, the manifest has the first.
    by_name: dict[str, str] = {}
    for target in layers:
        name, spec = target.get(LayerSourcesField).layer_name, target.address.spec
        by_name[name] = min(spec, by_name.get(name, spec))
    shared = {field.alias for field in StackManifest.core_fields}
    return StackManifest(
        {
            **{alias: value for alias, value in template.items() if alias in shared},
            ManifestLayersField.alias: list(by_name.values()),
            StackFileField.alias: generator.source,
        },
        generator.address.create_generated(MANIFEST_NAME),
        union_membership,
    )


def _unknown_layers(overrides: Iterable[str], layers: Iterable[str]) -> Iterator[str]:
    """The problem of overrides for layers that the stack file does not have."""
    known = sorted(layers)
    unknown = []
    for name in sorted(set(overrides) - set(known)):
        meant = suggestion(name, known)
        unknown.append(repr(name) if meant is None else f"{name!r} (did you mean {meant!r}?)")
    if unknown:
        yield (
            f"names layers that the stack file does not have: {', '.join(unknown)}. Choose from "
            f"{', '.join(map(repr, known))}."
        )


def _misspelt_fields(layer: str, written: Iterable[str], known: Iterable[str]) -> Iterator[str]:
    """The problem of misspelt fields of a layer; Pants has a message for all others."""
    meant = {name: suggestion(name, known) for name in written if name not in known}
    listed = [f"{name!r} (did you mean {found!r}?)" for name, found in meant.items() if found]
    if listed:
        yield f"sets fields of {layer!r} that it does not have: {', '.join(listed)}."


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(GenerateTargetsRequest, GenerateStackTargets)]
