"""The places of a stack's layers in the drawing, and the paths of the edges between them.

Rows from the bottom: runtimes, frameworks by depth, applications. A row that would be too wide
becomes several. An edge that passes a row goes through a gap between its boxes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.stack import StackSummary
from venvstacks_rules.model.summary.treemap import Rectangle

BOX_HEIGHT = 60.0
GAP = 30.0
"""Between the boxes of a row, for edges."""
CHANNEL = 60.0
"""Between rows of different depth, for edges."""
NARROW_CHANNEL = 34.0
"""Between the parts of a row that was too wide."""
LABELS = 122.0
"""The width of the column with the names of the kinds."""
_PORT = 12.0
_SWEEPS = 6


@dataclass(frozen=True)
class Edge:
    """A line from the bottom of one box to the top of another."""

    upper: str
    lower: str
    """Addresses."""
    points: tuple[tuple[float, float], ...]
    """Curves and straight lines connect them in turn; the first and the last are curves."""


@dataclass(frozen=True)
class Graph:
    """The geometry of a drawing."""

    width: float
    height: float
    boxes: Mapping[str, Rectangle]
    """By address."""
    edges: tuple[Edge, ...]
    labels: tuple[tuple[str, float], ...]
    """The name of each kind, and the middle of its topmost row."""


def layout(stack: StackSummary, *, box_width: float, width: float, labels: float = LABELS) -> Graph:
    """Place the layers of `stack`, not wider than `width` if a box fits at all.

    `labels` is the room at the left, for the names of the kinds or at least for edges.
    """
    columns = max(1, int((width - labels) // (box_width + GAP)))
    ranks = _ordered(_ranks(stack), stack)
    # From the top; within a rank the order runs down each column, so that neighbours stay close.
    rows: list[tuple[int, list[str]]] = []
    for number in reversed(range(len(ranks))):
        rows += [(number, row) for row in _broken(ranks[number], columns)]
    inner = max(len(row) for _, row in rows) * (box_width + GAP) - GAP
    boxes: dict[str, Rectangle] = {}
    y, above = 0.0, rows[0][0]
    for i, (number, row) in enumerate(rows):
        y += 0 if i == 0 else BOX_HEIGHT + (NARROW_CHANNEL if number == above else CHANNEL)
        above = number
        x = labels + (inner - len(row) * (box_width + GAP) + GAP) / 2
        for address in row:
            boxes[address] = Rectangle(x, y, box_width, BOX_HEIGHT)
            x += box_width + GAP
    edges = _Router([[boxes[address] for address in row] for _, row in rows], boxes).route(stack)
    return Graph(labels + inner + GAP, y + BOX_HEIGHT, boxes, edges, _labels(stack, boxes))


def _ranks(stack: StackSummary) -> list[list[str]]:
    """The addresses of each rank, the lowest first."""
    depths = dict(stack.depths)
    top = max(
        (depths[layer.address] for layer in stack.layers if layer.kind is LayerKind.FRAMEWORK),
        default=0,
    )
    for layer in stack.of_kind(LayerKind.APPLICATION):
        depths[layer.address] = top + 1
    ranks: dict[int, list[str]] = {}
    for layer in stack.layers:
        ranks.setdefault(depths[layer.address], []).append(layer.address)
    return [ranks[depth] for depth in sorted(ranks)]


def _ordered(ranks: list[list[str]], stack: StackSummary) -> list[list[str]]:
    """The ranks with each layer near the middle of its neighbours, for fewer crossings."""
    below: dict[str, list[str]] = {}
    above: dict[str, list[str]] = {}
    for upper, lower in stack.edges:
        below.setdefault(upper, []).append(lower)
        above.setdefault(lower, []).append(upper)
    place: dict[str, float] = {}

    def settle(rank: list[str]) -> None:
        for i, address in enumerate(rank):
            place[address] = (i + 0.5) / len(rank)

    for rank in ranks:
        settle(rank)
    for sweep in range(_SWEEPS):
        neighbours = above if sweep % 2 else below
        for rank in reversed(ranks) if sweep % 2 else ranks:
            middle = {
                address: _mean([place[n] for n in neighbours.get(address, ()) if n in place])
                for address in rank
            }
            # A layer without neighbours there keeps its place.
            rank.sort(key=lambda a: (middle[a] if middle[a] >= 0 else place[a], place[a], a))
            settle(rank)
    return ranks


def _mean(values: Sequence[float]) -> float:
    # Rounded: the last bit of a sum must not decide an order.
    return round(sum(values) / len(values), 9) if values else -1.0


def _broken(rank: Sequence[str], columns: int) -> list[list[str]]:
    """Rows of at most `columns`, of almost equal length; the order runs down the columns."""
    count = math.ceil(len(rank) / columns)
    rows: list[list[str]] = [[] for _ in range(count)]
    for i, address in enumerate(rank):
        rows[i % count].append(address)
    return rows


def _labels(stack: StackSummary, boxes: Mapping[str, Rectangle]) -> tuple[tuple[str, float], ...]:
    found = []
    for kind in LayerKind:
        tops = [boxes[layer.address].y for layer in stack.of_kind(kind)]
        if tops:
            found.append((kind.plural, min(tops) + BOX_HEIGHT / 2))
    return tuple(found)


class _Router:
    """Routes edges from row to row, through the gaps between boxes."""

    def __init__(self, rows: list[list[Rectangle]], boxes: Mapping[str, Rectangle]) -> None:
        self.rows = rows
        self.boxes = boxes
        self.row_of = {box: i for i, row in enumerate(rows) for box in row}

    def route(self, stack: StackSummary) -> tuple[Edge, ...]:
        known = [(u, d) for u, d in stack.edges if u in self.boxes and d in self.boxes]
        leaving: dict[str, list[str]] = {}
        for upper, lower in known:
            leaving.setdefault(upper, []).append(lower)
        for targets in leaving.values():
            targets.sort(key=lambda address: (self._middle(address), address))
        lanes = {address: i for i, address in enumerate(sorted({d for _, d in known}))}
        found = []
        for upper, lower in known:
            targets = leaving[upper]
            port = (targets.index(lower) - (len(targets) - 1) / 2) * _PORT
            found.append(self._edge(upper, lower, port, lanes[lower]))
        return tuple(found)

    def _middle(self, address: str) -> float:
        return self.boxes[address].x + self.boxes[address].width / 2

    def _edge(self, upper: str, lower: str, port: float, lane: int) -> Edge:
        start, end = self.boxes[upper], self.boxes[lower]
        limit = start.width / 2 - _PORT
        x = self._middle(upper) + max(-limit, min(limit, port))
        points = [(x, start.y + start.height)]
        target = self._middle(lower)
        for row in self.rows[self.row_of[start] + 1 : self.row_of[end]]:
            # All edges to one box share a lane, so that they join early.
            x = _gap(row, x, target) + (lane % 5 - 2) * GAP / 8
            points += [(x, row[0].y), (x, row[0].y + row[0].height)]
        return Edge(upper, lower, (*points, (target, end.y)))


def _gap(row: Sequence[Rectangle], start: float, end: float) -> float:
    """The middle of the gap of a row with the shortest way through it."""
    gaps = [row[0].x - GAP / 2, *(box.x + box.width + GAP / 2 for box in row)]
    return min(gaps, key=lambda x: (round(abs(x - start) + abs(x - end), 6), abs(x - end), x))
