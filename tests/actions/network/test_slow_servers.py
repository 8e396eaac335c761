"""Servers that are silent, slow or endless, on loopback; the limits are shortened a hundredfold."""

from __future__ import annotations

import contextlib
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import trustme

from venvstacks_rules.actions.network import downloads
from venvstacks_rules.actions.network.downloads import DownloadFailedError
from venvstacks_rules.local.web import pace

Script = Callable[[socket.socket], None]
HEAD = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"


@pytest.fixture(autouse=True)
def _short_limits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(pace, "SILENCE", 0.3)
    monkeypatch.setattr(pace, "WINDOW", 0.3)
    monkeypatch.setattr(pace, "LEAST", 300)
    monkeypatch.setattr(pace, "HEAD", 1)
    monkeypatch.setattr(downloads, "_WAITS", (0.0, 0.0, 0.0))
    for made in (downloads._opener, downloads._tls):
        made.cache_clear()
    yield
    for made in (downloads._opener, downloads._tls):
        made.cache_clear()


class Server:
    """Runs a script for each connection."""

    def __init__(self, script: Script, context: ssl.SSLContext | None = None) -> None:
        self._script, self._context = script, context
        self._socket = socket.create_server(("127.0.0.1", 0))
        self.url = f"http{'s' if context else ''}://localhost:{self._socket.getsockname()[1]}/x"
        self.connections = 0
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._socket.accept()
                self.connections += 1
                threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        # The client is the one that goes.
        with contextlib.suppress(OSError), contextlib.ExitStack() as stack:
            stack.enter_context(connection)
            if self._context is not None:
                wrapped = self._context.wrap_socket(connection, server_side=True)
                connection = stack.enter_context(wrapped)
            connection.recv(65536)
            self._script(connection)

    def close(self) -> None:
        self._socket.close()


def refusal(script: Script, context: ssl.SSLContext | None = None) -> tuple[str, int, float]:
    """The message without the URL, the number of attempts, and the seconds that all took."""
    server = Server(script, context)
    try:
        began = time.monotonic()
        with pytest.raises(DownloadFailedError) as caught:
            downloads.download(server.url)
        message = str(caught.value)
        assert message.startswith(f"{server.url}: ")
        return message[len(server.url) + 2 :], server.connections, time.monotonic() - began
    finally:
        server.close()


def trickle(connection: socket.socket, data: bytes) -> None:
    for byte in data:
        connection.sendall(bytes([byte]))
        time.sleep(0.05)


def in_silence(connection: socket.socket) -> None:
    time.sleep(20)


def silent_body(connection: socket.socket) -> None:
    connection.sendall(HEAD % 10 + b"x")
    time.sleep(20)


def test_a_silent_server_is_given_up_after_two_attempts() -> None:
    for script in (in_silence, silent_body):
        message, attempts, seconds = refusal(script)
        assert message == "the server sent nothing for 0.3 seconds"
        assert attempts == 2
        assert seconds < 5


def test_a_slow_body() -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(HEAD % 10_000)
        trickle(connection, b"x" * 400)

    message, attempts, seconds = refusal(script)
    assert message.startswith("the server sent ")
    assert message.endswith(" bytes in 0.3 seconds; it is given up below 300")
    assert (attempts, seconds < 10) == (2, True)


def test_slow_headers() -> None:
    message, attempts, _ = refusal(lambda connection: trickle(connection, HEAD % 1 + b"x" * 400))
    assert message.endswith(" bytes in 0.3 seconds; it is given up below 300")
    assert attempts == 2


def test_endless_headers() -> None:
    """Fast enough, and never done: `http.client` reads answers of "go on" without an end."""

    def script(connection: socket.socket) -> None:
        while True:
            connection.sendall(b"HTTP/1.1 100 Continue\r\n\r\n" * 100)

    message, attempts, seconds = refusal(script)
    assert message == "the server took more than 1 seconds for its headers"
    assert (attempts, seconds < 20) == (2, True)


def test_an_endless_body_of_a_redirect_is_not_read() -> None:
    target = Server(lambda connection: connection.sendall(HEAD % 3 + b"abc"))

    def script(connection: socket.socket) -> None:
        connection.sendall(f"HTTP/1.1 302 Found\r\nLocation: {target.url}\r\n\r\n".encode())
        while True:
            connection.sendall(b"x" * 65536)

    server = Server(script)
    assert downloads.download(server.url).size == 3
    server.close()
    target.close()


def test_slow_and_fast_enough() -> None:
    def script(connection: socket.socket) -> None:
        connection.sendall(HEAD % 20_000)
        for _ in range(20):
            time.sleep(0.05)
            connection.sendall(b"x" * 1000)

    server = Server(script)
    assert downloads.download(server.url).size == 20_000
    assert server.connections == 1
    server.close()


def test_our_own_time_is_not_the_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    """A consumer that is busy makes the server wait, which is not its fault."""
    monkeypatch.setattr(pace, "LEAST", 10**6)
    server = Server(lambda connection: connection.sendall(HEAD % 60_000 + b"x" * 60_000))
    size = 0
    with downloads._open(server.url, "GET", ()) as response:
        while content := response.read(8192):
            size += len(content)
            time.sleep(0.1)
    assert size == 60_000
    server.close()


def test_a_slow_server_with_encryption(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    monkeypatch.setenv("SSL_CERT_FILE", str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(context)

    def script(connection: socket.socket) -> None:
        connection.sendall(HEAD % 10_000)
        trickle(connection, b"x" * 400)

    message, attempts, _ = refusal(script, context)
    assert message.endswith(" bytes in 0.3 seconds; it is given up below 300")
    assert attempts == 2


def test_words_of_a_server_are_made_printable_and_short() -> None:
    def script(connection: socket.socket) -> None:
        phrase = b"\x1b]0;title\x07 \x1b[31m" + b"n" * 9999
        connection.sendall(b"HTTP/1.1 404 " + phrase + b"\r\nContent-Length: 0\r\n\r\n")

    from venvstacks_rules.model.errors import NetworkError

    message, attempts, _ = refusal(script)
    assert str(NetworkError(message)).startswith("404 \\x1b]0;title\\x07 \\x1b[31mnnn")
    assert len(message) < 300
    assert attempts == 1
