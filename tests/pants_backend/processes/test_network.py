"""What is taken from the person who builds."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest
from pants.base.build_environment import get_buildroot
from pants.base.exceptions import IntrinsicError
from pants.engine.fs import Digest, DownloadFile, FileDigest
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.network.credentials import PackageIndex
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.locks.uv_config import named_indexes
from venvstacks_rules.pants_backend.processes import network
from venvstacks_rules.pants_backend.processes.network import (
    NetworkAccess,
    credential_variables,
    engine_download,
    mirror_indexes,
    netrc_hosts,
    network_variables,
)


def test_credentials_of_indexes_come_along_without_being_named() -> None:
    environment = {
        "UV_INDEX_CORP_USERNAME": "u",
        "UV_INDEX_CORP_PASSWORD": "p",
        "UV_INDEX_URL": "x",
        "HTTPS_PROXY": "y",
        "HOME": "/home/nina",
    }
    assert network_variables(environment, {"https_proxy": "z"}, None) == {
        "UV_INDEX_CORP_USERNAME": "u",
        "UV_INDEX_CORP_PASSWORD": "p",
        "https_proxy": "z",
        "NETRC": "/home/nina/.netrc",
    }


def test_credentials_in_the_urls_of_python_repos_count_as_those_of_an_index() -> None:
    urls = [
        "https://plain.example/simple/",
        "https://nina:p%2Fw%3A@x.example/a",
        "https://t@x.example",
    ]
    indexes = mirror_indexes(urls)
    assert [name for name, _ in indexes] == ["python-repos-0", "python-repos-1", "python-repos-2"]
    assert credential_variables(indexes) == {
        "UV_INDEX_PYTHON_REPOS_1_USERNAME": "nina",
        "UV_INDEX_PYTHON_REPOS_1_PASSWORD": "p/w:",
        "UV_INDEX_PYTHON_REPOS_2_USERNAME": "t",
    }


def test_the_options_win_over_the_environment() -> None:
    found = network_variables(
        {"UV_INDEX_A_USERNAME": "old", "NETRC": "/old"},
        {"UV_INDEX_A_USERNAME": "new", "NETRC": "/new"},
        None,
    )
    assert found == {"UV_INDEX_A_USERNAME": "new", "NETRC": "/new"}


@pytest.mark.parametrize(
    ("extra", "expected"),
    [
        ({}, {"SSL_CERT_FILE": "{root}/ca.pem"}),
        ({"SSL_CERT_FILE": "/own.pem"}, {"SSL_CERT_FILE": "/own.pem"}),
        ({"SSL_CERT_DIR": "certs"}, {"SSL_CERT_DIR": "{root}/certs"}),
    ],
)
def test_the_authorities_of_pants_are_used_unless_others_are_named(
    extra: dict[str, str], expected: dict[str, str]
) -> None:
    # Each engine of these tests has a build root of its own.
    root = get_buildroot()
    assert network_variables({}, extra, "ca.pem") == {
        name: path.format(root=root) for name, path in expected.items()
    }


def test_netrc_files(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    assert netrc_hosts(str(path)) == (f"{path} (No such file or directory)", frozenset())
    path.write_text("machine a.example login u password p\ndefault login d password e\n")
    assert netrc_hosts(str(path)) == (str(path), frozenset({"a.example"}))


def test_what_is_wrong_with_a_netrc_file_is_said_without_its_content(tmp_path: Path) -> None:
    path = tmp_path / "netrc"
    path.write_text("machine a.example login u password p\nhunter2 more\n")
    assert netrc_hosts(str(path)) == (f"{path} (line 2 cannot be read)", frozenset())
    path.write_bytes(b"machine \xff login \xfe\n")
    name, hosts = netrc_hosts(str(path))
    assert hosts in (frozenset(), frozenset({"\xff"}))
    assert "\xfe" not in name


def test_nothing_secret_is_shown_of_the_settings() -> None:
    access = NetworkAccess(FrozenDict({"UV_INDEX_A_PASSWORD": "hunter2"}), "netrc", frozenset())
    assert repr(access) == "NetworkAccess(netrc='netrc', netrc_hosts=frozenset())"
    assert access.knows(access.search("https://a.example/x", ("a",)))
    assert not access.knows(access.search("https://a.example/x", ("b",)))


def test_named_indexes_are_the_sound_ones() -> None:
    settings: dict[str, list[object]]
    settings = {"index": [{"name": "a", "url": "https://u:p@h/s"}, {"url": "https://h"}, 1]}
    settings["index"].append({"name": "b", "url": "https://[h"})
    assert named_indexes(settings) == (PackageIndex("a", "https://h/s"),)
    assert named_indexes({"index": "x"}) == named_indexes({}) == ()


@pytest.mark.parametrize(
    ("variables", "more"),
    [
        ({}, False),
        ({"HTTPS_PROXY": "http://proxy"}, True),
        ({"https_proxy": "http://proxy"}, True),
        ({"ALL_PROXY": "socks5://proxy"}, True),
        ({"HTTP_PROXY": "http://proxy"}, False),
        ({"HTTPS_PROXY": ""}, False),
        ({"SSL_CERT_FILE": "/ca.pem"}, False),
        ({"SSL_CERT_FILE": "/other.pem"}, True),
        ({"SSL_CERT_FILE": "/ca.pem", "SSL_CERT_DIR": "/ca"}, True),
    ],
)
def test_when_an_action_may_reach_what_the_engine_does_not(
    variables: dict[str, str], *, more: bool
) -> None:
    access = NetworkAccess(FrozenDict(variables), "netrc", frozenset(), "/ca.pem")
    silent = IntrinsicError("Error downloading file: error sending request for url")
    assert access.may_reach_more("https://a.example:8443/x.whl", silent) is more
    for answered in ("Client error (404) downloading file x", "Wrong digest for downloaded file"):
        assert not access.may_reach_more("https://a.example/x.whl", IntrinsicError(answered))


def test_the_engine_asks_a_server_that_does_not_answer_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked = []

    async def silent(request: DownloadFile) -> Digest:
        asked.append(request.url)
        raise IntrinsicError("Error downloading file: error sending request for url")

    def fetch(url: str, access: NetworkAccess) -> Digest | None:
        return asyncio.run(engine_download(url, FileDigest("0" * 64, 1), access))

    monkeypatch.setattr(engine, "download_file", silent)
    monkeypatch.setattr(network, "_unanswering", set())
    variables = FrozenDict({"SSL_CERT_FILE": "/other.pem"})
    more = NetworkAccess(variables, "netrc", frozenset(), "/ca.pem")
    for url in ("https://a.example/x", "https://a.example/y", "https://b.example/x"):
        assert fetch(url, more) is None
    assert asked == ["https://a.example/x", "https://b.example/x"]
    # Where an action knows no more than the engine, that is asked, and says what is wrong.
    no_more = NetworkAccess(FrozenDict(), "netrc", frozenset(), "/ca.pem")
    with pytest.raises(IntrinsicError, match="Error downloading file"):
        fetch("https://a.example/y", no_more)
    assert asked[2:] == ["https://a.example/y"]
