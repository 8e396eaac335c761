"""Definitions of layers, and what resolving them finds."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from venvstacks_rules.model.layers.definitions import LayerDefinition, ModuleDefinition, Reference
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.resolve import judged_layers


def reference(address: str) -> Reference:
    return Reference(f":{address.split(':')[1]}", address)


def runtime(name: str = "py", **fields: object) -> LayerDefinition:
    definition = LayerDefinition(
        f"src:{name}", LayerKind.RUNTIME, name, python_implementation="cpython@3.11.13"
    )
    return replace(definition, **fields)  # type: ignore[arg-type]


def framework(name: str, *frameworks: str, **fields: object) -> LayerDefinition:
    definition = LayerDefinition(
        f"src:{name}",
        LayerKind.FRAMEWORK,
        name,
        runtime=None if frameworks else reference("src:py"),
        frameworks=tuple(reference(f"src:{below}") for below in frameworks),
    )
    return replace(definition, **fields)  # type: ignore[arg-type]


def application(name: str = "app", *frameworks: str, **fields: object) -> LayerDefinition:
    definition = replace(
        framework(name, *frameworks),
        kind=LayerKind.APPLICATION,
        launch_module=ModuleDefinition("main.py", ("main.py",)),
    )
    return replace(definition, **fields)  # type: ignore[arg-type]


def resolve_layers(
    definitions: Iterable[LayerDefinition], *, patch_release_needed: bool
) -> tuple[dict[str, Layer], tuple[str, ...]]:
    """The layers, and the problems as messages."""
    layers, found = judged_layers(definitions, patch_release_needed=patch_release_needed)
    return layers, tuple(problem.message for problem in found)


def problems(*definitions: LayerDefinition, patch_release_needed: bool = True) -> list[str]:
    return list(resolve_layers(definitions, patch_release_needed=patch_release_needed)[1])
