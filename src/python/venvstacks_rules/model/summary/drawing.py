"""The drawings of the page, as SVG: the graph of a stack, and the map of its sizes.

Names have a fixed-width font, so that we know how much fits.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from venvstacks_rules.model.locks.freshness import LockState
from venvstacks_rules.model.summary.graph import GAP, Edge, layout
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.markup import Markup, element
from venvstacks_rules.model.summary.stack import StackSummary
from venvstacks_rules.model.summary.treemap import Rectangle, squarify
from venvstacks_rules.model.summary.wording import LOCK_WORDS, layer_sizes
from venvstacks_rules.model.wording import size_text

GRAPH_WIDTH, NARROW_WIDTH = 1080.0, 336.0
"""The second is that of a phone, in which each row of the graph has one box."""
MAP_WIDTH, MAP_HEIGHT, NARROW_MAP_HEIGHT = 1080.0, 380.0, 440.0

_NAME_CHARACTER, _SMALL_CHARACTER = 7.3, 6.7
"""The widths of a character of 12 and of 11 pixels, in the widest of the usual fonts."""
_PADDING = 13.0
_MIN_BOX, _MAX_BOX = 184.0, 300.0
_MARKS = {
    LockState.VALID: "✓",
    LockState.MISSING: "✕",
    LockState.UNREADABLE: "✕",
    LockState.DISABLED: "·",
}
_SHORT = {
    LockState.VALID: "locked",
    LockState.STALE: "stale",
    LockState.MISSING: "no lock",
    LockState.UNREADABLE: "unreadable",
    LockState.UNJUDGED: "not judged",
    LockState.DISABLED: "disabled",
}
_HEADER = 18.0


@dataclass(frozen=True)
class Part:
    """A piece of a layer in the map of sizes."""

    name: str
    size: int
    version: str | None = None
    """None for a part that is not a package."""


def lock_mark(state: LockState) -> str:
    """One sign for the state of a lock."""
    return _MARKS.get(state, "!")


def shortened(text: str, width: float, character: float) -> str:
    """`text`, shortened in its middle to fit into `width`; empty if nothing fits."""
    room = int(width / character)
    if len(text) <= room:
        return text
    if room < 3:
        return ""
    head = room // 2
    return f"{text[:head]}…{text[len(text) - (room - 1 - head) :]}"


# --------------------------------------------------------------------------------------- the graph
def draw_graph(stack: StackSummary, anchors: Mapping[str, str], *, narrow: bool = False) -> Markup:
    """The layers of a stack, each above the layers it builds on.

    `anchors` maps the address of each layer to the id of its section. The `narrow` drawing is for
    phones: one box in a row, with the kind inside.
    """
    if narrow:
        box_width = NARROW_WIDTH - 2 * GAP
        graph = layout(stack, box_width=box_width, width=NARROW_WIDTH, labels=GAP)
    else:
        longest = max(len(layer.install_target) for layer in stack.layers)
        wanted = longest * _NAME_CHARACTER + 2 * _PADDING
        box_width = max(_MIN_BOX, min(_MAX_BOX, wanted))
        graph = layout(stack, box_width=box_width, width=GRAPH_WIDTH)
    layers = {layer.address: layer for layer in stack.layers}
    largest = max((_box_size(layer) or 0 for layer in stack.layers), default=0)
    return element(
        "svg",
        _highlights([anchors[address] for address in layers], narrow=narrow),
        *(
            element("text", name, class_="kind", x=0, y=middle, dy="0.35em")
            for name, middle in graph.labels
            if not narrow
        ),
        *(_edge(edge, anchors) for edge in graph.edges),
        *(
            _box(layers[a], box, largest, anchors[a], narrow=narrow)
            for a, box in graph.boxes.items()
        ),
        class_="graph narrow" if narrow else "graph wide",
        viewBox=_view(graph.width, graph.height),
        width=graph.width,
        height=graph.height,
        role="group",
        aria_label=f"The layers of {stack.name}, each above the layers it builds on",
    )


def _view(width: float, height: float) -> str:
    return f"0 -2 {width:.0f} {height + 4:.0f}"


def _box_size(layer: LayerSummary) -> int | None:
    return layer.unpacked_size if layer.is_built else layer.download_size


def _box_id(anchor: str, *, narrow: bool) -> str:
    return f"{'narrow' if narrow else 'box'}-{anchor}"


def _highlights(anchors: Iterable[str], *, narrow: bool) -> Markup:
    """The style that highlights the edges of a box under the pointer or with the focus."""
    edges = [
        f".graph:has(#{_box_id(anchor, narrow=narrow)}:is(:hover,:focus-visible)) .{end}-{anchor}"
        for anchor in anchors
        for end in ("from", "to")
    ]
    # Anchors have only our letters and numbers: no text of a user gets into the style.
    return element("style", Markup(",".join(edges) + "{stroke:var(--accent);stroke-width:2.5}"))


def _edge(edge: Edge, anchors: Mapping[str, str]) -> Markup:
    (x, y), *rest = edge.points
    path = [f"M{x:.1f} {y:.1f}"]
    for i, (x1, y1) in enumerate(rest):
        if i % 2:
            path.append(f"L{x1:.1f} {y1:.1f}")
        else:
            middle = (y + y1) / 2
            path.append(f"C{x:.1f} {middle:.1f} {x1:.1f} {middle:.1f} {x1:.1f} {y1:.1f}")
        x, y = x1, y1
    classes = f"edge from-{anchors[edge.upper]} to-{anchors[edge.lower]}"
    return element("path", class_=classes, d=" ".join(path))


def _box(layer: LayerSummary, box: Rectangle, largest: int, anchor: str, *, narrow: bool) -> Markup:
    state, size = layer.lock.state, _box_size(layer)
    label = f"{layer.install_target}, {layer.kind.value}, {LOCK_WORDS[state]}"
    if layer.offered:
        label += f", {layer_sizes(layer)}"
    width = box.width - 2 * _PADDING
    sign = "" if layer.is_built else "↓ "
    share = (size or 0) / largest * width if largest else 0.0
    parts = [
        element("title", label),
        _rect(box, class_="box", rx=7),
        _rect(Rectangle(box.x, box.y + 7, 4, box.height - 14), class_="stripe", rx=2),
        _text(
            shortened(layer.install_target, width, _NAME_CHARACTER),
            box.x + _PADDING,
            box.y + 22,
            class_="name",
        ),
        _text(
            f"{lock_mark(state)} {_SHORT[state]}" + (f" · {layer.kind.value}" if narrow else ""),
            box.x + _PADDING,
            box.y + 40,
            class_=f"state {state.value}",
        ),
    ]
    if size:
        right = box.x + box.width - _PADDING
        parts.append(_text(sign + size_text(size), right, box.y + 40, class_="size"))
        track = Rectangle(box.x + _PADDING, box.y + 49, width, 4)
        parts.append(_rect(track, class_="track", rx=2))
        bar = Rectangle(track.x, track.y, max(2.0, share), 4)
        parts.append(_rect(bar, class_="bar" if layer.is_built else "bar planned", rx=2))
    classes = f"layer {layer.kind.value}" + ("" if layer.offered else " elsewhere")
    return element(
        "a",
        *parts,
        id=_box_id(anchor, narrow=narrow),
        href=f"#{anchor}",
        class_=classes,
        aria_label=label,
    )


# ------------------------------------------------------------------------------- the map of sizes
def parts_of(layer: LayerSummary, *, unpacked: bool) -> tuple[Part, ...]:
    """The parts of a layer, the largest first."""
    parts = [
        Part(p.name, (p.unpacked_size if unpacked else p.wheel_size) or 0, p.version)
        for p in layer.packages
    ]
    interpreter = layer.interpreter
    if interpreter is not None:
        size = interpreter.unpacked_size if unpacked else interpreter.download_size
        parts.append(Part("interpreter", size or 0))
    if unpacked:
        parts.append(Part("own files", layer.own_files_size or 0))
    return tuple(
        sorted((part for part in parts if part.size), key=lambda part: (-part.size, part.name))
    )


def draw_sizes(stack: StackSummary, *, unpacked: bool, narrow: bool = False) -> Markup | None:
    """A map of a stack in which each package has an area by its size; None without sizes."""
    found = [(layer, parts_of(layer, unpacked=unpacked)) for layer in stack.layers]
    weighed = sorted(
        ((layer, parts) for layer, parts in found if parts),
        key=lambda item: (-sum(part.size for part in item[1]), item[0].address),
    )
    if not weighed:
        return None
    width = NARROW_WIDTH if narrow else MAP_WIDTH
    space = Rectangle(0, 0, width, NARROW_MAP_HEIGHT if narrow else MAP_HEIGHT)
    totals = [sum(part.size for part in parts) for _, parts in weighed]
    return element(
        "svg",
        *(
            _layer_map(layer, parts, area)
            for (layer, parts), area in zip(weighed, squarify(totals, space))
        ),
        class_="map narrow" if narrow else "map wide",
        viewBox=f"0 0 {space.width:.0f} {space.height:.0f}",
        role="img",
        aria_label=f"The sizes of packages in {stack.name}; the tables below have the numbers",
    )


def _layer_map(layer: LayerSummary, parts: tuple[Part, ...], area: Rectangle) -> Markup:
    frame = area.inset(1.5)
    drawn = [_rect(frame, class_="frame", rx=4)]
    inner = frame
    title = f"{layer.install_target}  {size_text(sum(part.size for part in parts))}"
    caption = shortened(title, frame.width - 12, _SMALL_CHARACTER)
    if len(caption) > 4 and frame.height >= _HEADER + 14:
        drawn.append(_text(caption, frame.x + 6, frame.y + 13, class_="caption"))
        inner = frame.below(_HEADER - 2)
    inner = inner.inset(2)
    for part, place in zip(parts, squarify([part.size for part in parts], inner)):
        drawn.append(_part(layer, part, place))
    return element("g", *drawn, class_=f"region {layer.kind.value}")


def _part(layer: LayerSummary, part: Part, place: Rectangle) -> Markup:
    size, version = size_text(part.size), f" {part.version}" if part.version else ""
    tile = place.inset(min(1.0, place.width / 8, place.height / 8))
    drawn = [
        element("title", f"{part.name}{version}, {size}, in {layer.install_target}"),
        _rect(tile, class_="tile" if part.version else "tile other", rx=2),
    ]
    room = tile.width - 10
    name = part.name
    if len(name) * _SMALL_CHARACTER > room:
        # A few letters with dots would say nothing.
        name = shortened(name, room, _SMALL_CHARACTER) if room > 8 * _SMALL_CHARACTER else ""
    if name and tile.height >= 18:
        drawn.append(_text(name, tile.x + 5, tile.y + 13, class_="label"))
        if tile.height >= 32 and len(size) * _SMALL_CHARACTER <= room:
            drawn.append(_text(size, tile.x + 5, tile.y + 27, class_="label number"))
    return element("g", *drawn)


def _rect(place: Rectangle, *, class_: str, rx: float) -> Markup:
    return element(
        "rect",
        class_=class_,
        x=place.x,
        y=place.y,
        width=place.width,
        height=place.height,
        rx=rx,
    )


def _text(text: str, x: float, y: float, *, class_: str) -> Markup:
    return element("text", text, class_=class_, x=x, y=y)
