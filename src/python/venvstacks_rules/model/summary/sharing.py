"""Packages that several applications of a stack use."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.layer import LayerSummary


@dataclass(frozen=True)
class SharedUse:
    """A package, the layers that install it, and the applications that use it."""

    name: str
    layers: tuple[tuple[str, str], ...]
    """The layer_name and the version of each layer that installs it for an application."""
    applications: tuple[str, ...]
    """Their layer_names."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "name": self.name,
            "layers": [{"layer_name": name, "version": version} for name, version in self.layers],
            "applications": list(self.applications),
        }


def shared_uses(layers_of_stack: Iterable[LayerSummary]) -> tuple[SharedUse, ...]:
    """The packages that at least two applications use, those of most applications first."""
    layers: dict[str, dict[str, str]] = {}
    applications: dict[str, list[str]] = {}
    for application in layers_of_stack:
        if application.kind is not LayerKind.APPLICATION:
            continue
        name = application.layer_name
        uses = [(package.name, package.version, name) for package in application.packages]
        uses += [(p.name, p.version, p.layer) for p in application.shared if p.layer is not None]
        for package, version, layer in uses:
            layers.setdefault(package, {})[layer] = version
            applications.setdefault(package, []).append(name)
    found = [
        SharedUse(package, tuple(sorted(layers[package].items())), tuple(sorted(set(users))))
        for package, users in applications.items()
    ]
    several = (use for use in found if len(use.applications) > 1)
    return tuple(sorted(several, key=lambda use: (-len(use.applications), use.name)))
