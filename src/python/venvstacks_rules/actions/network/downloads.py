"""Asks file servers for the size of a file, for its hash, and for the file itself.

Proxies and certificates come from the environment. Credentials go to their own server only, also
after a redirect.
"""

from __future__ import annotations

import base64
import hashlib
import os
import socket
import ssl
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import lru_cache
from http.client import HTTPException, HTTPResponse
from pathlib import Path
from typing import TypeVar, cast

from venvstacks_rules.actions.network.settings import find_credentials
from venvstacks_rules.local.files.streams import CHUNK, whole_file
from venvstacks_rules.local.web import pace
from venvstacks_rules.local.web.answers import announced_size
from venvstacks_rules.local.web.attempts import Attempts
from venvstacks_rules.local.web.certificates import tls_context
from venvstacks_rules.local.web.pace import (
    PacedHTTPHandler,
    PacedHTTPSHandler,
    SilentServerError,
    SlowServerError,
)
from venvstacks_rules.local.web.redirects import RedirectHandler
from venvstacks_rules.model.network.credentials import refused, without_credentials
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.model.values import dataclass

_T = TypeVar("_T")

_LARGEST = 64 * 1024**3
"""In bytes, for a file of unknown size."""
_LARGEST_PAGE = 64 * 1024**2
"""In bytes."""
_WAITS = (0.5, 2, 5)
"""Seconds before each further attempt."""
_MOST_REASON = 200
"""Characters of what a server says."""
_PART = 206
"""The status of an answer with a part of a file."""
_PASSING = (408, 425, 429, 500, 502, 503, 504)
"""Statuses worth another attempt."""


class DownloadFailedError(Exception):
    """A server did not give what we need; the text names URL and reason."""


class _InterruptedError(DownloadFailedError):
    """The next attempt may succeed."""


class _SlowError(_InterruptedError):
    """The next attempt may succeed, and takes long if it does not."""


@dataclass(frozen=True)
class RemoteFile:
    """Size and hash of a file at a URL."""

    size: int
    """In bytes."""
    sha256: str


def ask_size(url: str, indexes: tuple[str, ...] = ()) -> int:
    """The size in bytes of the file at `url`, which is downloaded if the server does not say.

    Here and below, `indexes` are those whose credentials may go to the server of `url`.
    """
    try:
        with _open(url, "HEAD", indexes) as response:
            length = announced_size(response)
            if length is not None and not response.headers.get("Content-Encoding"):
                return length
    except DownloadFailedError:
        pass  # Some servers know only GET; if that fails too, its error is the one to show.
    return download(url, indexes).size


def download(url: str, indexes: tuple[str, ...] = ()) -> RemoteFile:
    """Download the file at `url`, and return its size and SHA-256."""
    return _retried(lambda: _transfer(url, indexes, output=None, limit=_LARGEST))


def save(
    url: str, output: Path, *, sha256: str, size: int | None, indexes: tuple[str, ...] = ()
) -> RemoteFile:
    """Write the file at `url` to `output`; raises DownloadFailedError unless it is as announced."""
    clean = without_credentials(url)
    with whole_file(output) as part:
        limit = _LARGEST if size is None else size
        found = _retried(lambda: _transfer(url, indexes, output=part, limit=limit))
        if size is not None and found.size != size:
            raise DownloadFailedError(f"{clean}: got {found.size} bytes, expected {size}")
        if found.sha256 != sha256:
            raise DownloadFailedError(f"{clean}: got SHA-256 {found.sha256}, expected {sha256}")
    return found


@dataclass(frozen=True)
class Page:
    """A page of a web server."""

    url: str
    """After redirects; links are relative to it."""
    content_type: str
    text: str


def read_page(url: str, indexes: tuple[str, ...] = (), *, accept: str) -> Page:
    """The page at `url`, of the types that `accept` names as in HTTP."""

    def attempt() -> Page:
        with _open(url, "GET", indexes, accept=accept) as response:
            content = b"".join(_chunks(response, url, _LARGEST_PAGE))
            kind = response.headers.get("Content-Type", "")
            return Page(response.url, kind, content.decode("utf-8", "replace"))

    return _retried(attempt)


def read_part(url: str, start: int, end: int, size: int, indexes: tuple[str, ...] = ()) -> bytes:
    """The bytes from `start` to before `end` of the file at `url`, which has `size` bytes.

    Asks once. Raises DownloadFailedError unless the server sends this part and no more.
    """
    clean = without_credentials(url)
    asked = f"bytes={start}-{end - 1}"
    with _open(url, "GET", indexes, part=asked, opener=_keeping_opener()) as response:
        sent = response.headers.get("Content-Range", "")
        if response.status != _PART or sent != f"bytes {start}-{end - 1}/{size}":
            raise DownloadFailedError(f"{clean}: the server sends no parts of files")
        content = b"".join(_chunks(response, url, end - start))
    if len(content) != end - start:
        raise DownloadFailedError(f"{clean}: got {len(content)} bytes of {end - start}")
    return content


def _retried(attempt: Callable[[], _T]) -> _T:
    """The result of the first attempt that succeeds; the error of the last one."""
    attempts = Attempts(_WAITS, time.sleep)
    while True:
        try:
            return attempt()
        except _InterruptedError as e:
            if not attempts.again(slow=isinstance(e, _SlowError)):
                raise


def _transfer(url: str, indexes: tuple[str, ...], *, output: Path | None, limit: int) -> RemoteFile:
    hasher = hashlib.sha256()
    size = 0
    with _open(url, "GET", indexes) as response:
        if output is None:
            for chunk in _chunks(response, url, limit):
                hasher.update(chunk)
                size += len(chunk)
        else:
            with output.open("wb") as file:
                for chunk in _chunks(response, url, limit):
                    hasher.update(chunk)
                    file.write(chunk)
                    size += len(chunk)
    return RemoteFile(size, hasher.hexdigest())


def _chunks(response: HTTPResponse, url: str, limit: int) -> Iterator[bytes]:
    """The body; raises DownloadFailedError unless it is as long as announced, up to `limit`."""
    clean, size = without_credentials(url), 0
    try:
        while chunk := response.read(min(CHUNK, limit + 1 - size)):
            size += len(chunk)
            if size > limit:
                raise DownloadFailedError(f"{clean}: got more than the expected {limit} bytes")
            yield chunk
    except (OSError, HTTPException) as e:
        error = _SlowError if isinstance(e, SlowServerError) else _InterruptedError
        raise error(f"{clean}: {e}") from None
    length = announced_size(response)
    if length not in (None, size):
        raise _InterruptedError(f"{clean}: got {size} bytes, but the server announced {length}")


def _check_proxy(proxy: str) -> None:
    url = proxy if "//" in proxy else f"http://{proxy}"
    if url_problem(url) is not None:
        # Everything before the last `@` may be a password, even if it is not written as one.
        scheme, slashes, rest = url.partition("//")
        shown = f"{scheme}{slashes}{rest.rpartition('@')[2]}"
        raise DownloadFailedError(f"{shown} cannot be used as a proxy: only http proxies can")


# Reading the certificates takes longer than a request: once for all of them.
@lru_cache(maxsize=1)
def _tls() -> ssl.SSLContext:
    return tls_context(os.environ)


@lru_cache(maxsize=1)
def _opener() -> urllib.request.OpenerDirector:
    return _opener_of(PacedHTTPHandler(), PacedHTTPSHandler(_tls))


@lru_cache(maxsize=1)
def _keeping_opener() -> urllib.request.OpenerDirector:
    """For many small requests."""
    from venvstacks_rules.local.web.kept import KeptHTTPHandler, KeptHTTPSHandler

    return _opener_of(KeptHTTPHandler(), KeptHTTPSHandler(_tls))


def _opener_of(*handlers: urllib.request.BaseHandler) -> urllib.request.OpenerDirector:
    proxies = urllib.request.getproxies()
    # Unknown to `urllib`, and common elsewhere.
    everything = proxies.pop("all", None)
    if everything is not None:
        proxies = {"http": everything, "https": everything, **proxies}
    for name in ("http", "https"):
        if name in proxies:
            _check_proxy(proxies[name])
    return urllib.request.build_opener(
        urllib.request.ProxyHandler(proxies), *handlers, RedirectHandler()
    )


def _open(
    url: str,
    method: str,
    indexes: tuple[str, ...],
    *,
    accept: str = "*/*",
    part: str | None = None,
    opener: urllib.request.OpenerDirector | None = None,
) -> HTTPResponse:
    clean = without_credentials(url)
    request = urllib.request.Request(clean, method=method)  # noqa: S310  checked by the reader
    request.add_header("User-Agent", "venvstacks-rules")
    request.add_header("Accept", accept)
    request.add_header("Accept-Encoding", "identity")
    if part is not None:
        request.add_header("Range", part)
    search, credentials = find_credentials(clean, indexes)
    if credentials is not None:
        token = f"{credentials.username}:{credentials.password}".encode()
        request.add_unredirected_header(
            "Authorization", f"Basic {base64.b64encode(token).decode('ascii')}"
        )
    try:
        return cast("HTTPResponse", (opener or _opener()).open(request, timeout=pace.SILENCE))
    except urllib.error.HTTPError as e:
        e.close()
        why = refused(e.code, credentials.origin if credentials else None, search)
        error = _InterruptedError if e.code in _PASSING else DownloadFailedError
        raise error(f"{clean}: {e.code} {str(e.reason)[:_MOST_REASON]}{why}") from None
    except (OSError, HTTPException) as e:
        reason = getattr(e, "reason", None) or e
        if isinstance(reason, (SlowServerError, socket.timeout)):
            is_ours = isinstance(reason, SlowServerError)
            slow = reason if is_ours else SilentServerError(pace.SILENCE)
            raise _SlowError(f"{clean}: {slow}") from None
        # Another attempt does not help with certificates, or proxies that refuse us.
        lasting = isinstance(reason, ssl.SSLCertVerificationError) or "failed: 4" in str(reason)
        error = DownloadFailedError if lasting else _InterruptedError
        raise error(f"{clean}: {reason}") from None
    except ValueError as e:
        # `urllib` checks some parts of a URL, and of one that it redirects to, only now.
        raise DownloadFailedError(f"{clean}: {e}") from None
