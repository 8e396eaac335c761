"""Tests of the words that messages have in common."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.wording import (
    and_more,
    counted,
    printable,
    printable_lines,
    quoted,
    signed_size_text,
)


def test_names_are_quoted_and_joined() -> None:
    assert quoted(["a", "b"]) == "`a`, `b`"
    assert quoted([]) == ""


@pytest.mark.parametrize(
    ("limit", "text"),
    [(1, "a and 2 more"), (2, "a, b and 1 more"), (3, "a, b, c"), (4, "a, b, c")],
)
def test_a_long_list_is_cut(limit: int, text: str) -> None:
    assert and_more(["a", "b", "c"], limit) == text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("plain näme \\", "plain näme \\"),
        ("ü line\nbreak\\", "ü line\\nbreak\\"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\udcff", "\\udcff"),
        ("\u202eabc", "\\u202eabc"),
    ],
)
def test_what_a_terminal_cannot_print_is_escaped(text: str, shown: str) -> None:
    assert printable(text) == shown


def test_lines_and_tabs_of_a_text_stay() -> None:
    text = "näme\tof\r\n\x1b]0;title\x07 \x9b\u2028\n"
    assert printable_lines(text) == "näme\tof\\r\n\\x1b]0;title\\x07 \\x9b\\u2028\n"


def test_differences_of_sizes_have_a_sign() -> None:
    texts = [signed_size_text(size) for size in (1_500, -20, 0)]
    assert texts == ["+1.5 kB", "-20 B", "+0 B"]


def test_a_number_with_its_noun() -> None:
    assert [counted(n, "wheel") for n in range(3)] == ["0 wheels", "1 wheel", "2 wheels"]
