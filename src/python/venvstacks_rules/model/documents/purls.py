"""Package URLs, which name packages for scanners whatever the index they came from."""

from __future__ import annotations

from collections.abc import Mapping
from urllib.parse import quote

from venvstacks_rules.model.network.credentials import without_credentials

_PUBLIC_INDEX = "https://pypi.org/simple"
"""What readers of package URLs assume."""


def package_url(
    kind: str, name: str, version: str, qualifiers: Mapping[str, str | None] | None = None
) -> str:
    """The package URL; `qualifiers` that are None are left out."""
    named = {key: value for key, value in (qualifiers or {}).items() if value is not None}
    query = "&".join(f"{key}={_quoted(named[key])}" for key in sorted(named))
    return f"pkg:{kind}/{_quoted(name)}@{_quoted(version)}{'?' if query else ''}{query}"


def repository_url(index: str | None) -> str | None:
    """The qualifier for the package of an index; None if it is the one that readers assume."""
    url = None if index is None else public_url(index)
    return None if url is None or url.rstrip("/") == _PUBLIC_INDEX else url


def public_url(url: str) -> str:
    """`url` without what may be a secret: user, password, query and fragment."""
    return without_credentials(url).partition("#")[0].partition("?")[0]


def _quoted(text: str) -> str:
    return quote(text, safe="/:")
