"""The action against servers on loopback that are slow, wrong, or send elsewhere."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import io
import os
import platform
import threading
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from http.client import HTTPMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from venvstacks_rules.actions.commands import fetch_file
from venvstacks_rules.actions.network import downloads
from venvstacks_rules.local.web.redirects import RedirectHandler
from venvstacks_rules.model.errors import NetworkError, RequestError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.network import (
    FetchedFile,
    FetchFileRequest,
    NetworkSettings,
    network_settings_file,
)

CONTENT = b"not really a wheel" * 1000
SHA256 = hashlib.sha256(CONTENT).hexdigest()
NAME = "a-1.0-py3-none-any.whl"


class Handler(BaseHTTPRequestHandler):
    """Answers as the server's script says."""

    def do_GET(self) -> None:
        server = self.server
        assert isinstance(server, Server)
        server.asked.append((self.path, self.headers.get("Authorization")))
        server.answer(self)

    def log_message(self, *_: object) -> None:
        pass

    def send(self, content: bytes, *, announced: int | None = None) -> None:
        self.send_response(200)
        self.send_header("Content-Length", str(len(content) if announced is None else announced))
        self.end_headers()
        with contextlib.suppress(OSError):
            self.wfile.write(content)

    def redirect(self, url: str) -> None:
        self.send_response(302)
        self.send_header("Location", url)
        self.end_headers()


class Server(ThreadingHTTPServer):
    """A server of one kind of answer."""

    def __init__(self, answer: Callable[[Handler], None]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.answer = answer
        self.asked: list[tuple[str, str | None]] = []
        self.url = f"http://127.0.0.1:{self.server_port}"


@dataclass
class Servers:
    """Starts servers, and stops them all."""

    running: list[Server] = field(default_factory=list)

    def start(self, answer: Callable[[Handler], None]) -> Server:
        server = Server(answer)
        threading.Thread(target=server.serve_forever, daemon=True).start()
        self.running.append(server)
        return server


@pytest.fixture
def servers() -> Iterator[Servers]:
    servers = Servers()
    yield servers
    for server in servers.running:
        server.shutdown()
        server.server_close()


@pytest.fixture(autouse=True)
def _environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(downloads, "_WAITS", (0.0, 0.0, 0.0))
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("UV_INDEX_CORP_USERNAME", "nina")
    monkeypatch.setenv("UV_INDEX_CORP_PASSWORD", "pass:word")
    # An opener keeps the proxies that it was made with.
    downloads._opener.cache_clear()
    yield
    downloads._opener.cache_clear()


TOKEN = f"Basic {base64.b64encode(b'nina:pass:word').decode()}"


def fetch(
    url: str,
    *,
    sha256: str = SHA256,
    size: int | None = len(CONTENT),
    indexes: tuple[str, ...] = ("corp",),
    network: str | None = None,
) -> FetchedFile:
    request = FetchFileRequest(url, sha256, size, f"out/{NAME}", indexes, network)
    return fetch_file.run(to_json(request))


def failure(url: str, **fields: object) -> str:
    with pytest.raises(NetworkError) as caught:
        fetch(url, **fields)  # type: ignore[arg-type]
    return str(caught.value)


@pytest.mark.parametrize("size", [len(CONTENT), None])
def test_a_file_is_fetched_with_the_credentials_of_its_index(
    servers: Servers, size: int | None
) -> None:
    server = servers.start(lambda answer: answer.send(CONTENT))
    assert fetch(f"{server.url}/{NAME}", size=size) == FetchedFile(len(CONTENT))
    assert Path("out", NAME).read_bytes() == CONTENT
    assert server.asked == [(f"/{NAME}", TOKEN)]


def test_credentials_written_into_the_url_are_not_used(servers: Servers) -> None:
    server = servers.start(lambda answer: answer.send(CONTENT))
    fetch(server.url.replace("//", "//me:mine@") + "/a", indexes=())
    assert server.asked == [("/a", None)]


def test_netrc_is_asked_where_no_variable_is_set(servers: Servers, tmp_path: Path) -> None:
    server = servers.start(lambda answer: answer.send(CONTENT))
    (tmp_path / "netrc").write_text(
        "machine 127.0.0.1 login n password p\ndefault login d password e\n"
    )
    fetch(f"{server.url}/a", indexes=("other",))
    fetch(f"{server.url.replace('127.0.0.1', 'localhost')}/b", indexes=())
    netrc_token = f"Basic {base64.b64encode(b'n:p').decode()}"
    # The entry for everybody else is for nobody.
    assert server.asked == [("/a", netrc_token), ("/b", None)]


def test_a_redirect_takes_credentials_to_the_same_server_only(servers: Servers) -> None:
    other = servers.start(lambda answer: answer.send(CONTENT))
    places = {"/a": "/b", "/b": f"{other.url}/c"}
    server = servers.start(lambda answer: answer.redirect(places[answer.path]))
    fetch(f"{server.url}/a")
    assert server.asked == [("/a", TOKEN), ("/b", TOKEN)]
    assert other.asked == [("/c", None)]


@pytest.mark.parametrize(
    ("place", "reason"),
    [
        ("http://[bad/a", "Invalid IPv6 URL"),
        (
            "http://a..b/",
            "encoding with 'idna' codec failed (UnicodeError: label empty or too long)",
        ),
        (
            "ftp://nina:secret@127.0.0.1/a",
            "302 Found, which is a redirect to ftp://127.0.0.1/a: only http or https may follow",
        ),
    ],
)
def test_a_redirect_to_what_is_no_web_server(servers: Servers, place: str, reason: str) -> None:
    server = servers.start(lambda answer: answer.redirect(place))
    assert failure(f"{server.url}/a") == f"{server.url}/a: {reason}"
    assert len(server.asked) == 1


def test_credentials_in_a_redirect_are_not_used(servers: Servers) -> None:
    here = servers.start(lambda answer: answer.send(CONTENT))
    place = here.url.replace("//", "//nina:secret@")
    server = servers.start(lambda answer: answer.redirect(f"{place}/b"))
    fetch(f"{server.url}/a")
    assert here.asked == [("/b", None)]


def test_a_redirect_stays_encrypted() -> None:
    request = urllib.request.Request("https://packages.example.test/a")
    with pytest.raises(urllib.error.HTTPError) as caught:
        RedirectHandler().redirect_request(
            request, io.BytesIO(), 302, "Found", HTTPMessage(), "http://packages.example.test/b"
        )
    assert caught.value.reason == (
        "Found, which is a redirect to http://packages.example.test/b: only https may follow"
    )
    caught.value.close()


def test_a_length_that_is_no_number_is_none(servers: Servers) -> None:
    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "\u00b2")
        handler.end_headers()
        handler.wfile.write(CONTENT)

    assert fetch(f"{servers.start(answer).url}/a") == FetchedFile(len(CONTENT))


def test_a_passing_failure_is_tried_again(servers: Servers) -> None:
    def answer(handler: Handler) -> None:
        if len(server.asked) == 1:
            handler.send_error(503)
        elif len(server.asked) == 2:
            handler.send(CONTENT[:100], announced=len(CONTENT))
        else:
            handler.send(CONTENT)

    server = servers.start(answer)
    assert fetch(f"{server.url}/a").size == len(CONTENT)
    assert len(server.asked) == 3


def test_a_lasting_failure_of_passing_kind_ends_after_four_attempts(servers: Servers) -> None:
    server = servers.start(lambda answer: answer.send_error(502))
    assert failure(f"{server.url}/a") == f"{server.url}/a: 502 Bad Gateway"
    assert len(server.asked) == 4


@pytest.mark.parametrize(
    ("status", "reason"), [(401, "Unauthorized"), (403, "Forbidden"), (404, "Not Found")]
)
def test_a_refusal_is_final_and_names_the_place_of_the_credentials(
    servers: Servers, tmp_path: Path, status: int, reason: str
) -> None:
    (tmp_path / "netrc").write_text("machine other.example login n password p\n")
    server = servers.start(lambda answer: answer.send_error(status))
    variables = "UV_INDEX_CORP_USERNAME and UV_INDEX_CORP_PASSWORD"
    assert failure(f"{server.url}/a") == (
        f"{server.url}/a: {status} {reason} (with the credentials of {variables})"
    )
    assert failure(f"{server.url}/a", indexes=("x-y",)) == (
        f"{server.url}/a: {status} {reason} (without credentials: there are none in "
        f"UV_INDEX_X_Y_USERNAME and UV_INDEX_X_Y_PASSWORD, 127.0.0.1 in {tmp_path}/netrc)"
    )
    assert len(server.asked) == 2


def test_a_netrc_file_that_cannot_be_read_is_named_with_the_reason(
    servers: Servers, tmp_path: Path
) -> None:
    server = servers.start(lambda answer: answer.send_error(401))
    url = f"{server.url}/a"
    places = f"{url}: 401 Unauthorized (without credentials: there are none in 127.0.0.1 in "
    path = tmp_path / "netrc"
    assert failure(url, indexes=()) == f"{places}{path} (No such file or directory))"
    path.write_text("machine a.example login u password p\nhunter2 more\n")
    assert failure(url, indexes=()) == f"{places}{path} (line 2 cannot be read))"
    path.unlink()
    path.mkdir()
    assert failure(url, indexes=()) == f"{places}{path} (Is a directory))"


def test_another_file_is_refused(servers: Servers) -> None:
    server = servers.start(lambda answer: answer.send(CONTENT))
    other = "0" * 64
    url = f"{server.url}/a"
    assert failure(url, sha256=other) == f"{url}: got SHA-256 {SHA256}, expected {other}"
    size = len(CONTENT)
    assert failure(url, size=size + 1) == f"{url}: got {size} bytes, expected {size + 1}"
    assert failure(url, size=10) == f"{url}: got more than the expected 10 bytes"
    # A refused file stays neither at the output nor beside it.
    assert list(Path("out").iterdir()) == []


def test_an_endless_file_is_cut_off(servers: Servers) -> None:
    written: list[int] = []

    def answer(handler: Handler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while sum(written) < 1 << 30:
                written.append(handler.wfile.write(b"\0" * 65536))

    server = servers.start(answer)
    assert failure(f"{server.url}/a") == (
        f"{server.url}/a: got more than the expected {len(CONTENT)} bytes"
    )
    assert sum(written) < 1 << 27


def test_settings_come_from_the_file_of_the_starting_process(
    servers: Servers, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # What is put into the environment is taken out again.
    monkeypatch.setenv("HTTP_PROXY", "")
    proxy = servers.start(lambda answer: answer.send(CONTENT))
    own = tmp_path / network_settings_file(platform.node(), os.getppid())
    settings = {"HTTP_PROXY": proxy.url, "UV_INDEX_CORP_USERNAME": "from", "NO_PROXY": ""}
    own.write_text(to_json(NetworkSettings({**settings, "UV_INDEX_CORP_PASSWORD": "file"})))
    fetch("http://packages.example.test/a", network=str(tmp_path))
    token = base64.b64encode(b"from:file").decode()
    assert proxy.asked == [("http://packages.example.test/a", f"Basic {token}")]


def test_a_missing_settings_file_says_where_such_work_belongs(tmp_path: Path) -> None:
    name = network_settings_file(platform.node(), os.getppid())
    assert failure("http://packages.example.test/a", network="__network") == (
        f"the proxies, certificates and credentials for this process are missing: {name} in the "
        "cache folder `__network`: No such file or directory. Only processes on the machine of "
        "the build have them: run the processes that use the network there, not in a "
        "container and not by remote execution"
    )


@pytest.mark.parametrize(
    ("proxy", "shown"),
    [
        ("socks5://u:secret@127.0.0.1:1", "socks5://127.0.0.1:1"),
        ("socks5h://u:secret@127.0.0.1:1", "socks5h://127.0.0.1:1"),
        ("http://u:secret@127.0.0.1:port", "http://127.0.0.1:port"),
        ("http://u:with/slash@127.0.0.1:1", "http://127.0.0.1:1"),
    ],
)
def test_only_http_proxies_are_used(
    proxy: str, shown: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    assert failure("http://packages.example.test/a") == (
        f"{shown} cannot be used as a proxy: only http proxies can"
    )


@pytest.mark.parametrize(
    ("url", "sha256", "message"),
    [
        ("file:///etc/passwd", SHA256, "url: `file:///etc/passwd` is not an http or https URL"),
        ("https://nina:secret@[bad", SHA256, "url: `https://[bad` is not an http or https URL"),
        ("http://127.0.0.1/a", "00", "sha256: `00` is not a SHA-256"),
    ],
)
def test_requests_are_checked(url: str, sha256: str, message: str) -> None:
    with pytest.raises(RequestError) as caught:
        fetch(url, sha256=sha256)
    assert str(caught.value) == message
