from __future__ import annotations

import pytest
from packageurl import PackageURL

from venvstacks_rules.model.documents.purls import package_url, public_url, repository_url


@pytest.mark.parametrize(
    ("kind", "name", "version", "qualifiers"),
    [
        ("pypi", "numpy", "2.0.2", {}),
        ("pypi", "torch", "2.3.0+cu121", {"repository_url": "https://x.example.com:8080/simple"}),
        (
            "pypi",
            "a-b",
            "1!2.0rc1.post1.dev2",
            {"file_name": "a b~c%d&e=f.whl", "download_url": None},
        ),
        (
            "generic",
            "cpython",
            "3.11.1",
            {"checksum": "sha256:00", "download_url": "https://x/y+z"},
        ),
    ],
)
def test_package_urls_are_canonical(
    kind: str, name: str, version: str, qualifiers: dict[str, str | None]
) -> None:
    named = {key: value for key, value in qualifiers.items() if value is not None}
    expected = PackageURL(kind, None, name, version, named).to_string()
    assert package_url(kind, name, version, qualifiers) == expected
    assert PackageURL.from_string(expected).version == version


def test_the_index_that_readers_assume_is_not_named() -> None:
    assert repository_url(None) is None
    assert repository_url("https://pypi.org/simple") is None
    assert repository_url("https://pypi.org/simple/") is None
    assert repository_url("https://me:x@a.example.com/simple?t=1") == "https://a.example.com/simple"


def test_secrets_are_left_out() -> None:
    url = "https://user:secret@files.example.com/a/b.whl?token=secret#sha256=secret"
    assert public_url(url) == "https://files.example.com/a/b.whl"
