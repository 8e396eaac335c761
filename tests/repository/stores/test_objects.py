"""What is particular to buckets."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import sys
import threading
from collections.abc import Iterator, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from tests.support.stores import Served, s3
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Content, StoreError


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    with s3(tmp_path_factory.mktemp("s3")) as served:
        yield served


@contextlib.contextmanager
def recorded(headers: Mapping[str, str]) -> Iterator[tuple[str, list[Mapping[str, str]]]]:
    """A server that takes everything, and what it was sent with each PUT."""
    seen: list[Mapping[str, str]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_PUT(self) -> None:
            seen.append({name.lower(): value for name, value in self.headers.items()})
            self.rfile.read(int(self.headers["Content-Length"]))
            self._answer()

        def do_GET(self) -> None:
            self._answer()

        def _answer(self) -> None:
            self.send_response(200)
            for name, value in {**headers, "Content-Length": "0"}.items():
                self.send_header(name, value)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as listening:
        thread = threading.Thread(target=listening.serve_forever, daemon=True)
        thread.start()
        yield f"http://127.0.0.1:{listening.server_address[1]}", seen
        listening.shutdown()
        thread.join()


def test_the_server_is_told_the_hash() -> None:
    """The server of the other tests takes it, and does nothing with it."""
    with recorded({"ETag": '"1"'}) as (url, seen):
        keys = {"AWS_ACCESS_KEY_ID": "a", "AWS_SECRET_ACCESS_KEY": "b", "AWS_ENDPOINT_URL": url}
        assert opened("s3://bucket", keys).put_if_absent("x", Content.of(b"some bytes"))
    expected = base64.b64encode(hashlib.sha256(b"some bytes").digest()).decode()
    assert [headers["x-amz-checksum-sha256"] for headers in seen] == [expected]
    assert [headers["if-none-match"] for headers in seen] == ["*"]


def test_google_is_told_the_generation() -> None:
    """The whole contract is tested on demand; see `gs` in `tests/support/stores.py`."""
    modified = "Sat, 28 Nov 2026 10:00:00 GMT"
    headers = {"ETag": '"1"', "x-goog-generation": "17", "Last-Modified": modified}
    with recorded(headers) as (url, seen):
        store = opened("gs://bucket/below", {"STORAGE_EMULATOR_HOST": url})
        assert store.put_if_absent("x", Content.of(b""))
        found = store.get("x", limit=10)
        assert found is not None
        assert store.replace("x", b"new", found.mark)
    assert [headers["x-goog-if-generation-match"] for headers in seen] == ["0", "17"]


def test_a_bucket_that_is_not_there(served: Served) -> None:
    store = opened("s3://no-such-bucket/x", served.environment)
    with pytest.raises(StoreError) as e:
        store.get("repository.json", limit=10)
    assert str(e.value) == (
        "s3://no-such-bucket/x: `repository.json`: 404 Not Found (NoSuchBucket): the bucket does "
        "not exist. Make it, or correct the URL."
    )


def test_a_profile_of_aws(served: Served, tmp_path: Path) -> None:
    file = tmp_path / "credentials"
    file.write_text("[reader]\naws_access_key_id = one\naws_secret_access_key = two\n")
    environment = {
        "AWS_SHARED_CREDENTIALS_FILE": str(file),
        "AWS_PROFILE": "reader",
        "AWS_ENDPOINT_URL_S3": served.environment["AWS_ENDPOINT_URL"],
    }
    with pytest.MonkeyPatch.context() as patch:
        # boto3 reads the environment of the process only.
        patch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(file))
        store = opened(f"{served.url}/profile", environment)
        assert store.put_if_absent("x", Content.of(b"x"))


def test_a_profile_without_what_reads_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "boto3", None)
    with pytest.raises(StoreError) as e:
        opened("s3://bucket/x", {"AWS_PROFILE": "reader"})
    assert str(e.value) == (
        "s3://bucket/x: AWS_PROFILE is set, and boto3 is not installed, which reads profiles. "
        "Install boto3, or set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )


@pytest.mark.parametrize(
    ("endpoint", "problem"),
    [
        ("https://user:pAsS@server", "a user name has no place in it"),
        ("server:9000", "`server:9000` is not an http or https URL"),
        ("http://server:port", "`http://server:port` is not an http or https URL"),
    ],
)
def test_an_endpoint_that_is_wrong(endpoint: str, problem: str) -> None:
    with pytest.raises(StoreError) as e:
        opened("s3://bucket/x", {"AWS_ENDPOINT_URL": endpoint})
    assert str(e.value) == (
        f"s3://bucket/x: AWS_ENDPOINT_URL: {problem}. Write `https://server`, and set "
        "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY."
    )
