"""The tables of the page.

On a narrow screen a table keeps its name and its most important numbers: columns of class `wide` go
away, and what they say stands below the name, in class `narrow`.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.platforms.python_versions import python_version_of
from venvstacks_rules.model.summary.drawing import lock_mark
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.markup import Markup, element
from venvstacks_rules.model.summary.sharing import SharedUse
from venvstacks_rules.model.summary.stack import Overview, StackSummary
from venvstacks_rules.model.summary.wording import LOCK_WORDS, WEIGHED_BY
from venvstacks_rules.model.wording import counted, size_text

_UNKNOWN = "\N{EN DASH}"


@dataclass(frozen=True)
class _Column:
    """A column, and its class."""

    title: str
    class_: str | None = None


_SIZES = (
    _Column("Download", "number wide"),
    _Column("Unpacked", "number"),
    _Column("Archive", "number"),
)


def state_of(layer: LayerSummary) -> Markup:
    """The state of a layer's lock, with a sign."""
    state = layer.lock.state
    words = f"{lock_mark(state)} {LOCK_WORDS[state]}"
    return element("span", words, class_=f"state {state.value}")


# ------------------------------------------------------------------------------------- all stacks
def table_of_stacks(overview: Overview, anchors: Sequence[str]) -> Markup:
    """The stacks with links to their sections, and their sum."""
    columns = (_Column("Stack"), _Column("Layers", "number wide"), *_SIZES)
    rows = [
        _row(
            columns,
            element("a", stack.name, href=f"#{anchor}"),
            [str(len(stack.layers)), *_texts(_stack_sizes(stack))],
            below=counted(len(stack.layers), "layer"),
        )
        for stack, anchor in zip(overview.stacks, anchors)
    ]
    count = sum(len(stack.layers) for stack in overview.stacks)
    layers = [layer for stack in overview.stacks for layer in stack.layers]
    total = _row(columns, "Together", [str(count), *_sums(map(_layer_sizes, layers))])
    return _table("Contents", columns, rows, total, class_="stacks")


def _stack_sizes(stack: StackSummary) -> tuple[int | None, ...]:
    return stack.download_size, stack.unpacked_size, stack.archive_size


# ------------------------------------------------------------------------------------- all layers
def table_of_layers(stack: StackSummary, anchors: Mapping[str, str]) -> Markup:
    """The layers of a stack with links to their sections, and their sum."""
    columns = (
        _Column("Layer"),
        _Column("Kind", "wide"),
        _Column("Lock", "wide"),
        _Column("Packages", "number wide"),
        _Column("Shared", "number wide"),
        *_SIZES,
    )
    rows = [
        _row(
            columns,
            element("a", layer.install_target, href=f"#{anchors[layer.address]}", class_="mono"),
            [layer.kind.value, state_of(layer), *_numbers(layer)],
            below=f"{layer.kind.value}, {LOCK_WORDS[layer.lock.state]}",
        )
        for layer in stack.layers
    ]
    packages = sum(len(layer.packages) for layer in stack.layers)
    sums = _sums(map(_layer_sizes, stack.layers))
    total = _row(columns, "Together", ["", "", str(packages), "", *sums])
    return _table("All layers, lower ones first", columns, rows, total, class_="layers")


def _numbers(layer: LayerSummary) -> tuple[str, ...]:
    known = layer.offered and layer.lock.requirements_hash is not None
    counts = (len(layer.packages), len(layer.shared))
    sizes = layer.download_size, layer.unpacked_size, layer.archive_size
    texts = _texts(sizes)
    return (*(str(count) if known else _UNKNOWN for count in counts), *texts)


def _layer_sizes(layer: LayerSummary) -> tuple[int | None, ...]:
    if not layer.offered:
        # It has no size on this platform, and so it is no gap in a sum.
        return 0, 0, 0
    return layer.download_size, layer.unpacked_size, layer.archive_size


# ------------------------------------------------------------------------------ packages of layers
@dataclass(frozen=True)
class _Part:
    """A package of a layer, its interpreter, or its own files."""

    name: str
    version: str
    wheel: int | None
    unpacked: int | None


def _parts(layer: LayerSummary) -> Iterator[_Part]:
    for package in layer.packages:
        yield _Part(package.name, package.version, package.wheel_size, package.unpacked_size)
    python = layer.interpreter
    if python is not None and (python.download_size or python.unpacked_size):
        version = python_version_of(layer.python_implementation)
        yield _Part("(interpreter)", version, python.download_size, python.unpacked_size)
    if layer.own_files_size:
        yield _Part("(own files)", "", None, layer.own_files_size)


def _weight(layer: LayerSummary, part: _Part) -> int:
    return (part.unpacked if layer.is_built else part.wheel) or 0


def largest_part(stack: StackSummary) -> int:
    """The size of the largest package of a stack, which all bars are compared with."""
    weights = (_weight(layer, part) for layer in stack.layers for part in _parts(layer))
    return max(weights, default=0)


def table_of_packages(layer: LayerSummary, largest: int) -> Markup | None:
    """What a layer itself installs, the heaviest first; None if that is nothing.

    A bar of full length is `largest` bytes.
    """
    parts = sorted(_parts(layer), key=lambda part: (-_weight(layer, part), part.name))
    if not parts:
        return None
    weighed = WEIGHED_BY[layer.weighed_by]
    columns = (
        _Column("Package"),
        _Column("Version", "mono wide"),
        _Column("Wheel", "number"),
        _Column("Unpacked", "number"),
        _Column(f"By {weighed}", "share wide"),
    )
    rows = []
    for part in parts:
        bar = _bar(_weight(layer, part) / largest if largest else 0.0)
        rows.append(
            _row(
                columns,
                element("span", part.name, class_="mono"),
                [part.version, *_texts((part.wheel, part.unpacked)), bar],
                below=part.version,
                more=bar,
            )
        )
    total = None
    if len(parts) > 1:
        # What is not a package has no wheel.
        sums = _sums((part.wheel or 0, part.unpacked) for part in parts)
        total = _row(columns, "Together", ["", *sums, ""])
    caption = f"What the layer itself installs, by {weighed}; bars are on one scale for the stack"
    return _table(caption, columns, rows, total, class_="packages")


def _bar(share: float) -> Markup:
    bar = [element("span", style=f"width:{share:.1%}")] if share else []
    return element("span", *bar, class_="meter", aria_hidden="true")


# --------------------------------------------------------------------------------------- sharing
def table_of_uses(uses: Iterable[SharedUse]) -> Markup:
    """Packages that several applications use."""
    columns = (_Column("Package"), _Column("Installed in"), _Column("Used by"))
    rows = [
        _row(
            columns,
            element("span", use.name, class_="mono"),
            [
                ", ".join(f"{layer} ({version})" for layer, version in use.layers),
                ", ".join(use.applications),
            ],
        )
        for use in uses
    ]
    return _table("Packages that several applications use", columns, rows, None, class_="uses")


# ------------------------------------------------------------------------------------ any of them
def _texts(sizes: Iterable[int | None]) -> list[str]:
    return [size_text(size) or _UNKNOWN for size in sizes]


def _sums(rows: Iterable[Sequence[int | None]]) -> list[str]:
    """The sum of each column of sizes; where some are unknown, what it is at least."""
    texts = []
    for column in zip(*rows):
        known = [size for size in column if size is not None]
        text = size_text(sum(known)) if sum(known) else _UNKNOWN
        texts.append(f"≥ {text}" if sum(known) and len(known) < len(column) else text)
    return texts


def _row(
    columns: Sequence[_Column],
    name: str,
    cells: Sequence[str],
    *,
    below: str = "",
    more: Markup | None = None,
) -> Markup:
    """A row; `below` and `more` stand below its name on a narrow screen."""
    parts = [element("span", below, class_="narrow below")] if below else []
    if more is not None:
        parts.append(element("span", more, class_="narrow"))
    return element(
        "tr",
        element("th", name, *parts, scope="row"),
        *(element("td", cell, class_=column.class_) for cell, column in zip(cells, columns[1:])),
    )


def _table(
    caption: str,
    columns: Sequence[_Column],
    rows: Iterable[Markup],
    total: Markup | None,
    *,
    class_: str,
) -> Markup:
    head = (element("th", c.title, scope="col", class_=c.class_) for c in columns)
    return element(
        "table",
        element("caption", caption),
        element("thead", element("tr", *head)),
        element("tbody", *rows),
        *([element("tfoot", total)] if total is not None else []),
        class_=class_,
    )
