"""HTTP connections that give up on servers that are silent, or that send next to nothing.

They are given up after :data:`SILENCE`, the timeout that a caller has to set, and below
:data:`LEAST` bytes in :data:`WINDOW` seconds.

A time limit of a socket is for one wait: a server that sends one byte a minute never meets it. So
all that is read from a server, its headers included, passes a reader that counts.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
import urllib.request
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import ssl

SILENCE = 30
"""Seconds without a byte, which uv waits as well."""
WORK = 120
"""Seconds without a byte after an upload, which a server may check and move before it answers."""
WINDOW, LEAST = 30, 30_000
"""In so many seconds of waiting, so many bytes have to arrive: 1 kB/s."""
HEAD = 60
"""Seconds for all headers of an answer, from the first byte on."""


class SlowServerError(OSError):
    """The server is given up; the text says why."""


class SilentServerError(SlowServerError):
    """The server sent nothing at all."""

    def __init__(self, seconds: float) -> None:
        super().__init__(f"the server sent nothing for {seconds:g} seconds")


class _Reader(io.RawIOBase):
    """Reads from a socket, and counts."""

    def __init__(self, inner: io.RawIOBase, silence: float | None) -> None:
        self._inner = inner
        self._silence = silence or 0.0
        self._waited = 0.0
        self._received = 0
        self._deadline: float | None = None
        self.has_headers = False
        """Whether all of them are there."""

    def readable(self) -> bool:
        return True

    def close(self) -> None:
        self._inner.close()
        super().close()

    def readinto(self, buffer: Any) -> int | None:
        began = time.monotonic()
        try:
            count = self._inner.readinto(buffer)
        except socket.timeout:
            raise SilentServerError(self._silence) from None
        now = time.monotonic()
        if self._deadline is None:
            # Until now it was silent, which has a limit of its own.
            began = now
            self._deadline = now + HEAD
        if not self.has_headers and now > self._deadline:
            raise SlowServerError(f"the server took more than {HEAD} seconds for its headers")
        # The time that we need ourselves is not the server's.
        self._waited += now - began
        self._received += count or 0
        if count and self._waited > WINDOW:
            if self._received < LEAST:
                raise SlowServerError(
                    f"the server sent {self._received} bytes in {WINDOW} seconds; it is given up "
                    f"below {LEAST}"
                )
            self._waited, self._received = 0.0, 0
        return count


class _Response(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self._reader = _Reader(self.fp.detach(), sock.gettimeout())
        self.fp = io.BufferedReader(self._reader)

    def begin(self) -> None:
        super().begin()
        self._reader.has_headers = True


class Connection(http.client.HTTPConnection):
    """A connection to a server of `http`."""

    response_class = _Response


class SecureConnection(http.client.HTTPSConnection):
    """A connection to a server of `https`."""

    response_class = _Response


class PacedHTTPHandler(urllib.request.HTTPHandler):
    """Opens URLs of `http`."""

    def http_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send the request, and read the headers of the answer."""
        return self.do_open(Connection, req)


class PacedHTTPSHandler(urllib.request.HTTPSHandler):
    """Opens URLs of `https`."""

    def __init__(self, context: Callable[[], ssl.SSLContext]) -> None:
        """`context` is called for the first URL: reading all authorities takes some time."""
        # That of `HTTPSHandler` reads them.
        urllib.request.AbstractHTTPHandler.__init__(self)
        self._made: ssl.SSLContext | None = None
        self._make = context

    def https_open(self, req: urllib.request.Request) -> http.client.HTTPResponse:
        """Send the request, and read the headers of the answer."""
        return self.do_open(SecureConnection, req, context=self.tls)

    @property
    def tls(self) -> ssl.SSLContext:
        """The authorities that are trusted."""
        if self._made is None:
            self._made = self._make()
        return self._made
