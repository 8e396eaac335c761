"""From the URL of a repository to its store."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from venvstacks_rules.repository.stores.store import Store, StoreError


def opened(url: str, environment: Mapping[str, str] = os.environ) -> Store:
    """The store at `url`. StoreError for a URL of no kind.

    `environment` has credentials, proxies and authorities.
    """
    parts = urlsplit(url)
    if parts.scheme == "file":
        from venvstacks_rules.repository.stores.files import FileStore  # noqa: PLC0415

        if parts.netloc not in ("", "localhost") or not parts.path.startswith("/"):
            raise StoreError(f"`{url}` is not the URL of a folder; write `file:///path`.")
        return FileStore(Path(unquote(parts.path)))
    raise StoreError(f"`{url}`: there is no kind of repository for `{parts.scheme}://`.")
