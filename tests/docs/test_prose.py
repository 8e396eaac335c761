"""The prose of the documentation has lines that fit into an editor."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = (ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md")))
WIDTH = 100


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of paragraphs, with their numbers, without tables, code and console output."""
    fenced = False
    for number, line in enumerate(page.read_text(encoding="utf-8").splitlines(), 1):
        start = line.lstrip()
        if start.startswith("```"):
            fenced = not fenced
        elif not fenced and not start.startswith("|"):
            yield number, line


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_no_line_of_prose_is_too_long(page: Path) -> None:
    assert [number for number, line in prose(page) if len(line) > WIDTH] == []
