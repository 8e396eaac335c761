from __future__ import annotations

from netrc import NetrcParseError

import pytest

from venvstacks_rules.model.network.credentials import (
    INDEX_VARIABLE,
    CredentialSearch,
    PackageIndex,
    has_credentials,
    index_variables,
    indexes_for,
    refused,
    server,
    unread_netrc,
    without_credentials,
)

URL = "https://pkgs.example.org/files/a-1-py3-none-any.whl"
NETRC = {"pkgs.example.org": ("nina", "net-secret")}


def test_variables_of_an_index_are_those_of_uv() -> None:
    names = index_variables("my-corp.index")
    assert names == ("UV_INDEX_MY_CORP_INDEX_USERNAME", "UV_INDEX_MY_CORP_INDEX_PASSWORD")
    assert all(INDEX_VARIABLE.fullmatch(name) for name in names)
    assert not INDEX_VARIABLE.fullmatch("UV_INDEX_URL")


def test_variables_come_before_netrc_and_the_first_index_before_the_next() -> None:
    search = CredentialSearch(URL, ("a", "b"))
    variables = {"UV_INDEX_B_USERNAME": "bob", "UV_INDEX_B_PASSWORD": "b-secret"}
    found = search.credentials(variables, NETRC)
    assert found is not None
    assert (found.username, found.password) == ("bob", "b-secret")
    assert found.origin == "UV_INDEX_B_USERNAME and UV_INDEX_B_PASSWORD"
    variables["UV_INDEX_A_PASSWORD"] = "token"
    found = search.credentials(variables, NETRC)
    assert found is not None
    assert (found.username, found.password) == ("", "token")
    assert search.origin(variables, ()) == found.origin


def test_netrc_is_for_the_host_alone() -> None:
    found = CredentialSearch(URL, ("a",), "/home/nina/.netrc").credentials({}, NETRC)
    assert found is not None
    assert (found.username, found.password) == ("nina", "net-secret")
    assert found.origin == "pkgs.example.org in /home/nina/.netrc"
    other = CredentialSearch("https://cdn.example.org/a", ("a",))
    assert other.credentials({}, NETRC) is None
    assert other.origin({}, NETRC) is None


def test_nothing_secret_is_shown() -> None:
    found = CredentialSearch(URL).credentials({}, NETRC)
    assert repr(found) == "Credentials(origin='pkgs.example.org in netrc')"


@pytest.mark.parametrize(
    ("recorded", "expected"),
    [
        (None, ("files", "simple")),
        ("https://pkgs.example.org/simple", ("simple", "files")),
        ("https://pkgs.example.org:443/simple/", ("files", "simple")),
        ("https://elsewhere.example.org/simple", ("files", "simple")),
    ],
)
def test_indexes_on_the_server_of_a_url(recorded: str | None, expected: tuple[str, ...]) -> None:
    known = (
        PackageIndex("simple", "https://pkgs.example.org/simple/"),
        PackageIndex("insecure", "http://pkgs.example.org/simple"),
        PackageIndex("port", "https://pkgs.example.org:8443/simple"),
        PackageIndex("elsewhere", "https://elsewhere.example.org/simple"),
        PackageIndex("files", "https://PKGS.example.org:443/files/simple"),
    )
    assert indexes_for(URL, recorded, known) == expected


def test_servers() -> None:
    assert server("https://h/a") == server("https://u:p@H:443/b") == ("https", "h", 443)
    assert server("http://h") == ("http", "h", 80)
    assert server("https://h:99999/") != server("https://h/")


def test_credentials_in_urls() -> None:
    assert has_credentials("https://u@h/a")
    assert has_credentials("http://u:p@h/a")
    assert not has_credentials("https://h/a@b")
    assert not has_credentials("git+ssh://git@h/a")
    assert without_credentials("https://u:p@h:1/a@b?c=d#e") == "https://h:1/a@b?c=d#e"
    assert without_credentials("git+ssh://u:p@q@h/a@b") == "git+ssh://h/a@b"
    assert without_credentials("https://u:p@[h/a") == "https://[h/a"


def test_a_netrc_file_that_cannot_be_read_has_a_reason_and_nothing_of_its_content() -> None:
    missing = FileNotFoundError(2, "No such file or directory", "/n")
    assert unread_netrc("/n", missing) == "/n (No such file or directory)"
    wrong = NetrcParseError("bad follower token 'hunter2'", "/n", 3)
    assert unread_netrc("/n", wrong) == "/n (line 3 cannot be read)"
    undecodable = UnicodeDecodeError("ascii", b"hunter2\xff", 7, 8, "ordinal not in range(128)")
    assert unread_netrc("/n", undecodable) == "/n (cannot be read)"


def test_what_is_said_of_a_refusal() -> None:
    search = CredentialSearch(URL, ("corp",), "/home/nina/.netrc")
    origin = search.origin({"UV_INDEX_CORP_USERNAME": "x"}, ())
    assert refused(401, origin, search) == (
        " (with the credentials of UV_INDEX_CORP_USERNAME and UV_INDEX_CORP_PASSWORD)"
    )
    assert refused(404, None, search) == (
        " (without credentials: there are none in UV_INDEX_CORP_USERNAME and "
        "UV_INDEX_CORP_PASSWORD, pkgs.example.org in /home/nina/.netrc)"
    )
    assert refused(500, None, search) == ""
