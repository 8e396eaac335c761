"""Finds all problems of a stack file, in the order of its layers."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping

from venvstacks_rules.model.checked import key_part, top_key
from venvstacks_rules.model.layers.definitions import LayerDefinition, ModuleDefinition
from venvstacks_rules.model.layers.problems import Problem, StackOrigin, suggestion
from venvstacks_rules.model.layers.resolve import judged_layers
from venvstacks_rules.model.stack_file.read import LISTS, StackFile, StackLayer
from venvstacks_rules.model.stack_file.references import (
    framework_references,
    layer_address,
    runtime_reference,
)
from venvstacks_rules.model.stack_file.tables import KEYS

_NO_LAYERS = (
    "it has no layers. Add some: `[[runtimes]]`, `[[frameworks]]` on these, `[[applications]]`."
)
_NUMBER = re.compile(r"\[(\d+)\]")


def stack_file_problems(
    stack: StackFile,
    *,
    modules: Mapping[str, ModuleDefinition],
    known_indexes: Collection[str] | None,
    patch_release_needed: bool,
) -> tuple[str, ...]:
    """One complete message for each problem, with the file, the key path and the remedy.

    `modules` has every launch and support module, with its files, by its path in the layers.
    `known_indexes` has the names of the indexes that layers may refer to; None if they are unknown.
    `patch_release_needed` is whether the interpreter provider needs ``cpython@X.Y.Z``.
    """
    of_the_file = [problem for key, problem in stack.unreadable if not key]
    messages = [f"{stack.path}: `{problem.key}` {problem.text}" for problem in of_the_file]
    if not stack.layers and not of_the_file:
        messages.append(f"{stack.path}: {_NO_LAYERS}")
    if any("tool" in problem.fields for problem in of_the_file):
        known_indexes = None
    definitions = list(_definitions(stack, modules))
    _, judged = judged_layers(definitions, patch_release_needed=patch_release_needed)
    for layer, definition in zip(stack.layers, definitions):
        unreadable = [problem for key, problem in stack.unreadable if key == layer.key]
        found = [each.problem for each in judged if each.definition is definition]
        if known_indexes is not None:
            found += _index_problems(layer, known_indexes)
        new = _not_caused(found, unreadable, _perhaps_there(stack, layer))
        messages += map(definition.origin.message, sorted((*unreadable, *new), key=_position))
    return tuple(messages)


def toml_problem(path: str, reason: str) -> str:
    """The message for a stack file that is not TOML."""
    return f"{path}: it is not TOML: {reason.rstrip('.')}. Correct it there."


def _definitions(
    stack: StackFile, modules: Mapping[str, ModuleDefinition]
) -> Iterator[LayerDefinition]:
    for layer in stack.layers:
        launch = layer.launch_module
        yield LayerDefinition(
            address=layer_address(layer),
            kind=layer.kind,
            name=layer.name,
            requirements=layer.requirements,
            python_implementation=layer.python_implementation,
            runtime=runtime_reference(stack, layer),
            frameworks=framework_references(stack, layer),
            platforms=layer.platforms,
            linux_target=layer.linux_target,
            macosx_target=layer.macosx_target,
            launch_module=None if launch is None else _module(launch, modules),
            support_modules=tuple(_module(path, modules) for path in layer.support_modules),
            support_keys=layer.support_keys,
            dynlib_exclude=layer.dynlib_exclude,
            package_indexes=layer.package_indexes,
            index_overrides=layer.index_overrides,
            priority_indexes=layer.priority_indexes,
            versioned=layer.versioned,
            stack_origin=StackOrigin(stack.path, layer.key, layer.layer_name),
        )


def _module(path: str, modules: Mapping[str, ModuleDefinition]) -> ModuleDefinition:
    return modules.get(path, ModuleDefinition(path, ()))


def _index_problems(layer: StackLayer, known: Collection[str]) -> Iterator[Problem]:
    """Indexes that the layer refers to and that do not exist."""
    named = [(f"package_indexes.{key_part(name)}", index) for name, index in layer.package_indexes]
    named += [(f"priority_indexes[{i}]", index) for i, index in enumerate(layer.priority_indexes)]
    for key, index in named:
        if index not in known:
            text = f"is {index!r}, but no index has that name. {_index_remedy(index, known)}"
            yield Problem(key, text)


def _index_remedy(index: str, known: Iterable[str]) -> str:
    meant = suggestion(index, known)
    return f"Did you mean {meant!r}?" if meant else "Define it as `[[tool.uv.index]]`."


def _not_caused(
    found: Iterable[Problem], unreadable: Iterable[Problem], unknown: Iterable[str]
) -> Iterator[Problem]:
    """Without problems that only follow from `unreadable` or `unknown` values."""
    unusable = {*unknown}
    touched: set[str] = set()
    for problem in unreadable:
        unusable.update((problem.key, *problem.concerns))
        touched.update(problem.fields)
    for problem in found:
        caused = not unusable.isdisjoint((problem.key, *problem.fields))
        if not caused and touched.isdisjoint(problem.concerns):
            yield problem


def _perhaps_there(stack: StackFile, layer: StackLayer) -> set[str]:
    """The keys by which `layer` may name layers whose own names are unreadable."""
    lists = {field for key, problem in stack.unreadable if not key for field in problem.fields}
    lists.update(top_key(key) for key, problem in stack.unreadable if "name" in problem.fields)
    kinds = {LISTS[name] for name in lists if name in LISTS}
    readable = {(other.kind, other.name) for other in stack.layers}
    return {
        key
        for key, kind, name in layer.references
        if kind in kinds and (kind, name) not in readable
    }


def _position(problem: Problem) -> tuple[int, int]:
    """The rank of a problem in its layer: by field, then by place in the list."""
    names = list(KEYS)
    field = problem.fields[0]
    rank = names.index(field) if field in KEYS else len(names)
    number = _NUMBER.search(problem.key)
    return rank, int(number[1]) if number else 0
