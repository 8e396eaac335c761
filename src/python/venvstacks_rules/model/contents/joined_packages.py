"""Packages with modules in several layers.

Python takes a package with an ``__init__`` from the first folder that has one, and looks for the
modules in it nowhere else: what another distribution put into a package of the same name in another
layer would be lost. In one folder of packages it would be there.
"""

from __future__ import annotations

from collections.abc import Sequence

from venvstacks_rules.model.layers.interface import PackageFolder


def joined_packages(
    chain: Sequence[Sequence[PackageFolder]],
) -> tuple[tuple[str, tuple[int, ...]], ...]:
    """The packages to join, by name, each with the layers whose folders are one, by number.

    `chain` has the packages of each layer, in import order. If two layers have a distribution, the
    first one hides that of the other: two versions of it must not be mixed. Packages without any
    ``__init__`` are left to Python, which joins them itself.
    """
    layers = [{package.name: package for package in packages} for packages in chain]
    counts: dict[str, int] = {}
    for packages in layers:
        for name in packages:
            counts[name] = counts.get(name, 0) + 1
    # The layers in whose folders Python looks for what is in a package.
    seen_in: dict[str, tuple[int, ...]] = {"": tuple(range(len(layers)))}
    joined = []
    # A package comes before what is in it.
    for name in sorted(name for name, count in counts.items() if count > 1):
        parent = seen_in.get(name.rpartition(".")[0], ())
        members = _members(name, [(n, layers[n]) for n in parent])
        seen_in[name] = members
        if len(members) > 1 and any(layers[n][name].regular for n in members):
            joined.append((name, members))
    return tuple(joined)


def _members(name: str, layers: Sequence[tuple[int, dict[str, PackageFolder]]]) -> tuple[int, ...]:
    """The layers that add a distribution to the package."""
    members = []
    known: set[str] = set()
    for number, packages in layers:
        found = packages.get(name)
        if found is not None and not known.issuperset(found.distributions):
            members.append(number)
            known.update(found.distributions)
    return tuple(members)
