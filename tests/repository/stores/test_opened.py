"""URLs, and what is said of those that lead nowhere."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from venvstacks_rules.repository.stores import opened as module
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import StoreError, UrlError

STORES = Path(module.__file__).parent
KINDS = "`file://`, `https://`, `http://`, `s3://`, `gs://`, `az://`, `oci://`"


@pytest.mark.parametrize(
    ("url", "message"),
    [
        (
            "s4://user:pAsS@bucket/x",
            "`s4://bucket/x`: there is no kind of repository for `s4://`. Did you mean `s3://`? "
            f"There are {KINDS}, and the protocols of fsspec.",
        ),
        (
            "quite-another://x",
            "`quite-another://x`: there is no kind of repository for `quite-another://`. "
            f"There are {KINDS}, and the protocols of fsspec.",
        ),
        ("file://host/x", "`file://host/x` is not the URL of a folder; write `file:///path`."),
        ("s3:///x", "`s3:///x` names no bucket; write `s3://bucket/prefix`."),
        ("https://", "`https://` is not an http or https URL."),
        (
            "oci://host/Name",
            "`oci://host/Name` does not name a repository of a registry; write `oci://host/name`, "
            "the name in lower case. Credentials come from `docker login`.",
        ),
        ("https://u:p@[host", "`https://[host` is no URL: Invalid IPv6 URL."),
        (
            "s3//bucket/x",
            "`s3//bucket/x` is no URL, and no folder that is there. Did you mean `s3://`?",
        ),
        (
            "/srv/no such",
            "`/srv/no such` is no URL, and no folder that is there. Write a URL, as "
            "`file:///srv/no%20such` or `https://layers.example.com`.",
        ),
        (
            "",
            "`` is no URL, and no folder that is there. Write a URL, as `file:///srv/layers` or "
            "`https://layers.example.com`.",
        ),
    ],
)
def test_a_url_that_is_wrong(url: str, message: str) -> None:
    with pytest.raises(UrlError) as e:
        opened(url, {})
    assert str(e.value) == message


def test_a_folder_by_its_path(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "with space"
    folder.mkdir()
    monkeypatch.chdir(tmp_path)
    assert opened(str(folder), {}).url == folder.as_uri()
    assert opened("with space", {}).url == folder.as_uri()
    with pytest.raises(UrlError) as e:
        opened("without", {})
    assert str(e.value) == (
        f"`without` is no URL, and no folder that is there. Write a URL, as "
        f"`{tmp_path.as_uri()}/without` or `https://layers.example.com`."
    )


def test_a_library_that_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(sys.modules):
        if name.startswith("venvstacks_rules.repository.stores.") and "opened" not in name:
            monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "obstore", None)
    with pytest.raises(Exception) as e:  # noqa: PT011  the class is one of the modules above
        opened("s3://bucket/x", {})
    assert str(e.value) == (
        "`s3://bucket/x` needs `obstore`, which is not installed. Install `venvstacks-rules[s3]`."
    )


def test_an_implementation_that_is_missing() -> None:
    with pytest.raises(StoreError) as e:
        opened("webdav://user:pAsS@host/x", {})
    assert str(e.value) == (
        "webdav://host/x: the implementation is missing. Install webdav4 to access WebDAV."
    )


@pytest.mark.parametrize("kind", ["files", "objects", "web", "oci", "filesystems"])
def test_a_kind_is_a_small_file(kind: str) -> None:
    assert len((STORES / f"{kind}.py").read_text().splitlines()) <= 150
