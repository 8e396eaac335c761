"""What commands tell while they work: for people as lines, for programs as JSON."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Report = Callable[..., None]
"""Called with the kind of an event, and with its values by name; see docs/reference/client.md."""


def silent(kind: str, /, **values: Any) -> None:
    """Tell nobody."""
