"""Servers that send a little again and again, and never come to an end.

The timeout of a socket begins anew with each byte. Here everything counts that a server sends after
a request: the status, the headers and the body, with what frames it.
"""

from __future__ import annotations

import io
import ssl
import time
import urllib.request
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import socket

PATIENCE = 60.0
"""Seconds in which a server may send nothing at all."""
SLOWEST = 1024
"""Bytes in each second after that, on average."""


class SlowServerError(Exception):
    """A server does not send fast enough for a client to ever finish."""

    def __init__(self) -> None:
        super().__init__(f"the server sends fewer than {SLOWEST} bytes a second")


class PacedHandler(urllib.request.HTTPHandler):
    """Opens connections whose servers have to send fast enough."""

    def http_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Send `req`."""
        return self.do_open(_Connection, req)


class PacedSecureHandler(urllib.request.HTTPSHandler):
    """The same, with TLS."""

    def __init__(self, context: ssl.SSLContext) -> None:
        super().__init__(context=context)
        self._tls = context

    def https_open(self, req: urllib.request.Request) -> HTTPResponse:
        """Send `req`."""
        return self.do_open(_SecureConnection, req, context=self._tls)


class _PacedSocket:
    """A socket for one answer, of which only the file is used."""

    def __init__(self, sock: socket.socket) -> None:
        self._socket = sock

    def makefile(self, mode: str) -> io.BufferedReader:
        assert mode == "rb"
        return io.BufferedReader(_PacedFile(self._socket.makefile("rb", buffering=0)))


class _PacedFile(io.RawIOBase):
    """What a server sends, as long as it is fast enough."""

    def __init__(self, raw: io.RawIOBase) -> None:
        self._raw = raw
        self._begin = time.monotonic()
        self._size = 0

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        count: int | None = self._raw.readinto(buffer)
        self._size += count or 0
        late = time.monotonic() - self._begin - PATIENCE
        if self._size < late * SLOWEST:
            raise SlowServerError
        return count

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket.socket, *arguments: Any, **named: Any) -> None:
        super().__init__(_PacedSocket(sock), *arguments, **named)  # type: ignore[arg-type]


class _Connection(HTTPConnection):
    response_class = _Response


class _SecureConnection(HTTPSConnection):
    response_class = _Response
