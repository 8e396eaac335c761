"""References between the layers of a stack file: by kind and name, to layers further up."""

from __future__ import annotations

import re
from collections.abc import Sequence

from venvstacks_rules.model.layers.definitions import Reference
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import suggestion
from venvstacks_rules.model.stack_file.read import StackFile, StackLayer


def layer_address(layer: StackLayer) -> str:
    """The address of a layer within its file; addresses sort like the layers of a kind."""
    return re.sub(r"\d+", lambda number: number[0].zfill(6), layer.key)


def runtime_reference(stack: StackFile, layer: StackLayer) -> Reference | None:
    """The runtime that `layer` names."""
    if layer.runtime is None:
        return None
    return _reference(stack, layer, LayerKind.RUNTIME, layer.runtime)


def framework_references(stack: StackFile, layer: StackLayer) -> tuple[Reference, ...]:
    """The frameworks that `layer` names."""
    return tuple(_reference(stack, layer, LayerKind.FRAMEWORK, name) for name in layer.frameworks)


def _reference(stack: StackFile, layer: StackLayer, kind: LayerKind, name: str) -> Reference:
    """A reference to the first layer of that name."""
    found = _first(stack, kind, name)
    if found is None:
        return Reference(name, None, _unknown(stack, kind, name))
    if found is layer:
        return Reference(name, None, "which is the layer itself. Remove it.")
    if stack.layers.index(found) > stack.layers.index(layer):
        # A cycle has such a reference, and no order of the layers would mend it.
        way = _way(stack, found, layer, set())
        if way is not None:
            return Reference(name, None, _cycle([layer, *way]))
        return Reference(
            name,
            None,
            f"which the file defines further down, as `{found.key}`. Move that layer up, before "
            "this one.",
        )
    return Reference(name, layer_address(found))


def _first(stack: StackFile, kind: LayerKind, name: str) -> StackLayer | None:
    return next((x for x in stack.layers if (x.kind, x.name) == (kind, name)), None)


def _way(
    stack: StackFile, start: StackLayer, end: StackLayer, passed: set[str]
) -> list[StackLayer] | None:
    """The layers from `start` to `end`, of which each names the next one; None without a way."""
    if start is end:
        return [end]
    passed.add(start.key)
    for name in start.frameworks:
        below = _first(stack, LayerKind.FRAMEWORK, name)
        if below is not None and below.key not in passed:
            way = _way(stack, below, end, passed)
            if way is not None:
                return [start, *way]
    return None


def _cycle(cycle: Sequence[StackLayer]) -> str:
    """What is wrong with layers that name each other, and how to end it."""
    called = " -> ".join(f"`{layer.key}`" for layer in cycle)
    text = f"which is built on this layer in turn: {called}. Remove one of these references."
    if all(len(layer.frameworks) > 1 for layer in cycle):
        return text
    return f"{text} A layer that is left without frameworks needs a `runtime`."


def _unknown(stack: StackFile, kind: LayerKind, name: str) -> str:
    """The problem that there is no layer of that kind and name, and the remedy."""
    what = f"but the file has no {kind.value} of that name."
    if kind is LayerKind.RUNTIME and _has(stack, LayerKind.FRAMEWORK, name):
        return f"{what} It has such a framework: name it in `frameworks`, without `runtime`."
    if kind is LayerKind.FRAMEWORK and _has(stack, LayerKind.RUNTIME, name):
        return f"{what} It has such a runtime: name it in `runtime`, without `frameworks`."
    known = [layer.name for layer in stack.layers if layer.kind is kind]
    meant = suggestion(name.replace(kind.prefix, "", 1), known)
    if meant is not None:
        return f"{what} Did you mean {meant!r}?"
    if known:
        return f"{what} Choose from {', '.join(map(repr, known))}."
    return f"{what} Define it above this layer, as `[[{kind.plural}]]`."


def _has(stack: StackFile, kind: LayerKind, name: str) -> bool:
    return any((layer.kind, layer.name) == (kind, name) for layer in stack.layers)
