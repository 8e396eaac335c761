"""Text tables for the terminal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence


def table_lines(
    head: Sequence[str], rows: Iterable[Sequence[str]], numbers: Sequence[str] = ()
) -> Iterator[str]:
    """The lines of a table; the columns called `numbers` end at the right."""
    cells = [tuple(head), *(tuple(row) for row in rows)]
    widths = [max(len(row[i]) for row in cells) for i in range(len(head))]
    for row in cells:
        padded = (
            f"{cell:>{width}}" if title in numbers else f"{cell:{width}}"
            for title, cell, width in zip(head, row, widths)
        )
        yield "  ".join(padded).rstrip()


def indented(lines: Iterable[str], spaces: int = 2) -> Iterator[str]:
    """The lines, further to the right."""
    for line in lines:
        yield " " * spaces + line if line else ""
