"""Reads parts of files from a web server on loopback."""

from __future__ import annotations

import hashlib
import io
import zipfile

import pytest

from tests.support.http_server import serve
from venvstacks_rules.actions.network import parts
from venvstacks_rules.actions.network.parts import (
    RemoteParts,
    TooManyPartsError,
    UnreadPartError,
)

KIB = 1024
CONTENT = b"".join(hashlib.sha256(b"%d" % n).digest() for n in range(10_000))
"""Of 312.5 KiB: four blocks and most of a fifth, the first one."""


def test_any_part_is_as_it_is_in_the_file() -> None:
    size = len(CONTENT)
    for start, end in (
        (size - 22, size),
        (size - 64 * KIB, size - 64 * KIB + 1),
        (size - 64 * KIB - 1, size - 64 * KIB + 1),
        (0, 1),
        (0, size),
        (1000, 200_000),
        (size - 5, size + 5),
        (size, size + 5),
    ):
        with serve({"/a": CONTENT}, parts=True) as server:
            file = RemoteParts(f"{server.url}/a", size)
            file.seek(start - size, io.SEEK_END)
            assert file.read(end - start) == CONTENT[start:end], (start, end)
            assert file.tell() == min(end, size)
            assert len(server.requests) == (start < size)
            # Once more, from what was read.
            file.seek(start)
            assert file.read(end - start) == CONTENT[start:end]
            assert len(server.requests) == (start < size)


def test_a_part_that_is_half_known_takes_one_more_request() -> None:
    with serve({"/a": CONTENT}, parts=True) as server:
        file = RemoteParts(f"{server.url}/a", len(CONTENT))
        file.seek(-1, io.SEEK_END)
        file.read(1)
        file.seek(-150 * KIB, io.SEEK_END)
        assert file.read(150 * KIB) == CONTENT[-150 * KIB :]
        assert len(server.requests) == 2


def test_the_directory_of_a_zip_archive_takes_one_request() -> None:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w") as archive:
        archive.writestr("large", CONTENT)
        archive.writestr("last", b"content")
    with serve({"/a": stream.getvalue()}, parts=True) as server:
        remote = RemoteParts(f"{server.url}/a", len(stream.getvalue()))
        with zipfile.ZipFile(remote) as archive:
            assert archive.namelist() == ["large", "last"]
            assert archive.read("last") == b"content"
        assert len(server.requests) == 1


@pytest.mark.parametrize("path", ["/a", "/missing"])
def test_a_server_that_sends_no_parts(path: str) -> None:
    with serve({"/a": CONTENT}) as server:
        file = RemoteParts(f"{server.url}{path}", len(CONTENT))
        with pytest.raises(UnreadPartError) as caught:
            file.read(1)
        why = "the server sends no parts of files" if path == "/a" else "404 Not Found ("
        assert str(caught.value).startswith(f"{server.url}{path}: {why}")


def test_a_file_of_another_size() -> None:
    with serve({"/a": CONTENT}, parts=True) as server:
        file = RemoteParts(f"{server.url}/a", len(CONTENT) + 1)
        with pytest.raises(UnreadPartError, match="the server sends no parts of files"):
            file.read(1)


def test_what_is_read_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts, "_MOST", 100 * KIB)
    with serve({"/a": CONTENT}, parts=True) as server:
        file = RemoteParts(f"{server.url}/a", len(CONTENT))
        with pytest.raises(TooManyPartsError, match="too much of the file would have to be read"):
            file.read(150 * KIB)
        assert server.requests == []
        monkeypatch.setattr(parts, "_MOST", len(CONTENT))
        monkeypatch.setattr(parts, "_MOST_REQUESTS", 2)
        file = RemoteParts(f"{server.url}/a", len(CONTENT))
        for place in (0, 100 * KIB):
            file.seek(place)
            file.read(1)
        file.seek(200 * KIB)
        with pytest.raises(TooManyPartsError):
            file.read(1)


def test_no_place_is_before_the_file() -> None:
    file = RemoteParts("http://localhost/a", 10)
    with pytest.raises(OSError, match="a place before the file"):
        file.seek(-11, io.SEEK_END)
    assert file.tell() == 0
