"""Wheels by name and hash, from folders, pages and indexes on loopback."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path

import pytest

from tests.support.http_server import serve
from venvstacks_rules.actions.commands import fetch_wheel
from venvstacks_rules.actions.network import downloads
from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.tools import FetchedWheel, FetchWheelRequest

NAME = "Some.Lib-1.0-py3-none-any.whl"
CONTENT = b"a wheel" * 100
SHA256 = hashlib.sha256(CONTENT).hexdigest()
OTHER = hashlib.sha256(b"other").hexdigest()


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_WAITS", ())


def fetch(
    folder: Path,
    *,
    indexes: tuple[str, ...] = (),
    links: tuple[str, ...] = (),
    size: int | None = len(CONTENT),
    url: str | None = None,
) -> FetchedWheel:
    request = FetchWheelRequest(
        distribution="Some.Lib",
        file_name=NAME,
        sha256=SHA256,
        size=size,
        indexes=tuple((f"index-{number}", url) for number, url in enumerate(indexes)),
        find_links=links,
        output=str(folder / "out" / NAME),
        url=url,
    )
    found = fetch_wheel.run(to_json(request))
    assert (folder / "out" / NAME).read_bytes() == CONTENT
    return found


def html(*links: str) -> bytes:
    items = "".join(f'<a href="{link}">{link}</a><br>' for link in links)
    return f"<!DOCTYPE html><html><body><a>none</a>{items}</body></html>".encode()


def test_from_a_folder(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    assert fetch(tmp_path, links=(str(tmp_path),)) == FetchedWheel(str(tmp_path / NAME))
    assert fetch(tmp_path, links=(tmp_path.as_uri(),)) == FetchedWheel(str(tmp_path / NAME))


def test_from_where_the_lockfile_says_it_is(tmp_path: Path) -> None:
    with serve({f"/files/{NAME}": CONTENT}) as server:
        url = f"{server.url}/files/{NAME}"
        assert fetch(tmp_path, url=url, indexes=(f"{server.url}/simple",)) == FetchedWheel(url)
        assert server.requests == [("GET", f"/files/{NAME}")]


def test_from_elsewhere_if_it_is_no_longer_there(tmp_path: Path) -> None:
    with serve({f"/{NAME}": CONTENT, "/links.html": html(NAME)}) as server:
        links = (f"{server.url}/links.html",)
        found = fetch(tmp_path, url=f"{server.url}/gone/{NAME}", links=links)
        assert found == FetchedWheel(f"{server.url}/{NAME}")


@pytest.mark.parametrize("fragment", ["", f"#sha256={SHA256}", "#md5=x"])
def test_from_an_index_in_html(tmp_path: Path, fragment: str) -> None:
    page = html(f"../files/other.whl{fragment}", f"../../files/{NAME}{fragment}")
    files = {"/simple/some-lib/": page, f"/files/{NAME}": CONTENT}
    with serve(files) as server:
        found = fetch(tmp_path, indexes=(f"{server.url}/simple",))
        assert found == FetchedWheel(f"{server.url}/files/{NAME}")
        assert server.requests == [("GET", "/simple/some-lib/"), ("GET", f"/files/{NAME}")]


def test_from_a_page_of_links(tmp_path: Path) -> None:
    with serve({"/links.html": html(NAME), f"/{NAME}": CONTENT}) as server:
        found = fetch(tmp_path, links=(f"{server.url}/links.html",))
        assert found == FetchedWheel(f"{server.url}/{NAME}")


def test_a_file_with_another_hash_is_not_it(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(b"other")
    first = {"/a/some-lib/": html(f"/a/{NAME}#sha256={OTHER}")}
    second = {"/b/some-lib/": html(f"/b/{NAME}"), f"/b/{NAME}": b"x" * len(CONTENT)}
    third = {"/c/some-lib/": html(f"/c/{NAME}"), f"/c/{NAME}": CONTENT}
    with serve({**first, **second, **third}) as server:
        indexes = tuple(f"{server.url}/{name}" for name in "abc")
        found = fetch(tmp_path, indexes=indexes, links=(str(tmp_path),))
        assert found == FetchedWheel(f"{server.url}/c/{NAME}")
        with pytest.raises(NetworkError) as caught:
            fetch(tmp_path, indexes=indexes[:2], links=(str(tmp_path),))
    wrong = hashlib.sha256(b"x" * len(CONTENT)).hexdigest()
    assert str(caught.value).splitlines() == [
        f"`{NAME}` was not found:",
        f"{tmp_path / NAME}: has SHA-256 {OTHER}, but the lockfile has {SHA256}",
        f"{server.url}/a/{NAME}: has SHA-256 {OTHER}, but the lockfile has {SHA256}",
        f"{server.url}/b/{NAME}: got SHA-256 {wrong}, expected {SHA256}",
    ]


def test_a_size_counts_where_the_lockfile_has_one(tmp_path: Path) -> None:
    (tmp_path / NAME).write_bytes(CONTENT)
    with serve({"/a/some-lib/": html(f"/{NAME}"), f"/{NAME}": CONTENT}) as server:
        index = f"{server.url}/a"
        assert fetch(tmp_path, indexes=(index,), size=None).origin == f"{server.url}/{NAME}"
        assert fetch(tmp_path, links=(str(tmp_path),), size=None).origin == str(tmp_path / NAME)
        with pytest.raises(NetworkError) as caught:
            fetch(tmp_path, indexes=(index,), links=(str(tmp_path),), size=7)
    assert str(caught.value).splitlines()[1:] == [
        f"{tmp_path / NAME}: has {len(CONTENT)} bytes, but the lockfile has 7",
        f"{server.url}/{NAME}: got more than the expected 7 bytes",
    ]


def test_credentials_of_an_index_are_not_for_servers_that_it_links_to(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("UV_INDEX_INDEX_0_USERNAME", "nina")
    monkeypatch.setenv("UV_INDEX_INDEX_0_PASSWORD", "pw")
    token = f"Basic {base64.b64encode(b'nina:pw').decode()}"
    with serve({f"/{NAME}": CONTENT}) as files:
        pages = {"/a/some-lib/": html(f"{files.url}/{NAME}"), "/b/some-lib/": html(f"/{NAME}")}
        with serve({**pages, f"/{NAME}": CONTENT}) as index:
            fetch(tmp_path, indexes=(f"{index.url}/a",))
            fetch(tmp_path, indexes=(f"{index.url}/b",))
    assert files.authorizations == [None]
    assert index.authorizations == [token, token, token]


def test_every_place_is_named(tmp_path: Path) -> None:
    with (
        serve({"/a/some-lib/": html("other.whl")}) as server,
        pytest.raises(NetworkError) as caught,
    ):
        fetch(
            tmp_path,
            indexes=(f"{server.url}/a", f"{server.url}/b"),
            links=(str(tmp_path / "none"), str(tmp_path)),
        )
    without = "(without credentials: there are none in UV_INDEX_INDEX_1_USERNAME and"
    first, *lines = str(caught.value).splitlines()
    assert first == f"`{NAME}` was not found:"
    assert lines[:3] == [
        f"{tmp_path / 'none'}: is neither a folder nor a URL",
        f"{tmp_path}: has no such file",
        f"{server.url}/a: has no such file",
    ]
    assert lines[3].startswith(f"{server.url}/b/some-lib/: 404 Not Found {without}")


def test_a_page_that_is_no_index(tmp_path: Path) -> None:
    page = {"/a/some-lib/": json.dumps({"files": [{"x": 1}]}).encode()}
    with serve(page) as server, pytest.raises(NetworkError) as caught:
        fetch(tmp_path, indexes=(f"{server.url}/a",))
    assert str(caught.value).splitlines()[1:] == [f"{server.url}/a: has no such file"]
