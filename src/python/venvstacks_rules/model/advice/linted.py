"""A layer as the linter sees it: its packages, what is in their wheels, and its definition."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from packaging.utils import parse_wheel_filename

from venvstacks_rules.model.advice.edits import Definition
from venvstacks_rules.model.contents.ballast import Ballast
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.locks.pylock import LockedWheel


@dataclass(frozen=True)
class OwnPackage:
    """A package that a layer installs, and no layer below."""

    name: str
    version: str
    """The newest one, if platforms differ."""
    sizes: tuple[tuple[str, int], ...]
    """For each platform that has it, the bytes of its wheel; 0 if the lock does not say."""

    @property
    def size(self) -> int:
        """The bytes of the largest wheel."""
        return max(size for _, size in self.sizes)

    @property
    def platforms(self) -> frozenset[str]:
        """The names of the platforms that have it."""
        return frozenset(name for name, _ in self.sizes)


@dataclass(frozen=True)
class LintedLayer:
    """A layer with a valid lock."""

    layer: Layer
    definition: Definition
    packages: tuple[OwnPackage, ...]
    """By name."""
    ballast: tuple[tuple[str, tuple[Ballast, ...]], ...] = ()
    """What is in wheels, by the name of the package; empty if nobody looked."""
    own_distributions: tuple[str, ...] = ()
    """The names of packages that are built from the repository."""

    @property
    def address(self) -> str:
        """That of its definition."""
        return self.layer.address


Holder = tuple[LintedLayer, OwnPackage]
"""A layer, and one of its packages."""


def own_packages(
    wheels_of: Iterable[tuple[str, Iterable[LockedWheel]]],
) -> tuple[OwnPackage, ...]:
    """The packages of a layer, of the wheels that it installs on each of its platforms."""
    sizes: dict[str, dict[str, int]] = {}
    versions: dict[str, list[object]] = {}
    for platform, wheels in wheels_of:
        for wheel in wheels:
            name, version, _, _ = parse_wheel_filename(wheel.file_name)
            sizes.setdefault(name, {})[platform] = wheel.size
            versions.setdefault(name, []).append(version)
    return tuple(
        OwnPackage(name, str(max(versions[name])), tuple(sizes[name].items()))  # type: ignore[type-var]
        for name in sorted(sizes)
    )


def layer_ballast(
    wheels: Iterable[AnalyzedWheel],
) -> tuple[tuple[str, tuple[Ballast, ...]], ...]:
    """The ballast of each package; of wheels for several platforms, the largest."""
    found: dict[str, dict[tuple[str, str], Ballast]] = {}
    for wheel in wheels:
        of_package: dict[tuple[str, str], Ballast] = found.setdefault(wheel.distribution, {})
        for each in wheel.ballast:
            key = each.kind, each.glob
            of_package[key] = max(of_package.get(key, each), each, key=lambda b: b.size)
    return tuple((name, _sorted(found[name])) for name in sorted(found) if found[name])


def _sorted(ballast: Mapping[tuple[str, str], Ballast]) -> tuple[Ballast, ...]:
    return tuple(ballast[key] for key in sorted(ballast))
