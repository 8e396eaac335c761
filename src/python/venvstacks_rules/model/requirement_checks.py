"""Declared requirements: PEP 508, of versions that an index has or of one wheel at a URL."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, Specifier

from venvstacks_rules.model.credentials import has_credentials
from venvstacks_rules.model.urls import url_problem

_CREDENTIALS = re.compile(r"(?<=//)[^/\s]*@")


def requirement_problem(written: str) -> str | None:
    """What is wrong with a declared requirement, and the remedy; follows its key."""
    shown = f"is {_CREDENTIALS.sub('', written)!r}"
    try:
        parsed = Requirement(written)
        # Old releases of `packaging`, such as the one in Pants 2.17, accept `>>1`.
        for specifier in parsed.specifier:
            Specifier(str(specifier))
    except (InvalidRequirement, InvalidSpecifier) as e:
        reason = _CREDENTIALS.sub("", str(e).splitlines()[0].rstrip("."))
        return (
            f"{shown}, which is not a requirement: {reason}. "
            "Write it as in PEP 508, for example 'scikit-learn>=1.5'."
        )
    return None if parsed.url is None else _url_problem(parsed.url, shown)


def _url_problem(url: str, shown: str) -> str | None:
    if url_problem(url) is not None or not urlsplit(url).path.endswith(".whl"):
        return (
            f"{shown}, a direct reference to something else than a wheel on a web server. Build a "
            "wheel of it and put it into a folder of `local_wheels`, or name the URL of a wheel, "
            "for example 'rich @ https://example.org/rich-13.9.4-py3-none-any.whl'."
        )
    if has_credentials(url):
        return (
            f"{shown} but for the credentials in it, which a lockfile would keep. Put them into "
            f"netrc, for {urlsplit(url).hostname}, and remove them here."
        )
    return None
