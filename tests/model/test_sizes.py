"""Sizes as users write them."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.sizes import parsed_size, size_problem

NEITHER = (
    "which is neither a number of bytes nor a size with a unit (B, kB, MB, GB, TB, KiB, MiB, GiB, "
    "TiB)"
)


@pytest.mark.parametrize(
    ("written", "size"),
    [
        (1, 1),
        (250_000_000, 250_000_000),
        ("250 MB", 250_000_000),
        ("250MB", 250_000_000),
        (" 250 mb ", 250_000_000),
        ("0.1 kB", 100),
        ("1.5 GiB", 1_610_612_736),
        ("0.29 GB", 290_000_000),
        ("7 B", 7),
        ("2 TiB", 2_199_023_255_552),
    ],
)
def test_sizes(written: object, size: int) -> None:
    assert parsed_size(written) == size


@pytest.mark.parametrize(
    "written",
    ["250", "", "MB", "250 XB", "1,5 GB", "-1 MB", "1e3 MB", "250  MB", "٣ MB", True, 1.5, None],
)
def test_what_is_no_size(written: object) -> None:
    assert size_problem(written, "250 MB") == (
        f"is {written!r}, {NEITHER}. Write it as, for example, '250 MB'."
    )


@pytest.mark.parametrize("written", [0, -3, "0 MB", "0.0001 kB"])
def test_less_than_a_byte(written: object) -> None:
    assert size_problem(written, "250 MB") == (
        f"is {written!r}, which is less than one byte. Write it as, for example, '250 MB'."
    )


def test_a_right_size_has_no_problem() -> None:
    assert size_problem("250 MB", "250 MB") is None
