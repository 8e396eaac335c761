"""Tests of the words that messages have in common."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.wording import (
    and_more,
    counted,
    duration_text,
    printable,
    printable_lines,
    quoted,
    signed_size_text,
    work_text,
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


@pytest.mark.parametrize(
    ("milliseconds", "text"),
    [
        (None, ""),
        (0, "0.0 s"),
        (340, "0.3 s"),
        (12_345, "12.3 s"),
        (59_949, "59.9 s"),
        (59_950, "1 min 0 s"),
        (125_400, "2 min 5 s"),
        (3_599_600, "60 min 0 s"),
    ],
)
def test_times_for_people(milliseconds: int | None, text: str) -> None:
    assert duration_text(milliseconds) == text


@pytest.mark.parametrize(
    ("size", "milliseconds", "text"),
    [
        (37_800_000, 12_300, "Compressed it (37.8 MB, 12.3 s)"),
        (None, 12_300, "Compressed it (12.3 s)"),
        (37_800_000, None, "Compressed it (37.8 MB)"),
        (None, None, "Compressed it"),
    ],
)
def test_work_with_what_is_known_of_it(
    size: int | None, milliseconds: int | None, text: str
) -> None:
    assert work_text("Compressed it", size, milliseconds) == text


def test_names_of_files_do_not_speak_to_the_terminal() -> None:
    assert work_text("Captured /\x1b[31m", None, 900) == "Captured /\\x1b[31m (0.9 s)"


def test_a_number_with_its_noun() -> None:
    assert [counted(n, "wheel") for n in range(3)] == ["0 wheels", "1 wheel", "2 wheels"]
