"""Which URLs are those of a web server."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.network.urls import url_problem


@pytest.mark.parametrize(
    "url",
    [
        "https://h/a%20b-1.whl?c=d#e",
        "http://[::1]:8080/a",
        "HTTPS://u:p@h/a",
        "https://bücher.example/simple",
    ],
)
def test_urls_of_web_servers(url: str) -> None:
    assert url_problem(url) is None


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("", ""),
        ("./wheels", "./wheels"),
        ("file:///etc/passwd", "file:///etc/passwd"),
        ("ftp://nina:secret@h/a", "ftp://h/a"),
        ("https:///a", "https:///a"),
        ("https://[bad/a", "https://[bad/a"),
        ("https://nina:secret@[bad/a", "https://[bad/a"),
        ("https://nina:secret@h:99999/a", "https://h:99999/a"),
        ("https://h:http/a", "https://h:http/a"),
        ("https://h/a\r\nX: y", "https://h/a??X:?y"),
        ("https://h\\@evil/a", "https://evil/a"),
    ],
)
def test_other_text(url: str, shown: str) -> None:
    assert url_problem(url) == f"`{shown}` is not an http or https URL"
