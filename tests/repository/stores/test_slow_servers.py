from __future__ import annotations

import re
import ssl
import time
from pathlib import Path

import pytest
import trustme

from tests.support.slow_server import slow_server
from venvstacks_rules.local.web import pace
from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.attempts import PassingError
from venvstacks_rules.repository.stores.connections import Connections
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import StoreError

OK = b"HTTP/1.1 200 OK\r\n"
SIZED = OK + b"Content-Length: 1000\r\n\r\n"
CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
PART = b"HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-999/1000\r\n\r\n"


@pytest.fixture(autouse=True)
def _impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(pace, "SILENCE", 0.3)
    monkeypatch.setattr(pace, "WORK", 0.5)
    monkeypatch.setattr(pace, "WINDOW", 0.3)
    monkeypatch.setattr(pace, "LEAST", 300)
    monkeypatch.setattr(attempts, "WAITS", [0.01])


def is_slow(error: StoreError, url: str) -> bool:
    expected = (
        rf"{re.escape(url)}: `key`: the server sent [0-9]+ bytes in 0\.3 seconds; it is given up"
        r" below 300\. Use another server\."
    )
    return re.fullmatch(expected, str(error)) is not None


@pytest.mark.parametrize(
    ("begin", "again"),
    [
        (b"HTTP/1.1 ", b"0"),  # the status
        (OK, b"X: y\r\n"),  # headers
        (OK + b"X-Long: ", b"x"),  # one header
        (SIZED, b"x"),  # the body
        (CHUNKED, b"1\r\nx\r\n"),  # chunks
        (CHUNKED, b"0"),  # the size of a chunk
        (OK + b"\r\n", b"x"),  # a body without a size
    ],
)
def test_a_slow_answer_is_given_up(begin: bytes, again: bytes) -> None:
    with slow_server([begin], pause=0.02, again=again) as url:
        store = opened(url, {})
        began = time.monotonic()
        with pytest.raises(StoreError) as e:
            store.get("key", limit=10_000)
        assert is_slow(e.value, url)
        # No attempt after the first.
        assert 0.3 < time.monotonic() - began < 3


def test_a_slow_download_is_given_up_though_it_moves() -> None:
    with slow_server([PART], pause=0.02, again=b"x") as url:
        with pytest.raises(StoreError) as e:
            list(opened(url, {}).read("key", 0, 1000))
        assert is_slow(e.value, url)


def test_a_slow_answer_with_tls_is_given_up(tmp_path: Path) -> None:
    authority = trustme.CA()
    authority.cert_pem.write_to_path(tmp_path / "ca.pem")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    environment = {"SSL_CERT_FILE": str(tmp_path / "ca.pem")}
    with slow_server([SIZED], pause=0.02, again=b"x", tls=context) as url:
        with pytest.raises(StoreError) as e:
            opened(url, environment).get("key", limit=10_000)
        assert is_slow(e.value, url)
    with slow_server([SIZED + b"x" * 1000], pause=0, tls=context) as url:
        found = opened(url, environment).get("key", limit=10_000)
    assert found is not None
    assert found.data == b"x" * 1000


def test_a_server_that_takes_its_time_is_waited_for() -> None:
    # It is fast enough, on average.
    pieces = [SIZED, *[b"x" * 100] * 10]
    with slow_server(pieces, pause=0.05) as url:
        found = opened(url, {}).get("key", limit=10_000)
    assert found is not None
    assert found.data == b"x" * 1000


def test_a_silent_server_is_given_up() -> None:
    with slow_server([OK], pause=0.5) as url, pytest.raises(StoreError) as e:
        opened(url, {}).get("key", limit=10_000)
    assert str(e.value) == (
        f"{url}: `key`: no answer (the server sent nothing for 0.3 seconds). Look whether the"
        " server runs and the URL is right; proxies and certificates come from HTTPS_PROXY and"
        " SSL_CERT_FILE."
    )


def test_a_silent_server_is_asked_once_more(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "WAITS", [0.01] * 20)
    asked = []

    def authorize(url: str) -> dict[str, str]:
        asked.append(url)
        return {}

    with slow_server([OK], pause=0.5) as url:
        connections = Connections(url, {}, authorize)

        @attempts.retried
        def step() -> None:
            with connections.answer("key", url):
                pass

        @attempts.retried
        def whole() -> None:
            step()

        with pytest.raises(StoreError):
            list(connections.pieces("key", url, 0, 10))
        assert len(asked) == 2
        with pytest.raises(StoreError):
            whole()
        assert len(asked) == 4


def test_a_server_may_work_on_an_upload_for_longer() -> None:
    """Than it may be silent, and that time is none in which it sent too little."""
    sent = OK + b"Content-Length: 2\r\n\r\nok"
    for body, size in ((None, 0), ([b"x"], 2)):
        with slow_server([b"", sent], pause=0.4) as url:
            connections = Connections(url, {}, lambda _: {})
            try:
                with connections.answer("key", url, "PUT", body=body) as answer:
                    assert len(answer.read(10)) == size
            except PassingError:
                assert not size
