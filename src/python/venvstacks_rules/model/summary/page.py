"""Stacks as one self-contained web page: without scripts, without network."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from urllib.parse import quote

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.summary.comparison import Comparison
from venvstacks_rules.model.summary.drawing import draw_graph, draw_sizes
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.markup import Markup, element, join
from venvstacks_rules.model.summary.sharing import shared_uses
from venvstacks_rules.model.summary.stack import Overview, StackSummary
from venvstacks_rules.model.summary.style import STYLE
from venvstacks_rules.model.summary.tables import (
    largest_part,
    state_of,
    table_of_layers,
    table_of_packages,
    table_of_stacks,
    table_of_uses,
)
from venvstacks_rules.model.summary.wording import (
    DOCUMENT_WORDS,
    lock_problem,
    platforms_text,
    shared_by_layer,
    with_version,
)
from venvstacks_rules.model.wording import size_text

# Even if a mistake of ours lets foreign markup in, the page runs nothing and fetches nothing.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'"


def render_page(overview: Overview, root: str = ".") -> str:
    """The page; the same summary gives the same text.

    `root` is the path from the page's folder to the build root, for links to files.
    """
    names = [stack.name for stack in overview.stacks]
    title = f"Stack {names[0]}" if len(names) == 1 else f"{len(names) or 'No'} stacks"
    layers = [layer for stack in overview.stacks for layer in stack.layers]
    sections = [f"stack-{i}" for i, _ in enumerate(names, 1)]
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
            *_changes(overview.comparison),
            *([_contents(overview, sections)] if len(names) > 1 else []),
            *(
                _stack(stack, anchors, section, root, titled=len(names) > 1)
                for stack, section in zip(overview.stacks, sections)
            ),
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


def _changes(comparison: Comparison | None) -> Iterator[Markup]:
    if comparison is None:
        return
    heading = element("h2", "Changes since ", element("code", comparison.since))
    listed = []
    for layer in comparison.layers:
        name = element("code", layer.install_target)
        listed.append(element("dt", name, f" {layer.state} ({layer.address})"))
        listed += [element("dd", text) for text in layer.texts]
    content = element("dl", *listed) if listed else element("p", "Nothing changed.")
    yield element("section", heading, content, class_="card changes", aria_label="Changes")


def _contents(overview: Overview, sections: Sequence[str]) -> Markup:
    table = element("div", table_of_stacks(overview, sections), class_="card scroll")
    return element("nav", table, aria_label="Contents")


# --------------------------------------------------------------------------------------- a stack
def _stack(
    stack: StackSummary, anchors: Mapping[str, str], section: str, root: str, *, titled: bool
) -> Markup:
    broken = [
        element("p", element("code", file.path), " cannot be used, see above.", class_="alarm")
        for file in stack.broken_files
    ]
    if not stack.layers:
        name = element("h2", stack.name)
        label = f"Stack {stack.name}"
        return element("section", name, *broken, id=section, class_="stack", aria_label=label)
    unpacked = stack.unpacked_size is not None
    sizes = [draw_sizes(stack, unpacked=unpacked, narrow=narrow) for narrow in (False, True)]
    drawn = [drawing for drawing in sizes if drawing is not None]
    largest = largest_part(stack)
    return element(
        "section",
        *([element("h2", stack.name)] if titled else []),
        *broken,
        _facts(stack),
        _figure(
            [draw_graph(stack, anchors), draw_graph(stack, anchors, narrow=True)],
            "Each layer is above the layers it builds on. The bar in a box is the layer's size "
            "compared with the largest: unpacked, or, marked ↓ and paler, to download.",
        ),
        *([_sizes(drawn, unpacked=unpacked)] if drawn else []),
        element("div", table_of_layers(stack, anchors), class_="card scroll"),
        *_uses(stack),
        *(_layer(layer, anchors, largest, root) for layer in stack.layers),
        id=section,
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


def _figure(drawings: Iterable[Markup], caption: str) -> Markup:
    """Drawings of the same for wide and narrow screens, of which one is visible."""
    scrolled = element("div", *drawings, class_="scroll")
    return element("figure", scrolled, element("figcaption", caption), class_="card")


def _sizes(drawings: Iterable[Markup], *, unpacked: bool) -> Markup:
    what = "Unpacked sizes" if unpacked else "Sizes of wheels, as not all layers are built"
    caption = f"{what}: each package takes an area in proportion to its size, within its layer."
    return _figure(drawings, caption)


def _uses(stack: StackSummary) -> Iterator[Markup]:
    if len(stack.of_kind(LayerKind.APPLICATION)) < 2:
        return
    uses = shared_uses(stack.layers)
    if uses:
        yield element("div", table_of_uses(uses), class_="card scroll")
    else:
        yield element("p", "No package is used by more than one application.", class_="soft")


# --------------------------------------------------------------------------------------- a layer
def _layer(layer: LayerSummary, anchors: Mapping[str, str], largest: int, root: str) -> Markup:
    anchor = anchors[layer.address]
    header = element(
        "header",
        element("h3", layer.install_target, class_="mono", id=f"{anchor}-name"),
        element("span", layer.kind.value, class_="soft"),
        state_of(layer),
    )
    return element(
        "article",
        header,
        *([element("p", layer.description)] if layer.description else []),
        *_alarm(layer),
        *(element("p", note, class_="soft") for note in layer.notes),
        element("dl", *_facts_of_layer(layer, anchors, root)),
        *_packages(layer, largest),
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


def _facts_of_layer(layer: LayerSummary, anchors: Mapping[str, str], root: str) -> Iterator[Markup]:
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
    if layer.documents:
        facts.append(("Documents", list(_documents(layer, root))))
    for name, content in facts:
        yield element("dt", name)
        yield element("dd", *content)


def _documents(layer: LayerSummary, root: str) -> Iterator[str]:
    for number, (name, path) in enumerate(layer.documents):
        yield ", " if number else ""
        yield element("a", DOCUMENT_WORDS[name], href=quote(f"{root}/{path}"))


def _import_order(layer: LayerSummary, anchors: Mapping[str, str]) -> Iterator[str]:
    yield "this layer"
    for name, address in layer.lower:
        yield ", "
        anchor = anchors.get(address)
        text = element("code", name)
        yield element("a", text, href=f"#{anchor}", title=address) if anchor else text


def _packages(layer: LayerSummary, largest: int) -> Iterator[Markup]:
    if not layer.offered:
        yield element("p", "The layer is not for this platform.", class_="soft")
        return
    if layer.lock.requirements_hash is None:
        return
    table = table_of_packages(layer, largest)
    if table is None:
        yield element("p", "No packages of its own.", class_="soft")
    else:
        yield element("div", table, class_="scroll")


def _shared(layer: LayerSummary) -> Iterator[Markup]:
    for name, packages in shared_by_layer(layer):
        listed = join(
            part
            for i, package in enumerate(packages)
            for part in (", " if i else "", with_version(package))
        )
        yield element("p", element("span", f"From {name}: ", class_="soft"), listed)
