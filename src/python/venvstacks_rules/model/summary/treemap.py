"""Rectangles whose areas are in proportion to sizes (squarified treemaps).

After Bruls, Huizing and van Wijk, "Squarified Treemaps" (2000).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Rectangle:
    """An upright rectangle; `y` grows downwards."""

    x: float
    y: float
    width: float
    height: float

    def inset(self, *, top: float, margin: float) -> Rectangle:
        """What is left without a strip at the top and a margin all around."""
        return Rectangle(
            self.x + margin,
            self.y + top + margin,
            max(0.0, self.width - 2 * margin),
            max(0.0, self.height - top - 2 * margin),
        )


def squarify(sizes: Sequence[int], space: Rectangle) -> tuple[Rectangle, ...]:
    """Divide `space` among `sizes`, each near to a square, in the given order.

    The sizes are positive and best in descending order.
    """
    total = sum(sizes)
    if not total or space.width <= 0 or space.height <= 0:
        return tuple(Rectangle(space.x, space.y, 0, 0) for _ in sizes)
    scale = space.width * space.height / total
    found: list[Rectangle] = []
    rest = [size * scale for size in sizes]
    while rest:
        row = list(_first_row(rest, min(space.width, space.height)))
        placed, space = _lay(row, space)
        found += placed
        rest = rest[len(row) :]
    return tuple(found)


def _first_row(areas: Sequence[float], side: float) -> Iterator[float]:
    """As many areas as get nearer to squares by lying along one side together."""
    row: list[float] = []
    for area in areas:
        if row and _worst([*row, area], side) > _worst(row, side):
            return
        row.append(area)
        yield area


def _worst(row: Sequence[float], side: float) -> float:
    """The ratio of the sides of the least square rectangle of a row along a side."""
    depth = sum(row) / side
    return max(max(depth * depth / area, area / (depth * depth)) for area in row)


def _lay(row: Sequence[float], space: Rectangle) -> tuple[list[Rectangle], Rectangle]:
    """Place a row along the shorter side; the rectangles, and the space that is left."""
    area = sum(row)
    found = []
    if space.width >= space.height:
        depth, y = area / space.height, space.y
        for part in row:
            found.append(Rectangle(space.x, y, depth, part / depth))
            y += part / depth
        left = max(0.0, space.width - depth)
        return found, Rectangle(space.x + depth, space.y, left, space.height)
    depth, x = area / space.width, space.x
    for part in row:
        found.append(Rectangle(x, space.y, part / depth, depth))
        x += part / depth
    return found, Rectangle(space.x, space.y + depth, space.width, max(0.0, space.height - depth))
