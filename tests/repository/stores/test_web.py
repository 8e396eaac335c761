"""Servers that answer in other ways than nginx does, and what no way leads to."""

from __future__ import annotations

import base64
import contextlib
import gzip
import json
import ssl
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import trustme

from tests.support.slow_server import slow_server
from tests.support.stores import free_port
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import ON_THE_WAY, Content, StoreError
from venvstacks_rules.repository.trust.verification import repository_root

DATA = bytes(range(256)) * 40
Answer = Callable[[BaseHTTPRequestHandler], None]


@pytest.fixture(autouse=True)
def _fast(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "WAITS", [0.01, 0.01])


@contextlib.contextmanager
def answering(answer: Answer, context: ssl.SSLContext | None = None) -> Iterator[str]:
    """A server that answers GET and HEAD in one way."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            answer(self)

        def do_HEAD(self) -> None:
            answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        if context is not None:
            server.socket = context.wrap_socket(server.socket, server_side=True)
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            scheme = "http" if context is None else "https"
            yield f"{scheme}://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()


def sent(handler: BaseHTTPRequestHandler, status: int, body: bytes = b"", **headers: str) -> None:
    handler.send_response(status)
    for name, value in {"Content-Length": str(len(body)), **headers}.items():
        handler.send_header(name.replace("_", "-"), value)
    handler.end_headers()
    if handler.command != "HEAD":
        handler.wfile.write(body)


def test_a_server_without_ranges() -> None:
    with answering(lambda handler: sent(handler, 200, DATA)) as url:
        store = opened(url, {})
        assert b"".join(store.read("x", 5, 9000)) == DATA[5:9000]
        with pytest.raises(RepositoryError) as e:
            list(store.read("x", 0, len(DATA) + 1))
    assert str(e.value) == (
        f"{url}: `x` has fewer than {len(DATA) + 1} bytes.\n"
        "  * Try again, or on another network. If it stays, tell whoever publishes it, who runs"
        " `venvstacks-repository verify`."
    )


def test_a_server_without_head() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if handler.command == "HEAD":
            sent(handler, 405)
        else:
            sent(handler, 206, DATA[:1], Content_Range=f"bytes 0-0/{len(DATA)}")

    with answering(answer) as url:
        assert opened(url, {}).size("x") == len(DATA)


def test_a_read_goes_on_where_it_broke_off() -> None:
    ranges: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked = handler.headers["Range"]
        ranges.append(asked)
        start, end = (int(part) for part in asked[len("bytes=") :].split("-"))
        handler.send_response(206)
        handler.send_header("Content-Length", str(end + 1 - start))
        handler.send_header("Content-Range", f"bytes {start}-{end}/{len(DATA)}")
        handler.end_headers()
        handler.wfile.write(DATA[start : min(start + 3000, end + 1)])

    with answering(answer) as url:
        assert b"".join(opened(url, {}).read("x", 100, 9000)) == DATA[100:9000]
    assert ranges == ["bytes=100-8999", "bytes=3100-8999", "bytes=6100-8999"]


def test_another_range_than_was_asked_for() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        sent(handler, 206, DATA[:100], Content_Range=f"bytes 0-99/{len(DATA)}")

    with answering(answer) as url, pytest.raises(RepositoryError) as e:
        list(opened(url, {}).read("x", 10, 20))
    assert str(e.value) == (
        f"{url}: `x` arrived damaged.\n"
        "  * the server sends another range than it was asked for\n"
        f"  * {ON_THE_WAY}"
    )


def test_a_file_that_is_gone_when_a_read_goes_on() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        if not handler.headers["Range"].startswith("bytes=0-"):
            sent(handler, 404)
            return
        handler.send_response(206)
        handler.send_header("Content-Length", str(len(DATA)))
        handler.send_header("Content-Range", f"bytes 0-{len(DATA) - 1}/{len(DATA)}")
        handler.end_headers()
        handler.wfile.write(DATA[:3000])

    with answering(answer) as url, pytest.raises(RepositoryError) as e:
        list(opened(url, {}).read("x", 0, len(DATA)))
    assert str(e.value) == f"{url}: `x` is missing.\n  * {ON_THE_WAY}"


LOGIN = b"<!DOCTYPE html><html><body>Welcome to the network of our hotel</body></html>"
HOTEL = "the server sent text/html: a login page of the network, or a proxy, may stand between"


def test_a_login_page_in_place_of_a_repository() -> None:
    page = lambda handler: sent(handler, 200, LOGIN, Content_Type="text/html; charset=utf-8")  # noqa: E731
    with answering(page) as url:
        repository = Repository(opened(url, {}))
        with pytest.raises(RepositoryError) as e:
            repository.check_format()
        assert str(e.value) == (
            f"{url}: `repository.json` cannot be read.\n"
            "  * it is not JSON: it begins with '<!DOCTYPE html><html><body>Welcome to th'\n"
            f"  * {HOTEL}\n"
            f"  * {ON_THE_WAY}"
        )
        wanted = Reference.of(DATA[: len(LOGIN)])
        with pytest.raises(RepositoryError) as e:
            list(repository.blob_pieces(wanted))
        found = Reference.of(LOGIN)
        assert str(e.value) == (
            f"{url}: `{blob_key(wanted.sha256)}` arrived damaged.\n"
            f"  * it has {found.size} bytes with the hash sha256:{found.sha256}, not {wanted.size}"
            f" with sha256:{wanted.sha256}\n"
            f"  * {HOTEL}\n"
            f"  * {ON_THE_WAY}"
        )
        with pytest.raises(RepositoryError) as e:
            repository_root(repository.store, None, allow_unsigned=True)
        assert str(e.value).startswith(f"{url}: `trust/1.root.json` cannot be read.\n")
        assert HOTEL in str(e.value)


def test_an_encoding_that_nobody_asked_for() -> None:
    body = gzip.compress(repository_json().encode(), mtime=0)
    encoded = lambda handler: sent(handler, 200, body, Content_Encoding="gzip")  # noqa: E731
    with answering(encoded) as url, pytest.raises(RepositoryError) as e:
        Repository(opened(url, {})).check_format()
    begin = body[:40].decode("latin-1")
    assert str(e.value) == (
        f"{url}: `repository.json` cannot be read.\n"
        f"  * it is not JSON: it begins with {begin!a}\n"
        "  * the server sent it in the encoding 'gzip', which it was not asked for: a proxy may "
        "stand between\n"
        f"  * {ON_THE_WAY}"
    )


def test_what_is_right_may_have_any_type() -> None:
    """Some servers say of names without an extension that they are pages."""
    page = lambda handler: sent(handler, 200, DATA, Content_Type="text/html")  # noqa: E731
    with answering(page) as url:
        assert b"".join(Repository(opened(url, {})).blob_pieces(Reference.of(DATA))) == DATA


def test_what_passes_is_tried_again() -> None:
    statuses = [503, 429, 200]
    with answering(lambda handler: sent(handler, statuses.pop(0), b"x")) as url:
        found = opened(url, {}).get("x", limit=10)
    assert found is not None
    assert found.data == b"x"
    assert statuses == []


def test_what_does_not_pass() -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.path)
        sent(handler, 503)

    with answering(answer) as url, pytest.raises(StoreError) as e:
        opened(url, {}).get("x", limit=10)
    assert str(e.value) == f"{url}: `x`: the server answers 503. Try again later."
    assert len(asked) == 3


def test_a_body_without_an_end() -> None:
    def answer(handler: BaseHTTPRequestHandler) -> None:
        handler.send_response(200)
        handler.end_headers()
        with contextlib.suppress(OSError):
            while True:
                handler.wfile.write(DATA)

    with answering(answer) as url, pytest.raises(RepositoryError) as e:
        opened(url, {}).get("x", limit=1000)
    assert str(e.value) == f"{url}: `x` has more than 1000 bytes.\n  * {ON_THE_WAY}"


def test_a_server_of_another_kind() -> None:
    with (
        slow_server([b"SSH-2.0-OpenSSH_9.6\r\n"], pause=0.02) as url,
        pytest.raises(StoreError) as e,
    ):
        opened(url, {}).get("x", limit=10)
    assert str(e.value) == (
        f"{url}: `x`: the server does not speak HTTP: it says 'SSH-2.0-OpenSSH_9.6'. "
        "Look at the URL."
    )


def test_redirects_take_no_password_to_another_server() -> None:
    seen: list[str | None] = []

    def last(handler: BaseHTTPRequestHandler) -> None:
        seen.append(handler.headers["Authorization"])
        sent(handler, 200, b"x")

    with answering(last) as target:

        def first(handler: BaseHTTPRequestHandler) -> None:
            seen.append(handler.headers["Authorization"])
            if handler.path == "/x":
                sent(handler, 302, Location="/y")
            else:
                sent(handler, 302, Location=f"{target}/z")

        with answering(first) as url:
            found = opened(url.replace("//", "//user:p%40ss@"), {}).get("x", limit=10)
    assert found is not None
    token = "Basic " + base64.b64encode(b"user:p@ss").decode()
    assert seen == [token, token, None]


def test_what_began_encrypted_stays_so(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    with answering(lambda handler: sent(handler, 200, b"plain")) as plain:

        def answer(handler: BaseHTTPRequestHandler) -> None:
            if handler.path == "/fine":
                sent(handler, 200, b"x")
            else:
                sent(handler, 302, Location=f"{plain}/x")

        with answering(answer, context) as url:
            store = opened(url, {"SSL_CERT_FILE": str(tmp_path / "ca.pem")})
            found = store.get("fine", limit=10)
            assert found is not None
            assert found.data == b"x"
            with pytest.raises(StoreError) as e:
                store.get("x", limit=10)
            assert f"a redirect to {plain}/x: only https may follow" in str(e.value)
            # Nobody vouches for it.
            with pytest.raises(StoreError) as e:
                opened(url, {}).get("fine", limit=10)
    assert str(e.value).startswith(f"{url}: `fine`: no answer ([SSL: CERTIFICATE_VERIFY_FAILED]")


def logged_in(folder: Path, url: str) -> dict[str, str]:
    auth = base64.b64encode(b"user:p@ss").decode()
    host = url.partition("://")[2]
    (folder / "config.json").write_text(json.dumps({"auths": {host: {"auth": auth}}}))
    return {"DOCKER_CONFIG": str(folder)}


def test_another_server_does_not_say_who_gets_the_login_of_a_registry(tmp_path: Path) -> None:
    seen: list[tuple[str, str | None]] = []

    def last(handler: BaseHTTPRequestHandler) -> None:
        seen.append((handler.path.partition("?")[0], handler.headers["Authorization"]))
        realm = f"http://{handler.headers['Host']}/token"
        sent(handler, 401, WWW_Authenticate=f'Bearer realm="{realm}"')

    with answering(last) as target:
        redirect = lambda handler: sent(handler, 307, Location=f"{target}/z")  # noqa: E731
        with answering(redirect) as url, pytest.raises(StoreError) as e:
            opened(f"oci{url[4:]}/x", logged_in(tmp_path, url)).size("y")
    assert "`y`: the server answers 401 Unauthorized. Look at the credentials" in str(e.value)
    assert seen == [("/z", None)]


@pytest.mark.parametrize("realm", ["file:///etc/hostname", "http://[x", "no URL"])
def test_places_of_no_use_for_tokens(tmp_path: Path, realm: str) -> None:
    answer = lambda handler: sent(handler, 401, WWW_Authenticate=f'Bearer realm="{realm}"')  # noqa: E731
    with answering(answer) as url, pytest.raises(StoreError) as e:
        opened(f"oci{url[4:]}/x", logged_in(tmp_path, url)).size("y")
    assert f"the registry names {realm} for tokens. Use https." in str(e.value)


@pytest.mark.parametrize("body", [b"{", b"[]", b'{"tags": 1}'])
def test_a_registry_that_lists_no_tags(body: bytes) -> None:
    with answering(lambda handler: sent(handler, 200, body)) as url:
        store = opened(f"oci{url[4:]}/x", {})
        with pytest.raises(StoreError, match="the registry sends no list of tags"):
            list(store.list(""))


def test_an_artifact_without_a_file() -> None:
    notes = {"org.venvstacks.key": "k", "org.opencontainers.image.created": "2024-01-01"}
    body = json.dumps({"annotations": notes, "layers": []}).encode()
    server = answering(lambda handler: sent(handler, 200, body))
    with server as url, pytest.raises(RepositoryError) as e:
        opened(f"oci{url[4:]}/x", {}).size("y")
    assert "is not an artifact of a repository of layers" in str(e.value)


@pytest.mark.parametrize("place", ["http://[x", "http://a..b/"])
def test_a_redirect_to_no_url(place: str) -> None:
    redirect = lambda handler: sent(handler, 302, Location=place)  # noqa: E731
    with answering(redirect) as url, pytest.raises(StoreError) as e:
        opened(url, {}).get("x", limit=10)
    assert str(e.value).startswith(f"{url}: `x`: a request cannot be made (")


def test_proxies() -> None:
    asked: list[str] = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(f"{handler.path} {handler.headers['Proxy-Authorization']}")
        sent(handler, 200, b"x")

    with answering(answer) as proxy:
        environment = {"http_proxy": proxy.replace("//", "//me:pAsS@"), "NO_PROXY": "127.0.0.1"}
        assert opened("http://layers.example.test/of", environment).size("x") == 1
        assert opened(proxy, environment).size("y") == 1
    token = base64.b64encode(b"me:pAsS").decode()
    assert asked == [f"http://layers.example.test/of/x Basic {token}", "/y None"]


def test_a_proxy_of_another_kind() -> None:
    with pytest.raises(StoreError) as e:
        opened("http://layers.example.test", {"ALL_PROXY": "socks5://me:pAsS@host:1"})
    assert str(e.value) == "socks5://host:1 cannot be used as a proxy: only http proxies can."


def test_a_netrc_that_cannot_be_read(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine host login\n\nmachine pAsS\n")
    with pytest.raises(StoreError) as e:
        opened("https://host/x", {"NETRC": str(path)})
    assert str(e.value) == (f"https://host/x: `{path}` cannot be read as a netrc file. Correct it.")


def test_it_only_reads() -> None:
    url = f"http://127.0.0.1:{free_port()}"
    store = opened(url, {})
    refused = f"{url}: `x`: a web server is read-only. Publish to the URL of its folder or bucket."
    calls: list[Callable[[], object]] = [
        lambda: store.put_if_absent("x", Content.of(b"")),
        lambda: store.replace("x", b"", None),
        lambda: store.delete(["x"]),
    ]
    for call in calls:
        with pytest.raises(StoreError) as e:
            call()
        assert str(e.value) == refused
    with pytest.raises(StoreError) as e:
        store.list("channels/")
    assert str(e.value) == (
        f"{url}: `channels/`: a web server cannot tell what it has. Use the URL that the "
        "repository is published to."
    )


@pytest.mark.parametrize(("status", "expected"), [(200, False), (206, True), (404, True)])
def test_whether_a_server_knows_ranges(status: int, expected: bool) -> None:
    """Of a file that is not there, `read` tells."""
    asked = []

    def answer(handler: BaseHTTPRequestHandler) -> None:
        asked.append(handler.headers["Range"])
        sent(handler, status, DATA[:1] if status == 206 else DATA)

    with answering(answer) as url:
        assert opened(url).takes_ranges("a") is expected
    assert asked == ["bytes=0-0"]


def test_a_folder_has_ranges(tmp_path: Path) -> None:
    assert opened(tmp_path.as_uri()).takes_ranges("a")
