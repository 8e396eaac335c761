"""Checked layers: the layers of a folder, all layers below them, and their problems."""

from __future__ import annotations

import os.path
from collections.abc import Collection, Container, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.target import Target
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.resolve import LayerProblem, judged_layers
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.code_targets import (
    CodeTargetsRequest,
    code_targets,
    may_reach_requirements,
)
from venvstacks_rules.pants_backend.graph.definitions import (
    NO_ARCHIVES,
    archive_problems,
    lacks_archives,
    layer_definition,
    module_paths,
)
from venvstacks_rules.pants_backend.graph.layer_targets import (
    NO_NAMES,
    LayerNamesRequest,
    ReachedTargetsRequest,
    layer_names,
    reached_targets,
)
from venvstacks_rules.pants_backend.graph.module_files import ModuleRequest, find_module
from venvstacks_rules.pants_backend.graph.references import layer_references
from venvstacks_rules.pants_backend.graph.requirement_targets import (
    declared_by_targets,
    requirement_targets,
    requirements_of,
    with_reached,
)
from venvstacks_rules.pants_backend.graph.stack_files import (
    StackFileProblemsRequest,
    find_stack_file_problems,
)
from venvstacks_rules.pants_backend.graph.variants import TargetsByName
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.lock_fields import UvConfigField
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField, is_layer
from venvstacks_rules.pants_backend.targets.stacks import StackFileField


@dataclass(frozen=True)
class LayerGraphRequest:
    """The layers of a folder, with all layers below them."""

    folder: str


@dataclass(frozen=True)
class DefinitionProblem:
    """A problem of one layer definition, or of one stack file."""

    place: str
    """The address of the layer's target, or the path of the stack file."""
    message: str
    """Complete, with the place."""
    stack: Optional[Address] = None
    """For a stack file, the target that generates its layers."""


@dataclass(frozen=True)
class LayerGraph:
    """Checked layers, their targets, and the problems of the others."""

    layers: FrozenDict[str, Layer]
    """By address spec."""
    targets: FrozenDict[str, Target]
    """By address spec; broken definitions included."""
    problems: tuple[DefinitionProblem, ...]
    """Of the definitions that have no layer, and of stack files."""

    @property
    def error(self) -> DefinitionError:
        """The problems as an error."""
        return _definition_error(self.problems)


def refuse_broken(graphs: Iterable[LayerGraph]) -> None:
    """Raise DefinitionError with the problems of all `graphs`, if there are any."""
    # The graphs of two folders may both have the layers of a third one.
    problems = dict.fromkeys(problem for graph in graphs for problem in graph.problems)
    if problems:
        raise _definition_error(problems)


def _definition_error(problems: Collection[DefinitionProblem]) -> DefinitionError:
    files = len({problem.place for problem in problems if problem.stack})
    definitions = len({problem.place for problem in problems if not problem.stack})
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
        (problem.message for problem in problems),
    )


@dataclass(frozen=True)
class LayerRequest:
    """One layer, by the address of its target."""

    address: Address
    among_broken: bool = False
    """Whether other definitions, in its folder or in those of the layers below, may be broken."""


@dataclass(frozen=True)
class LayerInGraph:
    """A checked layer, and the layers below it."""

    layer: Layer
    lower: tuple[Layer, ...]
    """In import order, the runtime last."""
    targets: FrozenDict[str, Target]
    """Of the layer and all below, by address spec."""
    locked_as: FrozenDict[str, Address]
    """The layers whose locks these have: layers in several archives have one lock."""

    @property
    def target(self) -> Target:
        """The layer's target."""
        return self.targets[self.layer.address]

    def folder(self, layer: Layer) -> str:
        """The folder of the BUILD file that defines `layer`."""
        return self.targets[layer.address].address.spec_path

    def lockfile(self, layer: Layer) -> str:
        """The path of the lockfile of `layer`, relative to the build root."""
        return self.targets[layer.address].get(LayerSourcesField).lockfile_path

    def uv_config(self, layer: Layer) -> str | None:
        """The path of the settings for locking `layer`, relative to the build root, if any."""
        path = self.targets[layer.address][UvConfigField].value
        return None if path is None else os.path.join(self.folder(layer), path)


@rule(desc="Check layer definitions")
async def layer_graph(request: LayerGraphRequest, options: VenvstacksSubsystem) -> LayerGraph:
    reached = await reached_targets(ReachedTargetsRequest(request.folder), **implicitly())
    targets = [target for target in reached.targets if is_layer(target)]
    wanted = [
        (target.address, ModuleRequest(target.address.spec_path, path, by_name=number == 0))
        for target in targets
        for number, path in enumerate(module_paths(target))
    ]
    found_modules = await concurrently(find_module(module, **implicitly()) for _, module in wanted)
    modules: dict[Address, list[ModuleDefinition]] = {}
    for (address, _), module in zip(wanted, found_modules):
        modules.setdefault(address, []).append(module.definition)
    named = TargetsByName.of(reached.targets)
    required = await concurrently(
        requirement_targets(requirements_of(target, options.python_resolve), **implicitly())
        for target in targets
    )
    names = NO_NAMES
    if any(
        not named.meant(reference.address, target.address, target)
        for target in targets
        for reference in layer_references(target)
    ):
        names = await layer_names(LayerNamesRequest(), **implicitly())
    definitions = {
        target.address: layer_definition(
            target,
            modules=tuple(modules.get(target.address, ())),
            named=named,
            macosx_target=options.checked_macosx_target,
            names=names,
            python_resolve=options.python_resolve,
            target_requirements=declared_by_targets(of_target.targets, target.address),
        )
        for target, of_target in zip(targets, required)
    }
    provider = options.python_provider
    open_release = provider is not PythonProvider.ARCHIVE
    layers, judged = judged_layers(definitions.values(), patch_release_needed=not open_release)
    further = [
        LayerProblem(definitions[target.address], problem)
        for target, of_target in zip(targets, required)
        for problem in (*_target_problems(target, provider), *of_target.problems)
    ]
    sound = _to_ask(targets, layers, further)
    codes = await concurrently(
        code_targets(CodeTargetsRequest(address), **implicitly()) for address in sound
    )
    complete = {
        address: with_reached(definitions[address], address, code.requirements)
        for address, code in zip(sound, codes)
        if code.requirements
    }
    if complete:
        definitions.update(complete)
        layers, judged = judged_layers(definitions.values(), patch_release_needed=not open_release)
    stacks = _stack_files(reached.targets)
    checked = await concurrently(
        find_stack_file_problems(StackFileProblemsRequest(path), **implicitly())
        for path in stacks.values()
    )
    broken = {stack: found.messages for stack, found in zip(stacks, checked) if found.messages}
    # A stack file's own messages cover the targets that come from it.
    repeated = {target.address.spec for target in targets if _stack_of(target) in broken}
    of_definitions = (
        DefinitionProblem(problem.address, problem.message)
        for problem in (*judged, *further)
        if problem.address not in repeated
    )
    return LayerGraph(
        FrozenDict(layers),
        FrozenDict({target.address.spec: target for target in targets}),
        (*_in_stack_files(stacks, broken), *of_definitions),
    )


def _to_ask(
    targets: Iterable[Target], layers: Container[str], problems: Iterable[LayerProblem]
) -> list[Address]:
    """The layers that may depend on requirements, and whose definitions are sound."""
    # What a layer depends on can be found only there.
    broken = {problem.address for problem in problems}
    return [
        target.address
        for target in targets
        if target.address.spec in layers
        and target.address.spec not in broken
        and may_reach_requirements(target)
    ]


def _target_problems(target: Target, provider: PythonProvider) -> Iterator[Problem]:
    """Problems that only the target shows."""
    yield from archive_problems(target)
    if provider is PythonProvider.ARCHIVE and lacks_archives(target):
        yield NO_ARCHIVES


def _stack_of(target: Target) -> Address:
    """The address of the target that generated `target`."""
    return target.address.maybe_convert_to_target_generator()


def _stack_files(targets: Iterable[Target]) -> dict[Address, str]:
    """The stack files that some of `targets` come from, by the target that generated these."""
    return {
        _stack_of(target): os.path.join(target.address.spec_path, target[StackFileField].value)
        for target in targets
        if target.has_field(StackFileField)
    }


def _in_stack_files(
    stacks: Mapping[Address, str], broken: Mapping[Address, Iterable[str]]
) -> Iterable[DefinitionProblem]:
    for stack, messages in broken.items():
        for message in messages:
            yield DefinitionProblem(stacks[stack], message, stack)


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
        _locked_as(chain, graph),
    )


def _locked_as(chain: Iterable[str], graph: LayerGraph) -> FrozenDict[str, Address]:
    one_lock = shared_locks(graph.targets[spec] for spec in graph.layers)
    return FrozenDict({spec: one_lock.get(spec, graph.targets[spec].address) for spec in chain})


def shared_locks(layers: Iterable[Target]) -> dict[str, Address]:
    """For variants that are one layer in several archives, the first of them, which is locked."""
    first: dict[str, Address] = {}
    found = {}
    for target in sorted(layers, key=lambda target: target.address.spec):
        layer = target.get(LayerSourcesField).packed_layer
        if layer:
            found[target.address.spec] = first.setdefault(layer, target.address)
    return found


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
