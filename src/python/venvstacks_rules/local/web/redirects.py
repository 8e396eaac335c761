"""Redirects that keep credentials on their own server, and encrypted requests encrypted."""

from __future__ import annotations

import urllib.error
import urllib.request
from typing import IO, TYPE_CHECKING, Any
from urllib.parse import urlsplit

from venvstacks_rules.model.network.credentials import server, without_credentials
from venvstacks_rules.model.network.urls import url_problem

if TYPE_CHECKING:
    from http.client import HTTPMessage


def may_follow(url: str, before: str) -> bool:
    """Whether a request may go to `url`, which the answer to one to `before` names."""
    return url_problem(url) is None and urlsplit(url).scheme in _allowed(before)


def _allowed(before: str) -> tuple[str, ...]:
    return ("https",) if urlsplit(before).scheme == "https" else ("http", "https")


class RedirectHandler(urllib.request.HTTPRedirectHandler):
    """Follows redirects, for an opener of ``urllib``."""

    def redirect_request(  # noqa: PLR0917  the signature is the standard library's
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
        newurl: str,
    ) -> urllib.request.Request | None:
        """The request that follows; HTTPError if it may not."""
        # Another server chose the credentials in it: they are neither used nor shown.
        newurl = without_credentials(newurl)
        allowed = _allowed(req.full_url)
        if urlsplit(newurl).scheme not in allowed:
            reason = (
                f"{msg}, which is a redirect to {newurl}: only {' or '.join(allowed)} may follow"
            )
            raise urllib.error.HTTPError(req.full_url, code, reason, headers, fp)
        new = super().redirect_request(req, fp, code, msg, headers, newurl)
        authorization = req.unredirected_hdrs.get("Authorization")
        if new is not None and authorization and server(newurl) == server(req.full_url):
            new.add_unredirected_header("Authorization", authorization)
        return new

    def http_error_302(
        self,
        req: urllib.request.Request,
        fp: IO[bytes],
        code: int,
        msg: str,
        headers: HTTPMessage,
    ) -> Any:
        """Follow a redirect without its body."""
        # The base class would read a body of any size.
        fp.close()
        return super().http_error_302(req, fp, code, msg, headers)

    http_error_301 = http_error_303 = http_error_307 = http_error_308 = http_error_302
