"""Tests of times."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from venvstacks_rules.model.times import in_utc, parsed_time, utc_time


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2025-08-27T00:00:00+00:00", "2025-08-27T00:00:00+00:00"),
        ("2025-08-27T00:00:00Z", "2025-08-27T00:00:00+00:00"),
        ("2025-08-27T02:00:00.250000+02:00", "2025-08-27T00:00:00.250000+00:00"),
        ("2025-08-27T02:00:00", "2025-08-27T02:00:00+00:00"),
        ("", ""),
    ],
)
def test_times_are_in_utc(text: str, expected: str) -> None:
    assert in_utc(text) == expected


def test_time() -> None:
    zone = timezone(timedelta(hours=2))
    assert utc_time(datetime(2025, 8, 27, 1, tzinfo=zone)) == "2025-08-26T23:00:00+00:00"


def test_a_parsed_time_has_an_offset() -> None:
    expected = datetime(2025, 8, 27, 2, tzinfo=timezone.utc)
    for text in ("2025-08-27T02:00:00", "2025-08-27T02:00:00Z", "2025-08-27T04:00:00+02:00"):
        assert parsed_time(text) == expected
    with pytest.raises(ValueError, match="1 week"):
        parsed_time("1 week")
