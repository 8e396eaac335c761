"""Asks servers what they did not say: the size of a file, and where it must be, its hash.

Proxies and certificates come from the environment, as ``urllib`` reads them. Credentials come
from the URL of the index, from ``UV_INDEX_<NAME>_USERNAME`` and ``_PASSWORD``, or from netrc; they
are sent to the index's own host only.
"""

from __future__ import annotations

import base64
import hashlib
import netrc
import os
import ssl
import urllib.error
import urllib.request
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from typing import cast
from urllib.parse import unquote, urlsplit

from venvstacks_rules.actions._uv_config import UvConfig, without_credentials

_TIMEOUT = 60
"""Seconds without a byte."""
_CHUNK = 1024 * 1024


class DownloadFailedError(Exception):
    """A server did not answer as needed; the text names URL and reason."""


@dataclass(frozen=True)
class RemoteFile:
    """What is known of a file at a URL."""

    size: int
    """In bytes."""
    sha256: str


def ask_size(url: str, authorization: str | None = None) -> int:
    """The size in bytes of the file at `url`; it is downloaded where the server does not say."""
    try:
        with _open(url, "HEAD", authorization) as response:
            length = response.headers.get("Content-Length", "")
            if length.isdigit() and not response.headers.get("Content-Encoding"):
                return int(length)
    except DownloadFailedError:
        pass  # Some servers know only GET; if that fails too, its error is the one to show.
    return download(url, authorization).size


def download(url: str, authorization: str | None = None) -> RemoteFile:
    """Size and SHA-256 of the file at `url`, from its bytes."""
    hasher = hashlib.sha256()
    size = 0
    with _open(url, "GET", authorization) as response:
        try:
            for chunk in iter(lambda: response.read(_CHUNK), b""):
                hasher.update(chunk)
                size += len(chunk)
        except (OSError, HTTPException) as e:
            raise DownloadFailedError(f"{without_credentials(url)}: {e}") from None
        length = response.headers.get("Content-Length", "")
        if length.isdigit() and int(length) != size:
            raise DownloadFailedError(
                f"{without_credentials(url)}: {length} bytes announced, {size} came"
            )
    return RemoteFile(size, hasher.hexdigest())


def authorization_for(url: str, index: str | None, config: UvConfig) -> str | None:
    """The ``Authorization`` header for a file of `index`; None without known credentials."""
    if index is None or urlsplit(url).netloc.rpartition("@")[2] != urlsplit(index).netloc:
        return None
    name, written = config.index_urls.get(index.rstrip("/"), (None, index))
    parts = urlsplit(written)
    if parts.username is not None:
        return _basic(unquote(parts.username), unquote(parts.password or ""))
    if name is not None:
        found = _from_environment(name, os.environ)
        if found is not None:
            return found
    return _from_netrc(parts.hostname or "")


def _from_environment(index: str, environ: Mapping[str, str]) -> str | None:
    key = "".join(char if char.isalnum() else "_" for char in index).upper()
    user = environ.get(f"UV_INDEX_{key}_USERNAME")
    password = environ.get(f"UV_INDEX_{key}_PASSWORD")
    return _basic(user or "", password or "") if user or password else None


def _from_netrc(host: str) -> str | None:
    try:
        found = netrc.netrc(os.environ.get("NETRC")).authenticators(host)
    except (OSError, netrc.NetrcParseError):
        return None
    return _basic(found[0], found[2] or "") if found else None


def _basic(user: str, password: str) -> str:
    token = base64.b64encode(f"{user}:{password}".encode()).decode("ascii")
    return f"Basic {token}"


@lru_cache(maxsize=1)
def _opener() -> urllib.request.OpenerDirector:
    # Reading the certificates takes longer than a request: once for all of them.
    context = ssl.create_default_context()
    return urllib.request.build_opener(urllib.request.HTTPSHandler(context=context))


def _open(url: str, method: str, authorization: str | None) -> HTTPResponse:
    clean = without_credentials(url)
    request = urllib.request.Request(clean, method=method)  # noqa: S310  checked by the reader
    request.add_header("User-Agent", "venvstacks-rules")
    request.add_header("Accept-Encoding", "identity")
    if authorization is not None:
        # Not sent on to where a redirect may lead.
        request.add_unredirected_header("Authorization", authorization)
    try:
        return cast("HTTPResponse", _opener().open(request, timeout=_TIMEOUT))
    except urllib.error.HTTPError as e:
        raise DownloadFailedError(f"{clean}: {e.code} {e.reason}") from None
    except (OSError, HTTPException) as e:
        reason = getattr(e, "reason", None) or e
        raise DownloadFailedError(f"{clean}: {reason}") from None
