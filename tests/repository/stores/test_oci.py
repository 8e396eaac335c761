"""What is particular to registries of containers."""

from __future__ import annotations

import contextlib
import json
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.stores import free_port, program, registry, server
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import blob_key, key_problem
from venvstacks_rules.repository.stores import attempts, claims
from venvstacks_rules.repository.stores.artifacts import Artifacts
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import ON_THE_WAY, Content, StoreError
from venvstacks_rules.repository.stores.tags import claim_prefix, key_tag, tag_key

KEY = "channels/demo/stable/linux_x86_64.json"
KEYS = st.from_regex(r"[A-Za-z0-9._@+/-]{1,200}", fullmatch=True)


@given(KEYS)
def test_tags_of_keys(key: str) -> None:
    tag = key_tag(key)
    assert len(tag) <= 128
    assert tag[0] not in ".-"
    assert set(tag) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-")
    assert tag_key(tag) in ((key,) if len(tag) < 66 else (key, None))


@given(KEYS, KEYS)
def test_tags_differ(one: str, other: str) -> None:
    assert (key_tag(one) == key_tag(other)) == (one == other)


def test_some_tags() -> None:
    assert key_tag(KEY) == "channels__demo__stable__linux_ux86_u64.json"
    assert key_tag("stacks/a/1.0+b@c/x.json") == "stacks__a__1.0_pb_ac__x.json"
    assert key_tag(".a/-b") == "_da__-b"
    assert key_problem(KEY) is None


@contextlib.contextmanager
def other_registry(folder: Path, more: str = "") -> Iterator[str]:
    """A registry without a password; `more` is about its storage."""
    port = free_port()
    (folder / "registry.yml").write_text(
        "version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}{more}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
    )
    command = [program("docker-registry"), "serve", str(folder / "registry.yml")]
    with server(command, port, folder / "registry.log"):
        yield f"oci://127.0.0.1:{port}/demo"


def test_garbage_collection_keeps_what_is_named(tmp_path: Path) -> None:
    held, lost = Content.of(b"held"), Content.of(b"lost")
    with other_registry(tmp_path, ", delete: {enabled: true}") as url:
        store = opened(url, {})
        for content in (held, lost):
            assert store.put_if_absent(blob_key(content.reference.sha256), content)
        assert store.put_if_absent(KEY, Content.of(b"x"), [blob_key(held.reference.sha256)])
    subprocess.run(
        [program("docker-registry"), "garbage-collect", str(tmp_path / "registry.yml")],
        check=True,
        capture_output=True,
    )
    command = [program("docker-registry"), "serve", str(tmp_path / "registry.yml")]
    with server(command, int(url.split(":")[2].split("/")[0]), tmp_path / "second.log"):
        store = opened(url, {})
        assert store.size(blob_key(held.reference.sha256)) == 4
        assert store.size(blob_key(lost.reference.sha256)) is None
        found = store.get(KEY, limit=10)
        assert found is not None
        assert found.data == b"x"


def test_a_registry_that_deletes_nothing(tmp_path: Path) -> None:
    with other_registry(tmp_path) as url:
        store = opened(url, {})
        assert store.replace(KEY, b"1", None)
        found = store.get(KEY, limit=10)
        assert found is not None
        assert store.replace(KEY, b"2", found.mark)
        assert not store.replace(KEY, b"3", found.mark)
        assert [entry.key for entry in store.list("")] == [KEY]
        with pytest.raises(StoreError) as e:
            store.delete([KEY])
        assert str(e.value) == (
            f"{url}: `{KEY}`: the registry does not let anybody delete. Permit it in the settings "
            "of the registry (`storage.delete.enabled`)."
        )


def test_a_claim_that_was_left_behind(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(claims, "CLAIM_LIFE", 2.0)
    with other_registry(tmp_path, ", delete: {enabled: true}") as url:
        place = url.partition("//")[2]
        tag = f"{claim_prefix(KEY)}0000"
        Artifacts(url, place, {}).put_artifact(tag, tag, ())
        began = time.monotonic()
        assert opened(url, {}).replace(KEY, b"1", None)
        assert time.monotonic() - began > 2
        assert list(Artifacts(url, place, {}).tags(KEY)) == [key_tag(KEY)]


def test_a_damaged_file(tmp_path: Path) -> None:
    with other_registry(tmp_path) as url:
        store = opened(url, {})
        content = Content.of(b"as it was")
        assert store.put_if_absent(KEY, content)
        sha256 = content.reference.sha256
        path = tmp_path / f"data/docker/registry/v2/blobs/sha256/{sha256[:2]}/{sha256}/data"
        path.write_bytes(b"different")
        with pytest.raises(RepositoryError) as e:
            store.get(KEY, limit=100)
    assert str(e.value) == (
        f"{url}: `{KEY}` arrived damaged.\n  * it has another hash than its tag\n  * {ON_THE_WAY}"
    )


def test_another_image_is_not_ours(tmp_path: Path) -> None:
    with other_registry(tmp_path) as url:
        artifacts = Artifacts(url, url.partition("//")[2], {})
        layers = artifacts.layers(KEY, Content.of(b"{}"), ())
        kind = "application/vnd.oci.image.manifest.v1+json"
        layer = {"mediaType": kind, "digest": f"sha256:{layers[0].sha256}", "size": 2}
        image = json.dumps({"schemaVersion": 2, "mediaType": kind, "config": layer, "layers": []})
        headers = {"Content-Type": kind, "Content-Length": str(len(image))}
        with artifacts.answer(
            KEY, f"manifests/{key_tag(KEY)}", "PUT", headers=headers, body=[image.encode()]
        ) as answer:
            assert answer.status == 201
        with pytest.raises(RepositoryError) as e:
            opened(url, {}).get(KEY, limit=100)
    assert str(e.value) == (
        f"{url}: `{KEY}` cannot be used.\n"
        f"  * the tag `{key_tag(KEY)}` is not an artifact of a repository of layers\n"
        "  * Use another name, if images lie there.\n"
        f"  * {ON_THE_WAY}"
    )


def test_a_password_that_is_wrong(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attempts, "WAITS", [])
    with registry(tmp_path) as served:
        store = opened(served.url, {"DOCKER_CONFIG": str(tmp_path / "none")})
        with pytest.raises(StoreError) as e:
            store.size(KEY)
    assert str(e.value) == (
        f"{served.url}: `{KEY}`: the server answers 401 Unauthorized UNAUTHORIZED. Look at the "
        "credentials for this server, and at what they permit."
    )
