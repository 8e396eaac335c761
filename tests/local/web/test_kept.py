"""Requests on connections that stay open, to servers on loopback."""

from __future__ import annotations

import socket
import ssl
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator

import pytest
import trustme

from venvstacks_rules.local.web.kept import KeptHTTPHandler, KeptHTTPSHandler

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"


class Server:
    """Gives the answers of a script to the requests of each connection, in their order."""

    def __init__(self, *scripts: list[bytes], context: ssl.SSLContext | None = None) -> None:
        self._scripts = list(scripts)
        self._socket = socket.create_server(("127.0.0.1", 0))
        self._context = context
        port = self._socket.getsockname()[1]
        self.url = f"http{'s' if context else ''}://localhost:{port}/x"
        self.connections: list[list[str]] = []
        """The first lines of the requests of each."""
        threading.Thread(target=self._run, daemon=True).start()

    def _run(self) -> None:
        for script in self._scripts:
            connection, _ = self._socket.accept()
            if self._context is not None:
                connection = self._context.wrap_socket(connection, server_side=True)
            asked: list[str] = []
            self.connections.append(asked)
            with connection:
                for answer in script:
                    head = connection.recv(65536)
                    if not head:
                        break
                    asked.append(head.split(b"\r\n")[0].decode())
                    connection.sendall(answer)
        self._socket.close()


class Reader:
    """Gets the content of URLs, through the proxies of `settings`."""

    def __init__(
        self, handler: KeptHTTPHandler | KeptHTTPSHandler, settings: dict[str, str] | None = None
    ) -> None:
        self.handler = handler
        proxies = urllib.request.ProxyHandler(settings or {})
        self._director = urllib.request.build_opener(proxies, handler)

    def __call__(self, url: str) -> bytes:
        with self._director.open(url, timeout=5) as answer:
            return bytes(answer.read())


Opener = Callable[..., Reader]


@pytest.fixture
def opener() -> Iterator[Opener]:
    """Makes readers, whose connections end with the test."""
    readers: list[Reader] = []

    def make(
        handler: KeptHTTPHandler | KeptHTTPSHandler, settings: dict[str, str] | None = None
    ) -> Reader:
        readers.append(Reader(handler, settings))
        return readers[-1]

    yield make
    for reader in readers:
        reader.handler.close()


def test_the_next_request_takes_the_connection_of_the_last(opener: Opener) -> None:
    server = Server([OK, OK, OK])
    get = opener(KeptHTTPHandler())
    assert [get(server.url) for _ in range(3)] == [b"ok"] * 3
    assert server.connections == [["GET /x HTTP/1.1"] * 3]


def test_encrypted_connections_are_kept_as_well(opener: Opener) -> None:
    authority = trustme.CA()
    served = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("localhost").configure_cert(served)
    context = ssl.create_default_context()
    authority.configure_trust(context)
    server = Server([OK, OK], context=served)
    get = opener(KeptHTTPSHandler(lambda: context))
    assert [get(server.url) for _ in range(2)] == [b"ok"] * 2
    assert len(server.connections) == 1


def test_a_connection_that_the_server_ended_is_made_again(opener: Opener) -> None:
    server = Server([OK], [OK, OK])
    get = opener(KeptHTTPHandler())
    assert [get(server.url) for _ in range(3)] == [b"ok"] * 3
    assert [len(asked) for asked in server.connections] == [1, 2]


def test_a_server_that_ends_new_connections_is_asked_once(opener: Opener) -> None:
    server = Server([b""], [OK])
    get = opener(KeptHTTPHandler())
    with pytest.raises(ConnectionError):
        get(server.url)
    assert len(server.connections) == 1
    assert get(server.url) == b"ok"


@pytest.mark.parametrize(
    "first",
    [
        # Not read to the end.
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 100000\r\n\r\nmuch",
        # Nobody knows where it ends.
        b"HTTP/1.1 404 Not Found\r\n\r\n",
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
    ],
)
def test_after_other_answers_a_new_connection_is_made(opener: Opener, first: bytes) -> None:
    server = Server([first], [OK])
    get = opener(KeptHTTPHandler())
    with pytest.raises(urllib.error.HTTPError) as caught:
        get(server.url)
    caught.value.close()
    assert get(server.url) == b"ok"
    assert [len(asked) for asked in server.connections] == [1, 1]


def test_each_thread_has_its_own(opener: Opener) -> None:
    server = Server([OK], [OK])
    get = opener(KeptHTTPHandler())
    assert get(server.url) == b"ok"
    thread = threading.Thread(target=get, args=(server.url,))
    thread.start()
    thread.join()
    assert len(server.connections) == 2


def test_a_proxy_gets_the_requests_for_all_servers(opener: Opener) -> None:
    server = Server([OK, OK])
    get = opener(KeptHTTPHandler(), {"http": server.url.removesuffix("/x")})
    assert [get(f"http://{host}.test/x") for host in ("one", "two")] == [b"ok"] * 2
    assert server.connections == [
        ["GET http://one.test/x HTTP/1.1", "GET http://two.test/x HTTP/1.1"]
    ]
