"""HTTP connections that stay open for the next request of their thread.

``urllib`` opens one for each request. Of many small requests to one server, that takes nearly all
of the time: an encrypted connection needs several answers before the first byte.
"""

from __future__ import annotations

import http.client
import ssl
import threading
import urllib.request
from collections.abc import Callable, Mapping
from typing import Any

from venvstacks_rules.local.web.pace import (
    Connection,
    PacedHTTPHandler,
    PacedHTTPSHandler,
    SecureConnection,
)

_Make = Callable[..., http.client.HTTPConnection]


class _Connections:
    """Open connections by server, each with its last answer."""

    def __init__(self) -> None:
        self.found: dict[object, tuple[http.client.HTTPConnection, http.client.HTTPResponse]] = {}

    def close(self) -> None:
        while self.found:
            _, (connection, answer) = self.found.popitem()
            answer.close()
            connection.close()

    __del__ = close


class _Kept(threading.local):
    """The connections of one thread, which end with it."""

    def __init__(self) -> None:
        self._connections = _Connections()

    def take(self, server: object) -> http.client.HTTPConnection | None:
        """A connection whose last answer was read to its end."""
        connection, answer = self._connections.found.pop(server, (None, None))
        if connection is None or answer is None:
            return None
        if answer.isclosed() and answer.length == 0 and not answer.will_close:
            return connection
        connection.close()
        return None

    def close(self) -> None:
        """Close those of this thread; the others end with their threads."""
        self._connections.close()

    def keep(
        self,
        server: object,
        connection: http.client.HTTPConnection,
        answer: http.client.HTTPResponse,
    ) -> None:
        """Keep the connection, on which `answer` is about to be read."""
        self._connections.found[server] = connection, answer


class _Turn:
    """One request on a connection, as ``do_open`` of ``urllib`` makes it on a new one."""

    sock = None
    """Of a connection that is there for one request, ``do_open`` closes it."""

    def __init__(
        self, kept: _Kept, server: object, make: Callable[[], http.client.HTTPConnection]
    ) -> None:
        self._kept = kept
        self._server = server
        found = kept.take(server)
        self._is_new = found is None
        self._connection = make() if found is None else found
        self._asked: tuple[Any, ...] = ()

    def set_debuglevel(self, level: int) -> None:
        self._connection.set_debuglevel(level)

    def set_tunnel(self, host: str, headers: Mapping[str, str]) -> None:
        if self._is_new:
            self._connection.set_tunnel(host, headers=dict(headers))

    def request(
        self, method: str, url: str, body: Any, headers: Mapping[str, str], **options: Any
    ) -> None:
        self._asked = (method, url, body, {**headers, "Connection": "keep-alive"})
        try:
            self._connection.request(*self._asked, **options)
        except ConnectionError:
            self._again()

    def getresponse(self) -> http.client.HTTPResponse:
        try:
            answer = self._connection.getresponse()
        except ConnectionError:
            self._again()
            answer = self._connection.getresponse()
        self._kept.keep(self._server, self._connection, answer)
        return answer

    def _again(self) -> None:
        """Ask on a new connection: the server may close one at any time. Only once."""
        if self._is_new:
            raise  # noqa: PLE0704  by the block that calls it
        self._is_new = True
        self._connection.close()
        self._connection.request(*self._asked)

    def close(self) -> None:
        self._connection.close()


class KeptHTTPHandler(PacedHTTPHandler):
    """Opens URLs of `http`, for requests without a body."""

    def __init__(self) -> None:
        super().__init__()
        self._kept = _Kept()

    def close(self) -> None:
        """Close the connections of this thread."""
        self._kept.close()

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send the request, and read the headers of the answer."""
        return self.do_open(_turns(self._kept, Connection, req), req)  # type: ignore[arg-type]


class KeptHTTPSHandler(PacedHTTPSHandler):
    """Opens URLs of `https`, for requests without a body."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        super().__init__(context)
        self._kept = _Kept()

    def close(self) -> None:
        """Close the connections of this thread."""
        self._kept.close()

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send the request, and read the headers of the answer."""
        make = _turns(self._kept, SecureConnection, req)
        return self.do_open(make, req, context=self.tls)  # type: ignore[arg-type]


def _turns(kept: _Kept, kind: _Make, req: urllib.request.Request) -> Callable[..., _Turn]:
    # Through a proxy, the host of the request is the proxy's.
    server = (req.type, req.host, getattr(req, "_tunnel_host", None))
    return lambda host, **options: _Turn(kept, server, lambda: kind(host, **options))
