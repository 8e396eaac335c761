"""Times as locks and published metadata have them: ISO 8601, in UTC, with the offset."""

from __future__ import annotations

from datetime import datetime, timezone


def utc_time(moment: datetime) -> str:
    """`moment` as text; one without an offset counts as UTC."""
    aware = moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
    return aware.astimezone(timezone.utc).isoformat()


def in_utc(text: str) -> str:
    """The time that `text` has, in UTC; `text` itself if it is not an ISO 8601 time."""
    try:
        # Python 3.9 and 3.10 read no `Z`.
        return utc_time(datetime.fromisoformat(text.replace("Z", "+00:00")))
    except ValueError:
        return text
