"""Logins to registries: tokens, and the programs that keep passwords, with the real registry."""

from __future__ import annotations

import base64
import json
import os
import time
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.support.token_registry import IDENTITY, PASSWORD, USER, TokenServer, token_registry
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.repository.stores import attempts
from venvstacks_rules.repository.stores.docker_logins import DockerLogin, docker_login
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Content, Store, StoreError

KEY = "channels/demo/stable/linux_x86_64.json"
BASIC = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module")
def registry(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, TokenServer]]:
    with token_registry(tmp_path_factory.mktemp("tokens")) as found:
        yield found


@pytest.fixture
def tokens(registry: tuple[str, TokenServer], monkeypatch: pytest.MonkeyPatch) -> TokenServer:
    _, tokens = registry
    for name, value in (("life", 300), ("announced", 300), ("scopes", []), ("forms", [])):
        monkeypatch.setattr(tokens, name, value)
    monkeypatch.setattr(attempts, "WAITS", [])
    return tokens


@pytest.fixture
def url(registry: tuple[str, TokenServer], tmp_path: Path) -> str:
    return f"oci://{registry[0]}/{tmp_path.name.lower().replace('_', '-')}"


def config(folder: Path, **tables: Any) -> dict[str, str]:
    (folder / "config.json").write_text(json.dumps(tables))
    return {"DOCKER_CONFIG": str(folder), "PATH": f"{folder}:{os.environ['PATH']}"}


def logged_in(registry: tuple[str, TokenServer], folder: Path) -> dict[str, str]:
    return config(folder, auths={registry[0]: {"auth": BASIC}})


def use(store: Store, texts: Mapping[str, str] = {"a": "1", "b": "2"}) -> None:
    """Write, replace, list, read and delete."""
    contents = [Content.of(f"{name}{text}".encode()) for name, text in texts.items()]
    keys = [blob_key(content.reference.sha256) for content in contents]
    with ThreadPoolExecutor(4) as pool:
        assert all(pool.map(store.put_if_absent, keys, contents))
    assert store.replace(KEY, b"one", None, keys)
    found = store.get(KEY, limit=100)
    assert found is not None
    assert store.replace(KEY, b"two", found.mark, keys)
    assert b"".join(store.read(KEY, 0, 3)) == b"two"
    assert {KEY, *keys} == {entry.key for entry in store.list("")}
    store.delete([KEY])
    assert store.get(KEY, limit=100) is None


def test_a_token_for_each_thing_that_is_done(
    registry: tuple[str, TokenServer], tokens: TokenServer, url: str, tmp_path: Path
) -> None:
    use(opened(url, logged_in(registry, tmp_path)))
    name = url.rpartition("/")[2]
    # One is not given up for another.
    assert tokens.scopes == [
        [f"repository:{name}:pull"],
        [f"repository:{name}:pull,push"],
        [f"repository:{name}:delete,pull,push"],
    ]


def test_a_token_is_renewed_before_its_end(
    registry: tuple[str, TokenServer],
    tokens: TokenServer,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(tokens, "announced", 1)
    store = opened(url, logged_in(registry, tmp_path))
    content = Content.of(b"x" * 100)
    key = blob_key(content.reference.sha256)
    assert store.put_if_absent(key, content)
    before = len(tokens.scopes)
    reading = store.read(key, 0, 100)
    time.sleep(0.8)
    assert b"".join(reading) == b"x" * 100
    assert tokens.scopes[before:] == [[f"repository:{url.rpartition('/')[2]}:pull,push"]]


def test_a_token_that_ends_too_early(
    registry: tuple[str, TokenServer],
    tokens: TokenServer,
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The registry refuses it before it says so: what is sent with it is sent again."""
    store = opened(url, logged_in(registry, tmp_path))
    monkeypatch.setattr(tokens, "life", 1)
    assert store.replace(KEY, b"one", None)
    time.sleep(1.1)
    content = Content.of(b"x" * 100)
    assert store.put_if_absent(blob_key(content.reference.sha256), content)
    found = store.get(KEY, limit=10)
    assert found is not None
    assert store.replace(KEY, b"two", found.mark)


def test_a_password_that_the_server_of_tokens_refuses(
    registry: tuple[str, TokenServer], tokens: TokenServer, url: str, tmp_path: Path
) -> None:
    wrong = base64.b64encode(b"pusher:wrong-9d1e").decode()
    for auths in ({registry[0]: {"auth": wrong}}, {}):
        with pytest.raises(StoreError) as e:
            opened(url, config(tmp_path, auths=auths)).size(KEY)
        assert str(e.value) == (
            f"{url}: `{KEY}`: the server answers 401 Unauthorized. Look at the credentials for"
            " this server, and at what they permit."
        )


def test_an_identity_token(
    registry: tuple[str, TokenServer], tokens: TokenServer, url: str, tmp_path: Path
) -> None:
    entry = {"auth": base64.b64encode(b"0000:").decode(), "identitytoken": IDENTITY}
    use(opened(url, config(tmp_path, auths={f"https://{registry[0]}/v2/": entry})))
    assert tokens.forms[0] == {
        "service": "registry-of-the-tests",
        "scope": f"repository:{url.rpartition('/')[2]}:pull",
        "grant_type": "refresh_token",
        "client_id": "venvstacks-rules",
        "refresh_token": IDENTITY,
    }


HELPER = """#!/bin/sh
read server
echo "$1 $server" >> "$0.log"
{answer}
"""


def helper(folder: Path, answer: str) -> Path:
    path = folder / "docker-credential-tests"
    path.write_text(HELPER.format(answer=answer))
    path.chmod(0o755)
    return path


def says(user: str, secret: str) -> str:
    return f"echo '{json.dumps({'ServerURL': 'x', 'Username': user, 'Secret': secret})}'"


@pytest.mark.parametrize(
    ("user", "secret", "table"),
    [(USER, PASSWORD, "credsStore"), ("<token>", IDENTITY, "credHelpers")],
)
@pytest.mark.usefixtures("tokens")
def test_a_helper(
    registry: tuple[str, TokenServer], tmp_path: Path, user: str, secret: str, table: str
) -> None:
    path = helper(tmp_path, says(user, secret))
    url = f"oci://{registry[0]}/helper-{table.lower()}"
    named = "tests" if table == "credsStore" else {registry[0]: "tests"}
    environment = config(tmp_path, auths={registry[0]: {}}, **{table: named})
    store = opened(url, environment)
    content = Content.of(b"x")
    assert store.put_if_absent(blob_key(content.reference.sha256), content)
    # It is asked once for a store.
    assert path.with_name(f"{path.name}.log").read_text() == f"get {registry[0]}\n"


def test_the_registry_of_docker_itself(tmp_path: Path) -> None:
    # As `docker login` without a name of a registry writes it.
    environment = config(tmp_path, auths={"https://index.docker.io/v1/": {"auth": "abc"}})
    assert docker_login("registry-1.docker.io", environment) == DockerLogin("abc")
    assert docker_login("docker.io", environment) == DockerLogin()


def test_a_helper_that_knows_nothing_of_a_registry(tmp_path: Path) -> None:
    helper(tmp_path, "echo 'credentials not found in native keychain'; exit 1")
    environment = config(tmp_path, auths={"host": {"auth": "abc"}}, credsStore="tests")
    assert docker_login("host", environment) == DockerLogin("abc")
    assert docker_login("elsewhere", environment) == DockerLogin()


def test_helpers_that_do_not_work(tmp_path: Path) -> None:
    environment = config(tmp_path, credsStore="tests")
    with pytest.raises(StoreError) as e:
        docker_login("host", environment)
    assert str(e.value) == (
        "`docker-credential-tests`, which docker's `config.json` names, is not on PATH. Install"
        " it, or log in again, by `docker login`."
    )
    for answer in ("echo 'error: s3cret'; exit 2", 'echo \'{"Username": "s3cret"}\'', "echo []"):
        path = helper(tmp_path, answer)
        with pytest.raises(StoreError) as e:
            docker_login("host", environment)
        assert str(e.value) == (
            f"`{path}` gives no login for host. Try `echo host | docker-credential-tests get`."
        )


@pytest.mark.parametrize("text", ["{", "[]", '{"auths": 3}'])
def test_a_configuration_that_cannot_be_read(tmp_path: Path, text: str) -> None:
    (tmp_path / "config.json").write_text(text)
    with pytest.raises(StoreError) as e:
        docker_login("host", {"DOCKER_CONFIG": str(tmp_path)})
    assert str(e.value) == (
        f"`{tmp_path}/config.json` cannot be read. Log in again, by `docker login`."
    )
