"""Packages that the layers below another one have in different versions."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass

from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.platforms.markers import may_hold
from venvstacks_rules.model.platforms.target_platforms import TargetPlatform


@dataclass(frozen=True)
class LowerLayer:
    """A layer below another one, with its lock."""

    address: str
    lower: Collection[str]
    """The addresses of the layers below it: what it has beside them, it has on purpose."""
    lock: Lockfile


def competing_versions(
    layers: Iterable[LowerLayer],
    own: Lockfile,
    platforms: Iterable[TargetPlatform],
    python_version: str,
) -> dict[str, str]:
    """By package, the versions for people: the first one is that which is imported.

    `layers` are in import order; `own` is the lock of the layer above them, whose packages hide
    all others.
    """
    hidden = {package.name for package in own.packages if not package.from_lower_layer}
    found: dict[str, str] = {}
    every = tuple(layers)
    for platform in platforms:
        first: dict[str, tuple[LowerLayer, str]] = {}
        for layer in every:
            for package in layer.lock.packages:
                if package.from_lower_layer or package.name in hidden:
                    continue
                if not may_hold(package.marker, platform, python_version):
                    continue
                other, version = first.setdefault(package.name, (layer, package.version))
                related = other.address in layer.lower or layer.address in other.lower
                if version != package.version and not related:
                    found.setdefault(
                        package.name,
                        f"`{package.name}` {version} ({other.address}) and {package.version} "
                        f"({layer.address})",
                    )
    return {name: found[name] for name in sorted(found)}
