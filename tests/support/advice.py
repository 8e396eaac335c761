"""Layers as the linter sees them, made of definitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from tests.support.definitions import application, framework, resolve_layers, runtime
from venvstacks_rules.model.advice.edits import Definition, StackFileDefinition, TargetDefinition
from venvstacks_rules.model.advice.linted import LintedLayer, OwnPackage
from venvstacks_rules.model.contents.ballast import Ballast
from venvstacks_rules.model.layers.definitions import LayerDefinition

__all__ = ["application", "definitions_of", "framework", "linted", "own", "runtime"]

PLATFORMS = ("linux_x86_64", "win_amd64")


def own(text: str, size: int = 1000, *platforms: str) -> OwnPackage:
    """The package ``name==version``."""
    name, _, version = text.partition("==")
    return OwnPackage(name, version or "1.0", tuple((p, size) for p in platforms or PLATFORMS))


def linted(
    *definitions: LayerDefinition,
    packages: Mapping[str, tuple[OwnPackage, ...]] | None = None,
    ballast: Mapping[str, Mapping[str, tuple[Ballast, ...]]] | None = None,
    stack_file: str | None = None,
) -> list[LintedLayer]:
    """The layers; `packages` and `ballast` by their names."""
    layers, problems = resolve_layers(definitions, patch_release_needed=True)
    assert problems == ()
    return [
        LintedLayer(
            layers[d.address],
            written(d, stack_file),
            (packages or {}).get(d.name, ()),
            tuple((ballast or {}).get(d.name, {}).items()),
        )
        for d in definitions
    ]


def written(definition: LayerDefinition, stack_file: str | None) -> Definition:
    found = TargetDefinition(
        definition.address,
        definition.kind,
        definition.name,
        "src",
        definition.requirements,
        tuple(reference.written for reference in definition.frameworks),
    )
    if stack_file is None:
        return found
    names = tuple(name.lstrip(":") for name in found.frameworks)
    fields = vars(replace(found, frameworks=names))
    return StackFileDefinition(**fields, file=stack_file, generator="src:stack")


def definitions_of(layers: list[LintedLayer]) -> dict[str, Definition]:
    return {layer.address: layer.definition for layer in layers}
