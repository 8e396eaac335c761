"""Commands of the documentation are written in one way."""

from __future__ import annotations

from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PAGES = [
    page
    for page in sorted((ROOT / "docs").rglob("*.md"))
    if page.relative_to(ROOT / "docs").parts[0] != "decisions"
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.relative_to(ROOT).as_posix())
def test_users_type_pants(page: Path) -> None:
    """`./pants` is the launcher of this repository; the quick start says so, once."""
    count = page.read_text(encoding="utf-8").count("./pants")
    assert count == (1 if page.name == "quick-start.md" else 0)
