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

    def inset(self, margin: float) -> Rectangle:
        """The rectangle without a margin all around; the margin of a narrow one is smaller."""
        across, down = min(margin, self.width / 2), min(margin, self.height / 2)
        return Rectangle(
            self.x + across, self.y + down, self.width - 2 * across, self.height - 2 * down
        )

    def below(self, height: float) -> Rectangle:
        """The rectangle without a strip of that height at the top."""
        strip = min(height, self.height)
        return Rectangle(self.x, self.y + strip, self.width, self.height - strip)


def squarify(sizes: Sequence[int], space: Rectangle) -> tuple[Rectangle, ...]:
    """Divide `space` among `sizes`, each near to a square, in the given order.

    The sizes are positive and best in descending order.
    """
    found: list[Rectangle] = []
    rest = list(sizes)
    while rest and min(space.width, space.height) > 0:
        row = list(_first_row(rest, space))
        placed, space = _lay(row, space, sum(row) / sum(rest))
        found += placed
        rest = rest[len(row) :]
    # Also for sizes that are too small to see.
    return (*found, *(Rectangle(space.x, space.y, 0, 0) for _ in rest))


def _first_row(sizes: Sequence[int], space: Rectangle) -> Iterator[int]:
    """The sizes to put along the shorter side: as many as make the rectangles squarer."""
    scale = max(space.width, space.height) / min(space.width, space.height) / sum(sizes)
    row: list[int] = []
    for size in sizes:
        if row and _worst([*row, size], scale) > _worst(row, scale):
            return
        row.append(size)
        yield size


def _worst(row: Sequence[int], scale: float) -> float:
    """The ratio of the sides of the least square rectangle of a row."""
    squared = sum(row) * sum(row) * scale
    return max(max(squared / size, size / squared) for size in row)


def _lay(row: Sequence[int], space: Rectangle, share: float) -> tuple[list[Rectangle], Rectangle]:
    """Place a row along the shorter side; return the rectangles and the space left.

    `share` is the row's share of the space; 1 leaves no space.
    """
    whole, done = sum(row), 0
    found = []
    if space.width >= space.height:
        depth = space.width * share
        for size in row:
            y, length = space.y + space.height * done / whole, space.height * size / whole
            found.append(Rectangle(space.x, y, depth, length))
            done += size
        left = space.width - depth
        return found, Rectangle(space.x + depth, space.y, left, space.height)
    depth = space.height * share
    for size in row:
        x, length = space.x + space.width * done / whole, space.width * size / whole
        found.append(Rectangle(x, space.y, length, depth))
        done += size
    return found, Rectangle(space.x, space.y + depth, space.width, space.height - depth)
