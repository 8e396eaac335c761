"""Divides resolved packages between a layer and the layers below it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace

from venvstacks_rules.model.locks.freshness import ProvidedPackage, provided_packages
from venvstacks_rules.model.locks.pylock import LockedPackage, Lockfile
from venvstacks_rules.model.platforms.markers import (
    always_holds,
    may_hold,
    platform_marker,
    platforms_among,
)
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


@dataclass(frozen=True)
class Constraint:
    """A version that a lower layer dictates on some of the layer's platforms."""

    name: str
    version: str
    layer: str
    """The layer_name of the layer that provides it."""
    platforms: tuple[TargetPlatform, ...]
    everywhere: bool
    """Whether these are all platforms of the constrained layer."""
    url: str | None = None
    """The URL of the wheel or the commit, if the lower layer's lock names one."""

    @property
    def requirement(self) -> str:
        """As a PEP 508 requirement."""
        pin = f"{self.name} @ {self.url}" if self.url else f"{self.name}=={self.version}"
        return pin if self.everywhere else f"{pin} ; {platform_marker(self.platforms)}"


@dataclass(frozen=True)
class ProvidedPackages:
    """The packages that the lower layers of one layer install, by platform."""

    python_version: str
    """X.Y or X.Y.Z."""
    by_platform: Mapping[TargetPlatform, Mapping[str, ProvidedPackage]]
    """For each platform of the layer, by name."""
    relaxed: tuple[str, ...] = ()
    """Packages of which the layer may have another version."""

    @classmethod
    def of(
        cls,
        lower: Iterable[tuple[str, Lockfile]],
        platforms: Iterable[TargetPlatform],
        python_version: str,
        relaxed: tuple[str, ...] = (),
    ) -> ProvidedPackages:
        """From the locks of the lower layers, in import order."""
        locks = tuple(lower)
        found = {p: provided_packages(locks, p, python_version) for p in platforms}
        return cls(python_version, found, relaxed)

    @property
    def platforms(self) -> tuple[TargetPlatform, ...]:
        """The platforms of the layer."""
        return tuple(self.by_platform)

    @property
    def constraints(self) -> tuple[Constraint, ...]:
        """One constraint for each version of each package, sorted."""
        where: dict[tuple[str, str, str, str], list[TargetPlatform]] = {}
        for platform, packages in self.by_platform.items():
            for name, (version, layer, url) in packages.items():
                where.setdefault((name, version, layer, url or ""), []).append(platform)
        return tuple(
            Constraint(
                name,
                version,
                layer,
                tuple(found),
                everywhere=len(found) == len(self.by_platform),
                url=url or None,
            )
            for (name, version, layer, url), found in sorted(where.items())
        )

    def share(
        self, resolved: Iterable[LockedPackage], *, keep_markers: bool = False
    ) -> tuple[tuple[LockedPackage, ...], tuple[str, ...]]:
        """The packages of the layer's lock, and their problems.

        Drops packages that no platform needs, marks those that a lower layer provides, and splits
        one that it provides on only some platforms into two with disjoint markers. With
        `keep_markers`, a marker that is not true on all platforms stays as written.
        """
        packages: list[LockedPackage] = []
        problems: list[str] = []
        for package in resolved:
            provided, own = [], []
            for platform in self.platforms:
                if not may_hold(package.marker, platform, self.python_version):
                    continue
                found = self.by_platform[platform].get(package.name)
                if found is None or (
                    found.version != package.version and package.name in self.relaxed
                ):
                    own.append(platform)
                    continue
                provided.append(platform)
                if found.version != package.version:
                    problems.append(
                        f"`{package.name}` was resolved to {package.version} on {platform.name}, "
                        f"and lower layer `{found.layer}` has {found.version}: remove what "
                        "overrides its version in `[tool.uv]`, or set it for the lower layer as "
                        "well"
                    )
            for group, is_provided in ((provided, True), (own, False)):
                if group:
                    split = bool(provided and own)
                    marker = self._marker(package.marker, group, split=split)
                    if keep_markers and not split and marker is not None:
                        marker = package.marker
                    packages.append(
                        replace(
                            package,
                            marker=marker,
                            index=None if is_provided else package.index,
                            from_lower_layer=is_provided,
                            from_distribution=package.from_distribution and not is_provided,
                            source=None if is_provided else package.source,
                            wheels=(),
                        )
                    )
        return tuple(packages), tuple(problems)

    def _marker(
        self, marker: str | None, group: list[TargetPlatform], *, split: bool
    ) -> str | None:
        if all(always_holds(marker, platform, self.python_version) for platform in group):
            return platforms_among(group, self.platforms)
        # It is true for some patch releases only.
        return f"({marker}) and ({platform_marker(group)})" if split else marker
