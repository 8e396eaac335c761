"""What `publish` cannot do anything with: all of it at once, in words."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend.goals.publish_settings import (
    checked_options,
    repository_urls,
)

ADDRESS = Address("s", target_name="r")
KINDS = "`file://`, `s3://`, `gs://`, `az://`, `oci://`"


def test_urls_of_no_use() -> None:
    known = {"local": "file:///srv", "store": "s3//bucket", "web": "https://h/x", "bad": "/srv/x"}
    names = [
        "local",
        "stor",
        "store",
        "web",
        "bad",
        "/srv/y",
        "ftp://h/x",
        "s33://h/x",
        "https://u:p@h/x",
    ]
    with pytest.raises(DefinitionError) as caught:
        repository_urls(ADDRESS, names, known)
    shows = f"which is for those who read it. Publish to what the server shows, by {KINDS}."
    assert str(caught.value).splitlines() == [
        "Targets cannot be published as written:",
        "  * s:r: `repositories` has 'stor', which `[venvstacks].repositories` does not name. Did "
        "you mean 'store'?",
        "  * `[venvstacks].repositories.store` is 's3//bucket', which is not a URL. Did you mean "
        f"`s3://`? Write one that begins with {KINDS}.",
        f"  * `[venvstacks].repositories.web` is 'https://h/x', {shows}",
        "  * `[venvstacks].repositories.bad` is '/srv/x', which is not a URL. Write "
        "`file:///srv/x`.",
        "  * s:r: `repositories` has '/srv/y', which `[venvstacks].repositories` does not name. "
        "Add it there, or write `file:///srv/y`.",
        "  * s:r: `repositories` has 'ftp://h/x', and `publish` knows no `ftp://`. Write one that "
        f"begins with {KINDS}. Where `fsspec` reaches it, publish to a folder, and copy that there "
        "with `venvstacks-repository mirror`.",
        "  * s:r: `repositories` has 's33://h/x', and `publish` knows no `s33://`. Did you mean "
        f"`s3://`? Write one that begins with {KINDS}.",
        f"  * s:r: `repositories` has 'https://h/x', {shows}",
    ]


def test_a_host_that_is_none() -> None:
    with pytest.raises(DefinitionError) as caught:
        repository_urls(ADDRESS, ["oci://[host"], {})
    assert str(caught.value) == (
        "Targets cannot be published as written:\n  * s:r: `repositories` has 'oci://[host', which "
        f"is not a URL. Write one that begins with {KINDS}."
    )


def test_names_and_urls() -> None:
    known = {"local": "file:///srv"}
    assert repository_urls(ADDRESS, ["local", "@local", "oci://h/x"], known) == {
        "local": "file:///srv",
        "@local": "file:///srv",
        "oci://h/x": "oci://h/x",
    }


def test_options_of_no_use() -> None:
    with pytest.raises(DefinitionError) as caught:
        checked_options("sha256:zz", 0)
    assert str(caught.value).splitlines() == [
        "`[venvstacks-publish]` cannot be used:",
        "  * `root` is 'sha256:zz', which is no pin: 64 hexadecimal digits follow the colon. "
        "`venvstacks-repository root publish` prints it.",
        "  * `expires_days` is 0, so that records would have expired when they are signed. Write "
        "at least 1.",
    ]
    checked_options("keys/root.json", 30)
    checked_options("ed25519:" + "0a" * 32, 1)
    checked_options(None, 30)
