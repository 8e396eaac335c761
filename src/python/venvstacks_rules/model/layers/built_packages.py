"""Requirements that a layer can only have by building them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from venvstacks_rules.model.layers.definitions import LayerDefinition
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.problems import Problem
from venvstacks_rules.model.layers.requirements import commits_to_build, requirement_problem


def unbuilt_commits(definition: LayerDefinition, lower: Iterable[Layer]) -> Iterator[Problem]:
    """The packages at a commit that neither the layer nor one below builds."""
    built = {*definition.sources}.union(*(layer.build_from_source for layer in lower))
    targets = {each.text: each for each in definition.target_requirements}
    written = (*definition.written_requirements, *targets)
    for name, text in commits_to_build(written).items():
        # One that may move has a problem of its own.
        if name not in built and requirement_problem(text) is None:
            declared = f", of {targets[text].origin}" if text in targets else ""
            yield Problem(
                "build_from_source",
                f"lacks {name!r}: {text!r}{declared} names a commit, of which a wheel has to be "
                "built. Add the name.",
            )
