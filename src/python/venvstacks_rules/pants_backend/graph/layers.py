"""From targets to checked layers: a folder's layers with everything below them."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.glob_match_error_behavior import GlobMatchErrorBehavior
from pants.base.specs import DirLiteralSpec, RawSpecsWithoutFileOwners
from pants.build_graph.address import AddressParseException
from pants.engine.addresses import Address, AddressInput
from pants.engine.target import Target
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.definitions import LayerDefinition, ModuleDefinition, Reference
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.resolve import judged_layers
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.module_listings import ModuleRequest, find_module
from venvstacks_rules.pants_backend.graph.stack_files import (
    StackFileProblemsRequest,
    find_stack_file_problems,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.layers import (
    DynlibExcludeField,
    FrameworksField,
    LinuxTargetField,
    MacosxTargetField,
    PlatformsField,
    PythonArchivesField,
    PythonImplementationField,
    RequirementsField,
    RuntimeField,
)
from venvstacks_rules.pants_backend.targets.lock_fields import (
    IndexOverridesField,
    LocalWheelsField,
    PackageIndexesField,
    PriorityIndexesField,
    UvConfigField,
    VersionedField,
)
from venvstacks_rules.pants_backend.targets.source_fields import (
    LaunchModuleField,
    LayerSourcesField,
    SupportModulesField,
)
from venvstacks_rules.pants_backend.targets.stacks import StackFileField

_NO_ARCHIVES = Problem(
    "python_archives",
    'is not set, which `[venvstacks].python_provider = "archive"` needs. Map each platform to a '
    "`file` target, for example {'linux_x86_64': ':cpython-linux'}.",
)


@dataclass(frozen=True)
class LayersInFoldersRequest:
    """The layer targets of some folders."""

    folders: tuple[str, ...]


@dataclass(frozen=True)
class LayersInFolders:
    """Layer targets."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class LayerGraphRequest:
    """The layers of a folder, with all layers below them."""

    folder: str


@dataclass(frozen=True)
class DefinitionProblem:
    """Something that is wrong with one layer definition, or in one stack file."""

    place: str
    """The address of the layer's target, or the path of the stack file."""
    message: str
    """Complete, with the place."""
    in_stack_file: bool = False


@dataclass(frozen=True)
class LayerGraph:
    """Checked layers and what Pants knows of them."""

    layers: FrozenDict[str, Layer]
    """By address spec."""
    targets: FrozenDict[str, Target]
    """By address spec; those of broken definitions, too."""
    problems: tuple[DefinitionProblem, ...]
    """What is wrong with the definitions that have no layer, and with stack files."""

    @property
    def error(self) -> DefinitionError:
        """The problems as an error."""
        files = len({problem.place for problem in self.problems if problem.in_stack_file})
        definitions = len({p.place for p in self.problems if not p.in_stack_file})
        what = []
        if files:
            what.append("a stack file" if files == 1 else f"{files} stack files")
        if definitions:
            what.append(
                "a layer definition" if definitions == 1 else f"{definitions} layer definitions"
            )
        subject = " and ".join(what)
        return DefinitionError(
            f"{subject[:1].upper()}{subject[1:]} cannot be built as written:",
            (problem.message for problem in self.problems),
        )


@dataclass(frozen=True)
class LayerRequest:
    """One layer, by the address of its target."""

    address: Address
    among_broken: bool = False
    """Whether other definitions of its folder, and of those below, may be broken."""


@dataclass(frozen=True)
class LayerInGraph:
    """A checked layer, and the layers below it."""

    layer: Layer
    lower: tuple[Layer, ...]
    """In import order, the runtime last."""
    targets: FrozenDict[str, Target]
    """Of the layer and all below, by address spec."""

    @property
    def target(self) -> Target:
        """The layer's target."""
        return self.targets[self.layer.address]

    def folder(self, layer: Layer) -> str:
        """The folder of the BUILD file that defines `layer`."""
        return self.targets[layer.address].address.spec_path

    def lockfile(self, layer: Layer) -> str:
        """The path of the lockfile of `layer`, relative to the build root."""
        field = self.targets[layer.address].get(LayerSourcesField)
        return os.path.join(self.folder(layer), field.lockfile)

    def uv_config(self, layer: Layer) -> str | None:
        """The file with the settings for locking `layer`, relative to the build root."""
        path = self.targets[layer.address][UvConfigField].value
        return None if path is None else os.path.join(self.folder(layer), path)


def is_layer(target: Target) -> bool:
    """Whether a target is a layer."""
    return target.has_field(LayerSourcesField)


def reference(written: str, target: Target, field: str) -> Address | None:
    """The address that a field of a layer names, or None where it cannot be an address."""
    try:
        return AddressInput.parse(
            written,
            relative_to=target.address.spec_path,
            description_of_origin=f"the `{field}` field from the target {target.address}",
        ).dir_to_address()
    except AddressParseException:
        return None


def referenced(target: Target) -> Iterable[tuple[str, str]]:
    """Each (field alias, written address) by which a layer names a layer below it."""
    runtime = target.get(RuntimeField).value
    if runtime is not None:
        yield RuntimeField.alias, runtime
    if target.has_field(FrameworksField):
        for written in target[FrameworksField].value or ():
            yield FrameworksField.alias, written


def _modules(target: Target) -> tuple[str, ...]:
    """The launch module and the sorted support modules of an application, as written."""
    if not target.has_field(LaunchModuleField):
        return ()
    return (target[LaunchModuleField].value, *sorted(target[SupportModulesField].value or ()))


def _definition(
    target: Target,
    modules: tuple[ModuleDefinition, ...],
    known: frozenset[Address],
    macosx_target: str,
) -> LayerDefinition:
    def resolve(field: str) -> tuple[Reference, ...]:
        found = []
        for alias, written in referenced(target):
            if alias == field:
                address = reference(written, target, alias)
                spec = address.spec if address in known and address is not None else None
                found.append(Reference(written, spec))
        return tuple(found)

    runtime = resolve(RuntimeField.alias)
    sources = target.get(LayerSourcesField)
    default_macosx_target = macosx_target if sources.layer_kind is LayerKind.RUNTIME else None
    return LayerDefinition(
        address=target.address.spec,
        kind=sources.layer_kind,
        name=sources.layer_base_name,
        requirements=target[RequirementsField].value or (),
        python_implementation=(
            target[PythonImplementationField].value
            if target.has_field(PythonImplementationField)
            else None
        ),
        runtime=runtime[0] if runtime else None,
        frameworks=resolve(FrameworksField.alias),
        platforms=target[PlatformsField].value,
        linux_target=target[LinuxTargetField].value,
        macosx_target=target[MacosxTargetField].value or default_macosx_target,
        launch_module=modules[0] if modules else None,
        support_modules=modules[1:],
        dynlib_exclude=target[DynlibExcludeField].value or (),
        package_indexes=tuple(sorted((target[PackageIndexesField].value or {}).items())),
        index_overrides=tuple(sorted((target[IndexOverridesField].value or {}).items())),
        priority_indexes=target[PriorityIndexesField].value or (),
        local_wheels=target[LocalWheelsField].value or (),
        versioned=target[VersionedField].value,
    )


@rule
async def layers_in_folders(request: LayersInFoldersRequest) -> LayersInFolders:
    targets = await engine.resolve_targets_from_specs(
        RawSpecsWithoutFileOwners(
            dir_literals=tuple(DirLiteralSpec(folder) for folder in request.folders),
            description_of_origin="the layers of a stack",
            unmatched_glob_behavior=GlobMatchErrorBehavior.ignore,
        )
    )
    return LayersInFolders(tuple(targets))


@rule(desc="Check layer definitions")
async def layer_graph(request: LayerGraphRequest, options: VenvstacksSubsystem) -> LayerGraph:
    targets: dict[Address, Target] = {}
    seen: set[str] = set()
    pending = {request.folder}
    while pending:
        found = await layers_in_folders(
            LayersInFoldersRequest(tuple(sorted(pending))), **implicitly()
        )
        seen |= pending
        pending = set()
        for target in found.targets:
            targets[target.address] = target
            if is_layer(target):
                for alias, written in referenced(target):
                    address = reference(written, target, alias)
                    if address is not None and address.spec_path not in seen:
                        pending.add(address.spec_path)
    layer_targets = [target for target in targets.values() if is_layer(target)]
    wanted = [(target, path) for target in layer_targets for path in _modules(target)]
    found_modules = await concurrently(
        find_module(ModuleRequest(target.address.spec_path, path), **implicitly())
        for target, path in wanted
    )
    modules: dict[Address, list[ModuleDefinition]] = {}
    for (target, _), module in zip(wanted, found_modules):
        modules.setdefault(target.address, []).append(module.definition)
    definitions = {
        target.address: _definition(
            target,
            tuple(modules.get(target.address, ())),
            frozenset(targets),
            options.checked_macosx_target,
        )
        for target in layer_targets
    }
    layers, judged = judged_layers(
        definitions.values(),
        patch_release_needed=options.python_provider is not PythonProvider.LOCAL,
    )
    if options.python_provider is PythonProvider.ARCHIVE:
        unset = (target.address for target in layer_targets if _lacks_archives(target))
        judged = (*judged, *((definitions[address], _NO_ARCHIVES) for address in unset))
    stacks = _stack_files(targets.values())
    checked = await concurrently(
        find_stack_file_problems(StackFileProblemsRequest(path), **implicitly())
        for path in stacks.values()
    )
    broken = {stack: found.messages for stack, found in zip(stacks, checked) if found.messages}
    # What is wrong in a stack file is said once, in its own words.
    repeated = {target.address.spec for target in layer_targets if _stack_of(target) in broken}
    problems = (
        *(
            DefinitionProblem(stacks[stack], message, in_stack_file=True)
            for stack, messages in broken.items()
            for message in messages
        ),
        *(
            DefinitionProblem(definition.address, definition.origin.message(problem))
            for definition, problem in judged
            if definition.address not in repeated
        ),
    )
    return LayerGraph(
        FrozenDict(layers),
        FrozenDict({target.address.spec: target for target in layer_targets}),
        problems,
    )


def _stack_of(target: Target) -> Address:
    """The address of the target that generated `target`."""
    return target.address.maybe_convert_to_target_generator()


def _stack_files(targets: Iterable[Target]) -> dict[Address, str]:
    """The stack files that some of `targets` come from, by what generated these."""
    return {
        _stack_of(target): os.path.join(target.address.spec_path, target[StackFileField].value)
        for target in targets
        if target.has_field(StackFileField)
    }


def _lacks_archives(target: Target) -> bool:
    return target.has_field(PythonArchivesField) and not target[PythonArchivesField].value


@rule
async def find_layer(request: LayerRequest) -> LayerInGraph:
    graph = await layer_graph(LayerGraphRequest(request.address.spec_path), **implicitly())
    layer = graph.layers.get(request.address.spec)
    if layer is None or (graph.problems and not request.among_broken):
        raise graph.error
    chain = (layer.address, *layer.lower)
    return LayerInGraph(
        layer,
        tuple(graph.layers[address] for address in layer.lower),
        FrozenDict({address: graph.targets[address] for address in chain}),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
