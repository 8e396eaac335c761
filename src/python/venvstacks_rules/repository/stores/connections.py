"""Requests to servers that speak HTTP, by the standard library.

Proxies and certificates come from the environment. Credentials go to their own server only, also
after a redirect, and what began encrypted stays encrypted.
"""

from __future__ import annotations

import contextlib
import functools
import re
import ssl
import urllib.error
import urllib.request
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from http.client import BadStatusLine, HTTPException, HTTPMessage, RemoteDisconnected
from typing import Any, Protocol, cast

from venvstacks_rules.local.web import pace
from venvstacks_rules.local.web.answers import announced_size
from venvstacks_rules.local.web.certificates import tls_context
from venvstacks_rules.local.web.pace import (
    PacedHTTPHandler,
    PacedHTTPSHandler,
    SilentServerError,
    SlowServerError,
)
from venvstacks_rules.local.web.redirects import RedirectHandler
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.repository.stores.attempts import (
    UNREACHED,
    PassingError,
    RequestAttempts,
    SilentError,
    trouble,
)
from venvstacks_rules.repository.stores.store import CHUNK, ON_THE_WAY, StoreError

_PASSING = (408, 425, 429, 500, 502, 503, 504)
_RANGE = re.compile(r"bytes ([0-9]{1,19})-[0-9]{1,19}/(?:[0-9]{1,19}|\*)")

ARRIVED = "arrived damaged"
"""What messages say of bytes that may have been others when they were sent."""
Authorize = Callable[[str], Mapping[str, str]]
"""The headers with credentials for a URL; none for URLs of other servers."""


class Answer(Protocol):
    """An answer, whose body has not been read."""

    status: int
    headers: HTTPMessage
    url: str

    def read(self, size: int) -> bytes:
        """Up to `size` bytes more of the body."""


class Connections:
    """Requests for one store; its URL stands in all messages."""

    remedy = ON_THE_WAY
    """For bytes that are wrong."""

    def __init__(self, url: str, environment: Mapping[str, str], authorize: Authorize) -> None:
        self._url = url
        self._authorize = authorize
        self._opener = _opener(environment)
        self._oddities: dict[str, list[str]] = {}

    def explained(self, key: str) -> list[str]:
        """What the last answer's headers say of why its bytes are wrong, and what to do then."""
        return [*self._oddities.get(key, []), self.remedy]

    def wrong(self, key: str, what: str, *problems: str) -> RepositoryError:
        """The error for bytes that are not those that were asked for."""
        return RepositoryError(f"{self._url}: `{key}` {what}.", [*problems, *self.explained(key)])

    @contextlib.contextmanager
    def answer(
        self,
        key: str,
        url: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | None = None,
    ) -> Iterator[Answer]:
        """The answer to one request, with any status that is not passing.

        PassingError if there is none, or a passing one; also for OSErrors inside the block.
        """
        request = urllib.request.Request(url, method=method)  # noqa: S310  schemes are checked
        request.data = body
        for name, value in {**_HEADERS, **(headers or {})}.items():
            request.add_header(name, value)
        for name, value in self._authorize(url).items():
            request.add_unredirected_header(name, value)
        try:
            try:
                limit = pace.SILENCE if body is None else pace.WORK
                found = self._opener.open(request, timeout=limit)
            except urllib.error.HTTPError as e:
                if e.code < 400:
                    # A redirect that is not followed, whose body is closed already.
                    why = f"the server answers {e.code} {e.reason}"
                    raise StoreError(trouble(self._url, key, why, "Look at the URL.")) from None
                found = e
            except ValueError as e:
                # `urllib` checks some parts of a URL, and of one that it redirects to, only now.
                why = f"a request cannot be made ({e})"
                remedy = "Look at the URL, and where the server redirects to."
                raise StoreError(trouble(self._url, key, why, remedy)) from None
            with found:
                answer = cast("Answer", found)
                if answer.status in _PASSING:
                    why = f"the server answers {answer.status}"
                    raise PassingError(trouble(self._url, key, why, "Try again later."))
                if answer.status in (200, 206):
                    self._oddities[key] = _oddities(answer.headers)
                yield answer
        except (OSError, HTTPException) as e:
            raise self._broken(key, getattr(e, "reason", None) or e) from None

    def _broken(self, key: str, reason: object) -> StoreError:
        """The error for no answer, or a part of one."""
        if isinstance(reason, SlowServerError) and not isinstance(reason, SilentServerError):
            # The next attempt would take as long.
            return StoreError(trouble(self._url, key, reason, "Use another server."))
        kind: type[StoreError] = PassingError
        if isinstance(reason, ssl.SSLCertVerificationError):
            kind = StoreError  # another attempt does not help
        elif isinstance(reason, SilentServerError):
            kind = SilentError
        if isinstance(reason, BadStatusLine) and not isinstance(reason, RemoteDisconnected):
            why = f"the server does not speak HTTP: it says {reason.line.strip()[:40]!a}"
            return StoreError(trouble(self._url, key, why, "Look at the URL."))
        # A cut at the first line must not take the parenthesis with it.
        text = str(getattr(reason, "strerror", None) or reason).strip().partition("\n")[0]
        why = f"no answer ({text.strip()})"
        return kind(trouble(self._url, key, why, UNREACHED))

    def refused(
        self, key: str, answer: Answer, remedy: str = "", codes: Sequence[str] = ()
    ) -> StoreError:
        """The error for an answer that a method cannot do anything with."""
        reason = " ".join([str(getattr(answer, "reason", "")), *codes])
        why = f"the server answers {answer.status} {reason}"
        if answer.status in (401, 403):
            remedy = "Look at the credentials for this server, and at what they permit."
        return StoreError(trouble(self._url, key, why, remedy or "Look at the URL."))

    def pieces(self, key: str, url: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end` of what lies at `url`.

        After an interruption the next request begins where the last one ended. RepositoryError for
        what is not there.
        """
        place, attempts = start, RequestAttempts()
        while place < end:
            before = place
            try:
                for piece in self._some(key, url, place, end):
                    place += len(piece)
                    yield piece
            except PassingError as e:
                if place != before:
                    attempts = RequestAttempts()
                attempts.failed(e)

    def _some(self, key: str, url: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` on, to `end` or to where the connection breaks."""
        headers = {"Range": f"bytes={start}-{end - 1}"}
        with self.answer(key, url, headers=headers) as answer:
            if answer.status == 416:
                raise self.wrong(key, f"has fewer than {end} bytes")
            if answer.status in (404, 410):
                raise self.wrong(key, "is missing")
            if answer.status not in (200, 206):
                raise self.refused(key, answer)
            # With 200 a server says that it knows no ranges, and sends everything.
            begin = _RANGE.match(answer.headers.get("Content-Range", ""))
            place = 0 if answer.status == 200 else int(begin[1]) if begin else -1
            if answer.status == 206 and place != start:
                problem = "the server sends another range than it was asked for"
                raise self.wrong(key, ARRIVED, problem)
            announced = announced_size(answer)
            last = None if announced is None else place + announced
            if last is not None and last < end:
                raise self.wrong(key, f"has fewer than {end} bytes")
            while place < end:
                piece = answer.read(min(CHUNK, (end if place >= start else start) - place))
                if not piece:
                    if last is None:
                        raise self.wrong(key, f"has fewer than {end} bytes")
                    raise ConnectionError("the connection broke")
                if place >= start:
                    yield piece
                place += len(piece)


def _oddities(headers: HTTPMessage) -> list[str]:
    """What an answer with one of our files does not have: we ask for no encoding."""
    kind = headers.get("Content-Type", "").partition(";")[0].strip().lower()
    encoding = headers.get("Content-Encoding", "").strip().lower()
    found = []
    if kind in ("text/html", "application/xhtml+xml"):
        found.append(
            f"the server sent {kind}: a login page of the network, or a proxy, may stand between"
        )
    if encoding not in ("", "identity"):
        found.append(
            f"the server sent it in the encoding {encoding[:40]!a}, which it was not asked for: a "
            "proxy may stand between"
        )
    return found


_HEADERS = {"User-Agent": "venvstacks-rules", "Accept-Encoding": "identity"}


class _ProxyHandler(urllib.request.ProxyHandler):
    """Uses the proxies of an environment that need not be that of this process."""

    def __init__(self, proxies: Mapping[str, str]) -> None:
        self._all = dict(proxies)
        super().__init__({name: url for name, url in self._all.items() if name != "no"})

    def proxy_open(self, req: urllib.request.Request, proxy: str, type: str) -> Any:  # noqa: A002
        """Pass `req` to its proxy, unless the environment excepts its host."""
        if _bypasses(req.host or "", self._all):
            return None
        return super().proxy_open(req, proxy, type)


_bypasses: Callable[[str, Mapping[str, str]], bool] = urllib.request.proxy_bypass_environment  # type: ignore[attr-defined]  # public in all but name


def _opener(environment: Mapping[str, str]) -> urllib.request.OpenerDirector:
    found = {
        name.lower()[: -len("_proxy")]: url
        # Names in lower case win.
        for name, url in sorted(environment.items())
        if name.lower().endswith("_proxy") and url
    }
    everything = found.pop("all", None)
    if everything is not None:
        found = {"http": everything, "https": everything, **found}
    for name in ("http", "https"):
        proxy = found.get(name, "")
        url = without_credentials(proxy if "//" in proxy else f"http://{proxy}") if proxy else ""
        if url and url_problem(url) is not None:
            raise StoreError(f"{url} cannot be used as a proxy: only http proxies can.")
    return urllib.request.build_opener(
        _ProxyHandler(found),
        PacedHTTPHandler(),
        PacedHTTPSHandler(functools.partial(tls_context, environment)),
        RedirectHandler(),
    )
