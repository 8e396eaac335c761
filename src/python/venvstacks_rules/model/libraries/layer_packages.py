"""What the wheels of a layer are to the layers above: folders of modules, and data files."""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.layers.interface import DataFile, PackageFolder
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel


def layer_packages(wheels: Iterable[AnalyzedWheel]) -> tuple[PackageFolder, ...]:
    """The folders of all `wheels`, sorted by name."""
    owners: dict[str, set[str]] = {}
    regular: set[str] = set()
    for wheel in wheels:
        distribution = wheel.distribution
        regular.update(wheel.packages)
        for name in (*wheel.packages, *wheel.namespaces):
            owners.setdefault(name, set()).add(distribution)
    return tuple(
        PackageFolder(name, name in regular, tuple(sorted(owners[name]))) for name in sorted(owners)
    )


def layer_data(wheels: Iterable[AnalyzedWheel]) -> tuple[DataFile, ...]:
    """The data files of all `wheels`, sorted by path; of two with one path, the later."""
    found: dict[str, DataFile] = {}
    for wheel in wheels:
        distribution = wheel.distribution
        found.update((path, DataFile(path, distribution)) for path in wheel.data)
    return tuple(found[path] for path in sorted(found))
