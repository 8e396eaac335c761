"""The folders of modules in the wheels of a layer."""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.layers.interface import PackageFolder
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel


def layer_packages(wheels: Iterable[AnalyzedWheel]) -> tuple[PackageFolder, ...]:
    """The folders of all `wheels`, sorted by name."""
    owners: dict[str, set[str]] = {}
    regular: set[str] = set()
    for wheel in wheels:
        distribution = normalised_name(wheel.file_name.split("-")[0])
        regular.update(wheel.packages)
        for name in (*wheel.packages, *wheel.namespaces):
            owners.setdefault(name, set()).add(distribution)
    return tuple(
        PackageFolder(name, name in regular, tuple(sorted(owners[name]))) for name in sorted(owners)
    )
