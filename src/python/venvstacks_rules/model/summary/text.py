"""Stacks as text, for a terminal."""

from __future__ import annotations

import enum
import re
import textwrap
from collections.abc import Callable, Iterable, Iterator

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.summary.comparison import Comparison
from venvstacks_rules.model.summary.layer import HEAVIEST, LayerSummary, OwnPackage, SharedPackage
from venvstacks_rules.model.summary.stack import Overview, StackSummary
from venvstacks_rules.model.summary.wording import (
    DOCUMENT_WORDS,
    LOCK_WORDS,
    WEIGHED_BY,
    layer_sizes,
    lock_problem,
    platforms_text,
    shared_by_layer,
    stack_sizes,
    with_version,
)
from venvstacks_rules.model.wording import size_text

WIDTH = 100
_LABEL = 11
_NO_BREAK = "\N{NO-BREAK SPACE}"
# Characters that control a terminal, or the direction of what follows; halves of characters.
_CONTROL = re.compile(
    r"[\x00-\x1f\x7f-\x9f\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)


class Ink(enum.Enum):
    """The meaning of a piece of text; a terminal may show it as a colour."""

    NAME = "name"
    GOOD = "good"
    WARNING = "warning"
    BAD = "bad"


Paint = Callable[[str, Ink], str]
_LOCK_INKS = {
    LockState.VALID: Ink.GOOD,
    LockState.MISSING: Ink.BAD,
    LockState.UNREADABLE: Ink.BAD,
}


def plain(text: str, _: Ink) -> str:
    """Text without colours."""
    return text


def render_text(overview: Overview, paint: Paint = plain) -> str:
    """All stacks as trees, then changes, then problems of definitions; lines end with a newline."""
    blocks = [list(_stack(stack, overview.target_platform, paint)) for stack in overview.stacks]
    if overview.comparison is not None:
        blocks.append(list(_changes(overview.comparison, paint)))
    if overview.problems:
        blocks.append(list(_problems(overview, paint)))
    return "\n".join("".join(f"{line.rstrip()}\n" for line in block) for block in blocks)


def _stack(stack: StackSummary, platform: str, paint: Paint) -> Iterator[str]:
    sizes = stack_sizes(stack) if stack.layers else "no valid layers"
    yield f"{paint(_clean(stack.name), Ink.NAME)} on {platform}: {sizes}"
    for file in stack.broken_files:
        yield paint(_clean(f"{file.path} cannot be used, see below"), Ink.BAD)
    width = max((len(layer.install_target) for layer in stack.layers), default=0)
    for kind in LayerKind:
        layers = stack.of_kind(kind)
        if layers:
            yield ""
            yield kind.plural
        for layer in layers:
            last = layer is layers[-1]
            yield f"{'└' if last else '├'}─ {_headline(layer, width, paint)}"
            for line in _details(layer):
                yield f"{' ' if last else '│'}    {line}"


def _headline(layer: LayerSummary, width: int, paint: Paint) -> str:
    ink = _LOCK_INKS.get(layer.lock.state, Ink.WARNING)
    words = LOCK_WORDS[layer.lock.state]
    name = paint(layer.install_target.ljust(width), Ink.NAME)
    state = paint(words, ink) + " " * (len(LOCK_WORDS[LockState.UNREADABLE]) - len(words))
    return f"{name}  {state}  {layer_sizes(layer) if layer.offered else ''}"


def _details(layer: LayerSummary) -> Iterator[str]:
    rows = [("address", layer.address)]
    if layer.description:
        rows.append(("about", " ".join(layer.description.split())))
    if layer.launch_module:
        rows.append(("starts", f"python -m {layer.launch_module}"))
    if layer.lower:
        rows.append(("layers", ", ".join(_lower_names(layer))))
    else:
        rows.append(("python", layer.python_implementation))
    rows.append(("platforms", platforms_text(layer)))
    if layer.excluded_size:
        rows.append(("left out", f"{size_text(layer.excluded_size)} of files of packages"))
    rows += [(DOCUMENT_WORDS[name], path) for name, path in layer.documents]
    problem = lock_problem(layer)
    if problem is not None:
        # On one line, so that users can copy it.
        command = (layer.lock.remedy or "").replace(" ", _NO_BREAK)
        remedy = f" Run `{command}`." if command else ""
        rows.append(("lock", f"{problem}.{remedy}"))
    for label, text in rows:
        yield from _row(label, text)
    yield from _packages(layer)
    label = "shared"
    for name, packages in shared_by_layer(layer):
        yield from _row(label, f"from {name}: {_listed(packages)}")
        label = ""
    for note in layer.notes:
        yield from _row("note", note)


def _lower_names(layer: LayerSummary) -> Iterator[str]:
    """The layers below in import order; with the address of a layer from another place."""
    # `src/stack:stack` generates `src/stack#...`: compare the part before the `#`.
    generator, generated, _ = layer.address.partition("#")
    together = f"{generator}#" if generated else f"{layer.place}:"
    for name, address in layer.lower:
        yield name if address.startswith(together) else f"{name} ({address})"


def _packages(layer: LayerSummary) -> Iterator[str]:
    if not layer.offered or layer.lock.requirements_hash is None:
        return
    packages = layer.by_weight
    if not packages:
        yield from _row("packages", "none of its own")
        return
    yield from _row("packages", f"{len(packages)}, by {WEIGHED_BY[layer.weighed_by]}")
    shown, rest = packages[:HEAVIEST], packages[HEAVIEST:]
    names = max(len(package.name) for package in shown)
    versions = max(len(package.version) for package in shown)
    for package in shown:
        size = _weight(layer, package)
        text = f"{package.name:{names}}  {package.version:{versions}}  {size:>8}"
        yield f"{'':{_LABEL}}  {_clean(text)}"
    if rest:
        yield from _row("", f"and {len(rest)} more: {_listed(rest)}")


def _weight(layer: LayerSummary, package: OwnPackage) -> str:
    weight = layer.weight(package) or None
    if package.made and weight is None:
        return "made from sources"
    return size_text(weight) if package.wheel or package.made else "no wheel fits"


def _listed(packages: Iterable[OwnPackage | SharedPackage]) -> str:
    """Names with versions; no line breaks between the two."""
    return ", ".join(with_version(package).replace(" ", _NO_BREAK) for package in packages)


def _row(label: str, text: str) -> Iterator[str]:
    lines = textwrap.wrap(
        _clean(text), WIDTH - _LABEL - 8, break_long_words=False, break_on_hyphens=False
    )
    for line in lines or [""]:
        yield f"{label:{_LABEL}}{line}".replace(_NO_BREAK, " ")
        label = ""


def _changes(comparison: Comparison, paint: Paint) -> Iterator[str]:
    if not comparison.layers:
        yield f"nothing changed since {_clean(comparison.since)}"
        return
    yield f"changed since {_clean(comparison.since)}"
    for layer in comparison.layers:
        state = "" if layer.state == "changed" else f"  {layer.state}"
        yield f"  {paint(_clean(layer.install_target), Ink.NAME)} ({_clean(layer.address)}){state}"
        yield from (f"    {_clean(text)}" for text in layer.texts)


def _problems(overview: Overview, paint: Paint) -> Iterator[str]:
    count = len(overview.problems)
    heading = "a problem" if count == 1 else f"{count} problems"
    yield paint(f"{heading} with the definitions of layers", Ink.BAD)
    for problem in overview.problems:
        first, *more = problem.splitlines() or [""]
        yield f"  * {_clean(first)}"
        yield from (f"    {_clean(line)}" for line in more)


def _clean(text: str) -> str:
    return _CONTROL.sub("\N{REPLACEMENT CHARACTER}", text)
