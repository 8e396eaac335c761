from __future__ import annotations

from venvstacks_rules.repository.upkeep.tables import indented, table_lines


def test_numbers_end_at_the_right() -> None:
    rows = [("numpy", "1.2 MB", "x"), ("a", "13 B", "")]
    assert list(table_lines(("name", "size", "note"), rows, ("size",))) == [
        "name     size  note",
        "numpy  1.2 MB  x",
        "a        13 B",
    ]
    assert list(indented(["a", "", "b"], 4)) == ["    a", "", "    b"]
