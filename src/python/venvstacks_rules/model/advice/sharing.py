"""Packages that layers of one stack could share, by their locks alone."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from venvstacks_rules.model.advice.edits import Definition, StackFileDefinition
from venvstacks_rules.model.advice.findings import DUPLICATES, HEAVY, Finding, Ignored
from venvstacks_rules.model.advice.linted import Holder, LintedLayer, OwnPackage
from venvstacks_rules.model.advice.versions import agreeing_holders, version_findings
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.layers.requirements import parsed_requirement
from venvstacks_rules.model.wording import and_more, counted, size_text

# Of the layers in a sentence; the edits name all that change.
_FEW = 8
# Of the packages in a note.
_MOST = 20

Definitions = Mapping[str, Definition]


class _Proposals:
    """Definitions that are there, and the frameworks that findings propose."""

    def __init__(self, definitions: Definitions) -> None:
        self.definitions = definitions
        names = {each.name for each in definitions.values()}
        variants = {f"{each.name}-{each.variant}" for each in definitions.values() if each.variant}
        self._taken = names | variants
        self._proposed: dict[str, tuple[str, ...]] = {}

    def free_name(self, wanted: str, what: tuple[str, ...]) -> str:
        """A name that no layer has, and no other new framework: `what` tells them apart."""
        while wanted in self._taken or self._proposed.setdefault(wanted, what) != what:
            wanted = f"{wanted}-shared"
        return wanted


def sharing_findings(
    layers: Iterable[LintedLayer],
    definitions: Definitions,
    *,
    heavy_size: int,
    ignored: Ignored,
) -> list[Finding]:
    """Packages in several layers, in several versions, and heavy packages of applications.

    A stack is all layers on one runtime. A layer has no need to install what one below it has, so
    that layers with the same package stand beside each other: except for what `relaxed_pins` lets
    the upper one have in a version of its own.
    """
    stacks: dict[str, list[LintedLayer]] = {}
    for layer in sorted(layers, key=lambda layer: layer.address):
        stacks.setdefault(layer.layer.runtime, []).append(layer)
    found = []
    proposals = _Proposals(definitions)
    for stack in stacks.values():
        groups = _duplicates(stack, ignored)
        found += [_duplicate(stack, proposals, packages) for packages in groups]
        repeated = {name for packages in groups for name in packages}
        found += _heavy(stack, proposals, repeated, heavy_size, ignored)
        found += version_findings(stack, ignored)
    return found


def _duplicates(
    stack: Sequence[LintedLayer], ignored: Ignored
) -> list[dict[str, tuple[Holder, ...]]]:
    """The packages that several layers install, those of the same layers together.

    Layers whose requirements exclude each other's versions cannot share one.
    """
    holders: dict[str, list[Holder]] = {}
    for layer in stack:
        for package in layer.packages:
            if not ignored.has(DUPLICATES, package.name) and not _again(layer, package, stack):
                holders.setdefault(package.name, []).append((layer, package))
    groups: dict[tuple[str, ...], dict[str, tuple[Holder, ...]]] = {}
    agreeing = (
        (name, group) for name in sorted(holders) for group in agreeing_holders(holders[name])
    )
    for name, all_holders in agreeing:
        # One layer may have it for Linux, and another one for Windows; and nobody has two variants
        # of one layer.
        found = tuple(
            (layer, package)
            for layer, package in all_holders
            if any(
                package.platforms & other.platforms
                for beside, other in all_holders
                if not _alternatives(layer, beside)
            )
        )
        if found:
            groups.setdefault(tuple(layer.address for layer, _ in found), {})[name] = found
    return list(groups.values())


def _again(layer: LintedLayer, package: OwnPackage, stack: Iterable[LintedLayer]) -> bool:
    """Whether a layer below has the package, too, so that nothing below could hold this version."""
    return any(
        below.address in layer.layer.lower
        and other.name == package.name
        and package.platforms & other.platforms
        for below in stack
        for other in below.packages
    )


def _alternatives(one: LintedLayer, other: LintedLayer) -> bool:
    """Whether they are the same layer, or variants of one."""
    variants = one.definition.variants
    return one is other or (variants != "" and variants == other.definition.variants)


def _duplicate(
    stack: Sequence[LintedLayer],
    proposals: _Proposals,
    packages: Mapping[str, tuple[Holder, ...]],
) -> Finding:
    layers = [layer for layer, _ in next(iter(packages.values()))]
    called = []
    saved = 0
    for name, holders in packages.items():
        versions = dict.fromkeys(package.version for _, package in holders)
        called.append(f"`{name}` {' and '.join(versions)}")
        sizes = [package.size for _, package in holders]
        saved += sum(sizes) - max(sizes)
    is_in = "is" if len(called) == 1 else "are"
    return Finding(
        (DUPLICATES,),
        f"{and_more([layer.address for layer in layers], _FEW)}: {', '.join(called)} {is_in} in "
        f"{counted(len(layers), 'layer')} beside each other, and one framework below them could "
        f"hold {'it' if len(called) == 1 else 'them'}",
        saved,
        "of wheels",
        (*_shared_below(stack, proposals, layers, packages), *_one_version(packages)),
    )


def _one_version(packages: Mapping[str, tuple[Holder, ...]]) -> list[str]:
    """What only locking can tell: locks do not say what requires what."""
    differing = [
        f"`{name}`"
        for name, holders in packages.items()
        if len({package.version for _, package in holders}) > 1
    ]
    if not differing:
        return []
    return [f"if one version of {and_more(differing, _MOST)} will do for all; locking says"]


def _to_require(
    holding: Definition, layers: Sequence[LintedLayer], names: Iterable[str]
) -> tuple[list[str], list[str]]:
    """What `holding`, a layer below, has to require, to have the packages with these names.

    That is what the layers require themselves, if anything, as they write it. The rest, the second
    result, comes along or has to be named: locks do not say what requires what.
    """
    every = list(names)
    found = dict.fromkeys(pair for layer in layers for pair in _declared(layer))
    package = {text: _package(text) for text, _ in found}
    wanted = {text for text, name in package.items() if name in every}
    for text in sorted(wanted):
        # A name alone says nothing beside another text about the same package.
        if normalised_name(text) == package[text]:
            others = sum(package[other] == package[text] for other in wanted)
            wanted -= {text} if others > 1 else set()
    # A stack file has no addresses; and a target brings all of its requirements along.
    in_file = isinstance(holding, StackFileDefinition)
    foreign = {origin for text, origin in found if in_file or package[text] not in every}
    written = [
        text if origin in foreign else origin or text for text, origin in found if text in wanted
    ]
    if not written:
        return every, []
    named = {package[text] for text in wanted}
    return list(dict.fromkeys(written)), [name for name in every if name not in named]


def _declared(layer: LintedLayer) -> Iterator[tuple[str, str]]:
    """Requirements as written, and the addresses of the targets that have them, or nothing."""
    for text in layer.definition.requirements:
        # All others are addresses.
        if parsed_requirement(text) is not None:
            yield text, ""
    yield from layer.layer.requirement_origins


def _package(text: str) -> str:
    parsed = parsed_requirement(text)
    return "" if parsed is None else normalised_name(parsed.name)


def _shared_below(
    stack: Sequence[LintedLayer],
    proposals: _Proposals,
    layers: Sequence[LintedLayer],
    names: Iterable[str],
) -> tuple[str, ...]:
    """The edits that move packages into a framework below `layers`: one that is there, or new."""
    packages = list(names)
    # Layers with versions of their own, which those of a layer below would contradict.
    others = [
        other
        for other in stack
        if other not in layers
        and any(p.name in packages and not _again(other, p, stack) for p in other.packages)
    ]
    for address in layers[0].layer.lower:
        below = proposals.definitions[address]
        if any(address in other.layer.lower for other in others):
            continue
        if below.kind is LayerKind.FRAMEWORK and all(address in x.layer.lower for x in layers):
            required, rest = _to_require(below, layers, packages)
            return (below.requiring(required), *_note(rest))
    # Layers of a stack file cannot be built on a target of a BUILD file.
    of_files = [x for x in layers if isinstance(x.definition, StackFileDefinition)]
    beside = (of_files or layers)[0].definition
    runtime = proposals.definitions[layers[0].layer.runtime]
    required, rest = _to_require(beside, layers, packages)
    wanted = packages[0] if len(packages) == 1 else "shared"
    if runtime.variant and not of_files:
        wanted = f"{wanted}-{runtime.variant}"
    # Variants have one definition.
    of = dict.fromkeys(x.definition.variants or x.address for x in layers)
    what = (beside.reference(runtime), *required, *of)
    made = beside.as_framework(proposals.free_name(wanted, what))
    users = dict.fromkeys(x.definition.on_framework(made) for x in layers)
    return (made.added(runtime, required), *_note(rest), *users)


def _note(rest: Iterable[str]) -> list[str]:
    called = [f"`{name}`" for name in rest]
    return [f"and by name what of {and_more(called, _MOST)} does not come along"] if called else []


def _heavy(
    stack: Sequence[LintedLayer],
    proposals: _Proposals,
    repeated: Iterable[str],
    heavy_size: int,
    ignored: Ignored,
) -> Iterator[Finding]:
    known = set(repeated)
    for layer in stack:
        if layer.layer.kind is not LayerKind.APPLICATION:
            continue
        for package in layer.packages:
            if package.size < heavy_size or package.name in known:
                continue
            if ignored.has(HEAVY, package.name) or _again(layer, package, stack):
                continue
            yield Finding(
                (HEAVY,),
                f"{layer.address}: `{package.name}` {package.version} has a wheel of "
                f"{size_text(package.size)}, which no other application can share; a "
                "framework could hold it",
                package.size,
                "of wheels for each other application that needs it",
                _shared_below(stack, proposals, [layer], [package.name]),
            )
