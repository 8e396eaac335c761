"""Checks URLs from outside: from lockfiles, settings and requests."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from venvstacks_rules.model.network.credentials import without_credentials

_NEVER_IN_A_URL = re.compile(r"[\x00-\x20\x7f\\]")


def url_problem(url: str) -> str | None:
    """Why we cannot download from `url`, or None; does not show credentials in it."""
    if _is_web_url(url):
        return None
    return f"`{_NEVER_IN_A_URL.sub('?', without_credentials(url))}` is not an http or https URL"


def _is_web_url(url: str) -> bool:
    try:
        parts = urlsplit(url)
        # Reading `port` raises ValueError for an invalid one.
        return (
            parts.scheme in ("http", "https")
            and bool(parts.hostname)
            and parts.port != 0
            and _NEVER_IN_A_URL.search(url) is None
        )
    except ValueError:
        return False
