"""The layers that a layer names in `runtime` and `frameworks`."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

from venvstacks_rules.model.layers.definitions import LayerDefinition, Reference
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.problems import Problem


def lower_addresses(
    definition: LayerDefinition, definitions: Mapping[str, LayerDefinition]
) -> list[str]:
    """The addresses of the existing layers that a layer names, in order."""
    references = [*definition.frameworks]
    if definition.runtime is not None:
        references.append(definition.runtime)
    return [
        reference.address
        for reference in references
        if reference.address is not None and reference.address in definitions
    ]


def reference_problems(
    definition: LayerDefinition, definitions: Mapping[str, LayerDefinition]
) -> list[Problem]:
    """References to missing layers, to layers of the wrong kind, and repeated references."""
    if definition.kind is LayerKind.RUNTIME:
        return []
    if (definition.runtime is None) == (not definition.frameworks):
        both = "`runtime` and `frameworks` are both set"
        neither = "neither `runtime` nor `frameworks` is set"
        text = (
            f"{both if definition.runtime else neither}. Set `runtime` for a layer directly "
            "on a runtime, or `frameworks` for a layer on frameworks."
        )
        return [Problem("", text, concerns=("runtime", "frameworks"))]
    if definition.runtime is not None:
        references = {"runtime": definition.runtime}
        wanted = LayerKind.RUNTIME
    else:
        references = {f"frameworks[{i}]": r for i, r in enumerate(definition.frameworks)}
        wanted = LayerKind.FRAMEWORK
    remedy = definition.origin.reference_remedy(wanted)
    return list(_problems(references, wanted, definitions, remedy))


def cycle_problem(cycle: Sequence[LayerDefinition]) -> str:
    """What is wrong with layers that depend on each other, and how to end it.

    The first layer names the second one, and so on; the last is the first again.
    """
    edges = list(zip(cycle, cycle[1:]))
    if len(edges) == 1:
        return f"it names itself in `{_field(*edges[0])}`. Remove that."
    called = " -> ".join(layer.origin.called for layer in cycle)
    removals = [
        f"{below.origin.called} from the `{_field(layer, below)}` of {layer.origin.called}"
        for layer, below in edges
    ]
    text = (
        f"the layers depend on each other in a cycle: {called}. "
        f"Remove {', '.join(removals[:-1])}, or {removals[-1]}."
    )
    if all(len(layer.frameworks) > 1 for layer, _ in edges):
        return text
    return f"{text} A layer that is left without frameworks needs a `runtime`."


def _field(layer: LayerDefinition, below: LayerDefinition) -> str:
    """The field by which `layer` names `below`."""
    of_runtime = layer.runtime is not None and layer.runtime.address == below.address
    return "runtime" if of_runtime else "frameworks"


def _problems(
    references: Mapping[str, Reference],
    wanted: LayerKind,
    definitions: Mapping[str, LayerDefinition],
    remedy: str,
) -> Iterator[Problem]:
    seen: set[str] = set()
    for key, reference in references.items():
        what = f"names {reference.written!r}"
        target = definitions.get(reference.address or "")
        if reference.problem is not None:
            yield Problem(key, f"{what}, {reference.problem}")
        elif reference.address is None:
            yield Problem(key, f"{what}, but there is no such target. {remedy}")
        elif target is None:
            yield Problem(key, f"{what}, but {reference.address} is not a layer. {remedy}")
        elif target.kind is not wanted:
            kind = f"{target.kind.article} {target.kind.value}, not a {wanted.value}"
            yield Problem(key, f"{what}, but {target.origin.called} is {kind}. {remedy}")
        elif reference.address in seen:
            yield Problem(key, f"{what}, which is listed already. Remove one of them.")
        else:
            seen.add(reference.address)
