"""Times as locks and published metadata have them: ISO 8601, in UTC, with the offset."""

from __future__ import annotations

from datetime import datetime, timezone


def aware(moment: datetime) -> datetime:
    """`moment` with an offset; one without counts as UTC."""
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)


def parsed_time(text: str) -> datetime:
    """The time that `text` has, with an offset; raises ValueError if it is not in ISO 8601."""
    # Python 3.9 and 3.10 read no `Z`.
    return aware(datetime.fromisoformat(text.replace("Z", "+00:00")))


def utc_time(moment: datetime) -> str:
    """`moment` as text; one without an offset counts as UTC."""
    return aware(moment).astimezone(timezone.utc).isoformat()


def in_utc(text: str) -> str:
    """The time that `text` has, in UTC; `text` itself if it is not an ISO 8601 time."""
    try:
        return utc_time(parsed_time(text))
    except ValueError:
        return text
