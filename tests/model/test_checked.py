from __future__ import annotations

from collections.abc import Callable

import pytest

from venvstacks_rules.model.checked import CheckedTable, key_part, key_path, kind, top_key


def read(data: object, key: str = "") -> tuple[CheckedTable, list[str]]:
    problems: list[str] = []
    return CheckedTable(data, key, problems), problems


def test_values_that_fit() -> None:
    table, problems = read(
        {
            "s": "x",
            "n": 0,
            "i": -3,
            "b": True,
            "l": ["a", "b"],
            "t": {"k": "v"},
            "ts": [{"k": "1"}],
        }
    )
    assert table.string("s") == "x"
    assert table.optional_string("s") == "x"
    assert table.optional_string("absent") is None
    assert table.optional_size("n") == 0
    assert table.optional_size("absent") is None
    assert table.size("n") == 0
    assert table.integer("i") == -3
    assert table.optional_boolean("b") is True
    assert table.optional_boolean("absent") is False
    assert table.strings("l") == ("a", "b")
    assert table.table("t").string("k") == "v"
    assert [item.string("k") for item in table.tables("ts", required=True)] == ["1"]
    assert list(table.tables("absent")) == []
    assert table.names() == ("s", "n", "i", "b", "l", "t", "ts")
    assert "s" in table
    assert "absent" not in table
    assert problems == []


@pytest.mark.parametrize(
    ("data", "take", "value", "noted"),
    [
        ({}, lambda t: t.string("a"), "", ["`a`: missing"]),
        ({"a": 1}, lambda t: t.string("a"), "", ["`a`: expected a string, got an integer"]),
        ({"a": ""}, lambda t: t.string("a"), "", ["`a`: is empty"]),
        ({"a": ""}, lambda t: t.optional_string("a"), "", ["`a`: is empty"]),
        ({"a": -1}, lambda t: t.optional_size("a"), 0, ["`a`: expected a size in bytes, got -1"]),
        ({"a": True}, lambda t: t.optional_size("a"), 0,
         ["`a`: expected a size in bytes, got True"]),
        ({"a": "1"}, lambda t: t.optional_size("a"), 0,
         ["`a`: expected a size in bytes, got a string"]),
        ({}, lambda t: t.strings("a"), (), ["`a`: missing"]),
        ({"a": "x"}, lambda t: t.strings("a"), (),
         ["`a`: expected a list of strings, got a string"]),
        ({"a": ["x", None, 2.5]}, lambda t: t.strings("a"), ("x", "", ""),
         ["`a[1]`: expected a string, got null", "`a[2]`: expected a string, got a float"]),
        ({}, lambda t: t.table("a").names(), (), ["`a`: missing"]),
        ({"a": []}, lambda t: t.table("a").names(), (), ["`a`: expected a table, got a list"]),
        ({"a": {}}, lambda t: len(list(t.tables("a"))), 0, ["`a`: expected a list, got a table"]),
        ({}, lambda t: len(list(t.tables("a", required=True))), 0, ["`a`: missing"]),
        ({"a": [{"b": {"c": 1}}, 2]},
         lambda t: [item.table("b").string("c") for item in t.tables("a")], ["", ""],
         ["`a[0].b.c`: expected a string, got an integer",
          "`a[1]`: expected a table, got an integer"]),
        ({}, lambda t: t.table("a").string("b"), "", ["`a`: missing"]),
        ({}, lambda t: t.sha256("a"), "", ["`a`: missing"]),
        ({"a": "f" * 64}, lambda t: t.sha256("a"), "f" * 64, []),
        ({"a": "F\x1b"}, lambda t: t.sha256("a"), "F\x1b",
         ["`a`: `F\\x1b` is not a SHA-256 in lower-case hexadecimal"]),
        ({}, lambda t: t.size("a"), 0, ["`a`: missing"]),
        ({"a": -1}, lambda t: t.size("a"), 0, ["`a`: expected a size in bytes, got -1"]),
        ({"a": 2**63}, lambda t: t.size("a"), 0,
         ["`a`: expected a size in bytes, got more than 9223372036854775807"]),
        ({}, lambda t: t.integer("a"), 0, ["`a`: missing"]),
        ({"a": True}, lambda t: t.integer("a"), 0, ["`a`: expected an integer, got a boolean"]),
        ({"a": 0}, lambda t: t.optional_boolean("a"), False,
         ["`a`: expected a boolean, got an integer"]),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_noted_by_key_path(
    data: object, take: Callable[[CheckedTable], object], value: object, noted: list[str]
) -> None:
    table, problems = read(data)
    assert take(table) == value
    assert problems == noted


def test_the_table_itself() -> None:
    assert read([])[1] == ["expected a table, got a list"]
    assert read(None, "tool.x")[1] == ["`tool.x`: expected a table, got null"]
    table, problems = read({}, "tool.x")
    table.note("", "wrong")
    assert problems == ["`tool.x`: wrong"]


def test_kinds() -> None:
    values: tuple[object, ...] = ({}, [], None, True, 1, 1.5, "x", b"x")
    assert [kind(value) for value in values] == [
        "a table", "a list", "null", "a boolean", "an integer", "a float", "a string", "a bytes",
    ]  # fmt: skip


def test_key_parts_are_written_as_in_toml() -> None:
    assert [key_part(text) for text in ("a-b_C9", "a.b", "")] == ["a-b_C9", '"a.b"', '""']


def test_key_paths() -> None:
    assert key_path("tool", "uv") == "tool.uv"
    assert key_path("", "uv") == key_path("uv", "") == "uv"
    assert key_path("", "") == ""
    assert [top_key(path) for path in ("a[0].b", "a.b", "a", "")] == ["a", "a", "a", ""]


def test_pairs_are_noted_by_key() -> None:
    table, problems = read({"a": {"x": "1", "y z": 2}, "b": []})
    assert table.optional_pairs("a") == (("x", "1"),)
    assert table.optional_pairs("b") == ()
    assert table.optional_pairs("absent") == ()
    assert problems == [
        '`a."y z"`: expected a string, got an integer',
        "`b`: expected a table of strings, got a list",
    ]
