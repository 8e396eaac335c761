"""Numbers of bytes as users write them: ``250000000``, ``"250 MB"``, ``"1.5 GiB"``."""

from __future__ import annotations

import re
from decimal import Decimal

UNITS = {
    "B": 1,
    "kB": 1000,
    "MB": 1000**2,
    "GB": 1000**3,
    "TB": 1000**4,
    "KiB": 1024,
    "MiB": 1024**2,
    "GiB": 1024**3,
    "TiB": 1024**4,
}
"""The bytes in each unit. Upper and lower case do not matter."""

_SIZE = re.compile(r"([0-9]{1,15}(?:\.[0-9]{1,15})?) ?([a-z]{1,3})", re.IGNORECASE)
_BY_CASE = {name.lower(): count for name, count in UNITS.items()}


def parsed_size(written: object) -> int:
    """The number of bytes, at least 1. Raises ValueError for anything else: ``which is ...``.

    A number without a unit is a number of bytes, and no text: `"250"` was meant to be something
    else, most likely.
    """
    if isinstance(written, int) and not isinstance(written, bool):
        size = written
    else:
        found = _SIZE.fullmatch(written.strip()) if isinstance(written, str) else None
        if found is None or found[2].lower() not in _BY_CASE:
            units = ", ".join(UNITS)
            raise ValueError(f"which is neither a number of bytes nor a size with a unit ({units})")
        size = int(Decimal(found[1]) * _BY_CASE[found[2].lower()])
    if size < 1:
        raise ValueError("which is less than one byte")
    return size


def size_problem(written: object, example: str) -> str | None:
    """What is wrong with a size, and the remedy: ``is '250', which ...``; None if it is right."""
    try:
        parsed_size(written)
    except ValueError as e:
        return f"is {written!r}, {e}. Write it as, for example, {example!r}."
    return None
