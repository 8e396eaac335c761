"""Stacks as one self-contained web page: without scripts, without network."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.platforms.python_versions import python_version_of
from venvstacks_rules.model.summary.drawing import draw_graph, draw_sizes, lock_mark
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.markup import Markup, element, join
from venvstacks_rules.model.summary.stack import Overview, StackSummary
from venvstacks_rules.model.summary.style import STYLE
from venvstacks_rules.model.summary.wording import (
    LOCK_WORDS,
    WEIGHED_BY,
    lock_problem,
    platforms_text,
    shared_by_layer,
    with_version,
)
from venvstacks_rules.model.wording import size_text

# Even if a mistake of ours lets foreign markup in, the page runs nothing and fetches nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"
_UNKNOWN = "\N{EN DASH}"


def render_page(overview: Overview) -> str:
    """The page; the same summary gives the same text."""
    names = [stack.name for stack in overview.stacks]
    title = f"Stack {names[0]}" if len(names) == 1 else f"{len(names) or 'No'} stacks"
    layers = [layer for stack in overview.stacks for layer in stack.layers]
    anchors = {layer.address: f"layer-{i}" for i, layer in enumerate(layers, 1)}
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", http_equiv="Content-Security-Policy", content=_POLICY),
        element("meta", name="generator", content="venvstacks_rules"),
        element("title", f"{title} on {overview.target_platform}"),
        element("style", Markup(STYLE)),
    )
    body = element(
        "body",
        element(
            "header",
            element("h1", title),
            element("p", f"Layered Python environments on {overview.target_platform}"),
        ),
        element(
            "main",
            *_problems(overview),
            *(_stack(stack, anchors, titled=len(names) > 1) for stack in overview.stacks),
        ),
        element("footer", "Made by ", element("code", "venvstacks-show"), "."),
    )
    return f"<!doctype html>\n{element('html', head, body, lang='en')}\n"


def _problems(overview: Overview) -> Iterator[Markup]:
    if overview.problems:
        yield element(
            "section",
            element(
                "strong", "These definitions are invalid, so the page does not show their layers:"
            ),
            element("ul", *(element("li", problem) for problem in overview.problems)),
            class_="alarm",
            aria_label="Problems",
        )


# --------------------------------------------------------------------------------------- a stack
def _stack(stack: StackSummary, anchors: Mapping[str, str], *, titled: bool) -> Markup:
    broken = [
        element("p", element("code", file.path), " cannot be used, see above.", class_="alarm")
        for file in stack.broken_files
    ]
    if not stack.layers:
        name = element("h2", stack.name)
        return element("section", name, *broken, class_="stack", aria_label=f"Stack {stack.name}")
    unpacked = stack.unpacked_size is not None
    sizes = draw_sizes(stack, unpacked=unpacked)
    return element(
        "section",
        *([element("h2", stack.name)] if titled else []),
        *broken,
        _facts(stack),
        _figure(
            draw_graph(stack, anchors),
            "Each layer is above the layers it builds on. The bar in a box is the layer's size "
            "compared with the largest: unpacked, or, marked ↓ and paler, to download.",
        ),
        *([_sizes(sizes, unpacked=unpacked)] if sizes is not None else []),
        _table_of_layers(stack, anchors),
        *(_layer(layer, anchors) for layer in stack.layers),
        class_="stack",
        aria_label=f"Stack {stack.name}",
    )


def _facts(stack: StackSummary) -> Markup:
    facts = [
        (kind.plural, str(len(stack.of_kind(kind)))) for kind in LayerKind if stack.of_kind(kind)
    ]
    packages = sum(len(layer.packages) for layer in stack.layers)
    facts.append(("packages", str(packages)))
    for name, size in (
        ("to download", stack.download_size),
        ("unpacked", stack.unpacked_size),
        ("in archives", stack.archive_size),
    ):
        if size is not None:
            facts.append((name, size_text(size)))
    pairs = (element("div", element("dt", name), element("dd", value)) for name, value in facts)
    return element("dl", *pairs, class_="facts")


def _figure(drawing: Markup, caption: str) -> Markup:
    scrolled = element("div", drawing, class_="scroll")
    return element("figure", scrolled, element("figcaption", caption), class_="card")


def _sizes(drawing: Markup, *, unpacked: bool) -> Markup:
    what = "Unpacked sizes" if unpacked else "Sizes of wheels, as not all layers are built"
    caption = f"{what}: each package takes an area in proportion to its size, within its layer."
    return _figure(drawing, caption)


def _table_of_layers(stack: StackSummary, anchors: Mapping[str, str]) -> Markup:
    numbers = ("Packages", "Shared", "Download", "Unpacked", "Archive")
    head = element(
        "tr",
        *(element("th", name, scope="col") for name in ("Layer", "Kind", "Lock")),
        *(element("th", name, scope="col", class_="number") for name in numbers),
    )
    rows = (
        element(
            "tr",
            element(
                "th",
                element("a", layer.install_target, href=f"#{anchors[layer.address]}"),
                scope="row",
                class_="mono",
            ),
            element("td", layer.kind.value),
            element("td", _state(layer)),
            *(element("td", text, class_="number") for text in _numbers(layer)),
        )
        for layer in stack.layers
    )
    table = element(
        "table",
        element("caption", "All layers, lower ones first"),
        element("thead", head),
        element("tbody", *rows),
        class_="layers",
    )
    return element("div", table, class_="card scroll")


def _numbers(layer: LayerSummary) -> tuple[str, ...]:
    known = layer.offered and layer.lock.requirements_hash is not None
    counts = (len(layer.packages), len(layer.shared))
    sizes = (layer.download_size, layer.unpacked_size, layer.archive_size)
    return (
        *(str(count) if known else _UNKNOWN for count in counts),
        *(size_text(size) or _UNKNOWN for size in sizes),
    )


def _state(layer: LayerSummary) -> Markup:
    state = layer.lock.state
    words = f"{lock_mark(state)} {LOCK_WORDS[state]}"
    return element("span", words, class_=f"state {state.value}")


# --------------------------------------------------------------------------------------- a layer
def _layer(layer: LayerSummary, anchors: Mapping[str, str]) -> Markup:
    anchor = anchors[layer.address]
    header = element(
        "header",
        element("h3", layer.install_target, class_="mono", id=f"{anchor}-name"),
        element("span", layer.kind.value, class_="soft"),
        _state(layer),
    )
    return element(
        "article",
        header,
        *([element("p", layer.description)] if layer.description else []),
        *_alarm(layer),
        *(element("p", note, class_="soft") for note in layer.notes),
        element("dl", *_facts_of_layer(layer, anchors)),
        *_packages(layer),
        *_shared(layer),
        id=anchor,
        class_=f"card detail {layer.kind.value}",
        aria_labelledby=f"{anchor}-name",
    )


def _alarm(layer: LayerSummary) -> Iterator[Markup]:
    problem = lock_problem(layer)
    if problem is not None:
        remedy = layer.lock.remedy
        command = [" Run ", element("code", remedy), "."] if remedy else []
        yield element("p", f"{problem[0].upper()}{problem[1:]}.", *command, class_="alarm")


def _facts_of_layer(layer: LayerSummary, anchors: Mapping[str, str]) -> Iterator[Markup]:
    facts: list[tuple[str, Sequence[str]]] = [("Address", [element("code", layer.address)])]
    facts.append(("Python", [layer.python_implementation]))
    if layer.launch_module:
        facts.append(("Starts", [element("code", f"python -m {layer.launch_module}")]))
    if layer.lower:
        facts.append(("Import order", list(_import_order(layer, anchors))))
    facts.append(("Platforms", [platforms_text(layer)]))
    if layer.lock.state is not LockState.DISABLED:
        facts.append(("Lockfile", [element("code", layer.lock.path)]))
    if layer.archive_name:
        sizes = f", {size_text(layer.archive_size)}, {size_text(layer.unpacked_size)} unpacked"
        facts.append(("Archive", [element("code", layer.archive_name), sizes]))
    for name, content in facts:
        yield element("dt", name)
        yield element("dd", *content)


def _import_order(layer: LayerSummary, anchors: Mapping[str, str]) -> Iterator[str]:
    yield "this layer"
    for name, address in layer.lower:
        yield ", "
        anchor = anchors.get(address)
        text = element("code", name)
        yield element("a", text, href=f"#{anchor}", title=address) if anchor else text


def _packages(layer: LayerSummary) -> Iterator[Markup]:
    if not layer.offered:
        yield element("p", "The layer is not for this platform.", class_="soft")
        return
    if layer.lock.requirements_hash is None:
        return
    rows = list(_package_rows(layer))
    if not rows:
        yield element("p", "No packages of its own.", class_="soft")
        return
    weighed = WEIGHED_BY[layer.weighed_by]
    head = element(
        "tr",
        element("th", "Package", scope="col"),
        element("th", "Version", scope="col"),
        element("th", "Wheel", scope="col", class_="number"),
        element("th", "Unpacked", scope="col", class_="number"),
        element("th", f"By {weighed}", scope="col", class_="share"),
    )
    table = element(
        "table",
        element("caption", f"What the layer itself installs, by {weighed}"),
        element("thead", head),
        element("tbody", *rows),
        class_="packages",
    )
    yield element("div", table, class_="scroll")


@dataclass(frozen=True)
class _Row:
    """One line of the table of packages."""

    name: str
    version: str
    wheel: int | None
    unpacked: int | None


def _package_rows(layer: LayerSummary) -> Iterator[Markup]:
    rows = [_Row(p.name, p.version, p.wheel_size, p.unpacked_size) for p in layer.packages]
    python = layer.interpreter
    if python is not None and (python.download_size or python.unpacked_size):
        version = python_version_of(layer.python_implementation)
        rows.append(_Row("(interpreter)", version, python.download_size, python.unpacked_size))
    if layer.own_files_size:
        rows.append(_Row("(own files)", "", None, layer.own_files_size))

    def weight(row: _Row) -> int:
        return (row.unpacked if layer.is_built else row.wheel) or 0

    rows.sort(key=lambda row: (-weight(row), row.name))
    largest = max(map(weight, rows), default=0)
    for row in rows:
        yield _package_row(row, weight(row) / largest if largest else 0.0)


def _package_row(row: _Row, share: float) -> Markup:
    bar = [element("span", style=f"width:{share:.1%}")] if share else []
    return element(
        "tr",
        element("th", row.name, scope="row", class_="mono"),
        element("td", row.version, class_="mono"),
        element("td", size_text(row.wheel) or _UNKNOWN, class_="number"),
        element("td", size_text(row.unpacked) or _UNKNOWN, class_="number"),
        element("td", element("span", *bar, class_="meter", aria_hidden="true"), class_="share"),
    )


def _shared(layer: LayerSummary) -> Iterator[Markup]:
    for name, packages in shared_by_layer(layer):
        listed = join(
            part
            for i, package in enumerate(packages)
            for part in (", " if i else "", with_version(package))
        )
        yield element("p", element("span", f"From {name}: ", class_="soft"), listed)
