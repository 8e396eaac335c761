"""Packages that layers beside each other have in different versions."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache

from packaging.requirements import Requirement
from packaging.version import Version

from venvstacks_rules.model.advice.findings import VERSIONS, Finding, Ignored
from venvstacks_rules.model.advice.linted import Holder, LintedLayer
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.layers.requirements import parsed_requirement
from venvstacks_rules.model.wording import and_more

# Of the layers in a sentence.
_FEW = 8


def agreeing_holders(holders: Iterable[Holder]) -> Iterator[list[Holder]]:
    """The layers with a package, in groups that can have one of the locked versions in common.

    What packages of the layers say of it is not known: locks do not tell it.
    """
    left = list(holders)
    while left:
        versions = sorted({package.version for _, package in left}, key=Version, reverse=True)
        groups = ([holder for holder in left if _accepts(holder, each)] for each in versions)
        group = max(groups, key=len)
        yield group
        left = [holder for holder in left if holder not in group]


def _accepts(holder: Holder, version: str) -> bool:
    return version == holder[1].version or not list(_excluding(holder, version))


def _excluding(holder: Holder, version: str) -> Iterator[str]:
    """The requirements of a layer that exclude a version of its package, as it has them."""
    layer, package = holder
    overrides = list(_about(package.name, layer.layer.lock_choices.override_requirements))
    for text, parsed in overrides or _about(package.name, layer.layer.requirements):
        if parsed.url is not None or not parsed.specifier.contains(version, prereleases=True):
            yield text


def _about(name: str, texts: tuple[str, ...]) -> Iterator[tuple[str, Requirement]]:
    return ((text, parsed) for text, of, parsed in _parsed(texts) if of == name)


# Layers are asked again for each of their packages.
@lru_cache(maxsize=1024)
def _parsed(texts: tuple[str, ...]) -> tuple[tuple[str, str, Requirement], ...]:
    """Requirements that can be read: the text, the normalised name, and what it says."""
    read = ((text, parsed_requirement(text)) for text in texts)
    return tuple(
        (text, normalised_name(parsed.name), parsed) for text, parsed in read if parsed is not None
    )


def version_findings(stack: Sequence[LintedLayer], ignored: Ignored) -> Iterator[Finding]:
    """Layers on others that have a package in two versions: one of these was locked in vain."""
    by_address = {layer.address: layer for layer in stack}
    # What the same layers have, for the layers on the same ones.
    found: dict[tuple[str, ...], dict[str, tuple[Holder, ...]]] = {}
    users: dict[tuple[str, ...], list[str]] = {}
    for layer in stack:
        below = [by_address[address] for address in layer.layer.lower if address in by_address]
        for name, holders in sorted(_competing(layer, below).items()):
            if not ignored.has(VERSIONS, name):
                place = tuple(one.address for one, _ in holders)
                found.setdefault(place, {})[name] = holders
                users.setdefault(place, [])
                if layer.address not in users[place]:
                    users[place].append(layer.address)
    for place, packages in found.items():
        yield _finding(users[place], packages)


def _competing(layer: LintedLayer, below: Sequence[LintedLayer]) -> dict[str, tuple[Holder, ...]]:
    """The packages that layers below have in several versions, in import order."""
    own = {package.name for package in layer.packages}
    platforms = {platform.name for platform in layer.layer.platforms}
    holders: dict[str, list[Holder]] = {}
    for one in below:
        for package in one.packages:
            # One that this layer or a layer above another has by `relaxed_pins` hides the other.
            if package.name not in own and platforms & package.platforms:
                holders.setdefault(package.name, []).append((one, package))
    return {
        name: tuple(found)
        for name, found in holders.items()
        if any(
            one[1].version != other[1].version
            and one[1].platforms & other[1].platforms & platforms
            and not _one_on_the_other(one[0], other[0])
            for one in found
            for other in found
        )
    }


def _one_on_the_other(one: LintedLayer, other: LintedLayer) -> bool:
    return one.address in other.layer.lower or other.address in one.layer.lower


def _finding(users: Sequence[str], packages: Mapping[str, tuple[Holder, ...]]) -> Finding:
    called = [
        f"`{name}` {' and '.join(f'{p.version} ({layer.address})' for layer, p in holders)}"
        for name, holders in packages.items()
    ]
    first, *others = (layer.address for layer, _ in next(iter(packages.values())))
    return Finding(
        (VERSIONS,),
        f"{and_more(users, _FEW)}: the layers below have {', '.join(called)}; programs import "
        f"what {first} has, not what was locked for {and_more(others, _FEW)}",
        0,
        "",
        tuple(edit for name, holders in packages.items() for edit in _edits(name, holders)),
    )


def _edits(name: str, holders: Sequence[Holder]) -> Iterator[str]:
    """How the layers come to one version of a package."""
    versions = sorted({package.version for _, package in holders}, key=Version, reverse=True)
    for version in versions:
        if all(_accepts(holder, version) for holder in holders):
            for layer, package in holders:
                if package.version != version:
                    yield layer.definition.requiring([f"{name}=={version}"])
            return
    changes = dict.fromkeys(
        f'{holder[0].address}: change "{text}"{_origin(holder[0], text)}, which excludes {version}'
        for holder in holders
        for version in versions
        if version != holder[1].version
        for text in _excluding(holder, version)
    )
    for number, change in enumerate(changes):
        yield f"or {change}" if number else change


def _origin(layer: LintedLayer, text: str) -> str:
    origin = dict(layer.layer.requirement_origins).get(text)
    return f" of {origin}" if origin else ""
