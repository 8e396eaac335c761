"""Where the applications of an installer get their updates."""

from __future__ import annotations

from pants.engine.addresses import Address

from venvstacks_rules.pants_backend.goals.package_bundle import followed_url

ADDRESS = Address("s", target_name="installer")
KNOWN = {"store": "https://me:s3cret@host/layers", "web": "https://host/layers"}


def test_a_name_or_a_url() -> None:
    assert followed_url(ADDRESS, None, KNOWN) == (None, [])
    assert followed_url(ADDRESS, "@web", KNOWN) == ("https://host/layers", [])
    assert followed_url(ADDRESS, "file:///x", KNOWN) == ("file:///x", [])


def test_users_get_no_credentials() -> None:
    for name in ("store", "https://me:s3cret@host/layers"):
        _, problems = followed_url(ADDRESS, name, KNOWN)
        assert problems == [
            "s:installer: `repository`: the URL of host has credentials. Remove them: they come "
            "from the environment, or from the files of the store's own tools."
        ]


def test_a_name_that_is_not_known() -> None:
    assert followed_url(ADDRESS, "wed", KNOWN)[1] == [
        "s:installer: `repository` is 'wed', which `[venvstacks].repositories` does not name. Did "
        "you mean 'web'?"
    ]
