"""The test vector of the format: a repository, byte for byte, that other programs can read, too.

`tests/vectors/repository/store` was made with `tarfile` and `gzip` of the standard library.
"""

from __future__ import annotations

import hashlib
import io
import json
import tarfile
from pathlib import Path

import pytest

from venvstacks_rules.model.repository.formats import repository_json
from venvstacks_rules.model.repository.indexes import LayerIndex, listing_bytes, read_listing
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.records import ChannelRecord

VECTOR = Path(__file__).resolve().parents[2] / "vectors" / "repository"
STORE = VECTOR / "store"
KEYS = [path.relative_to(STORE).as_posix() for path in sorted(STORE.rglob("*")) if path.is_file()]


def read(key: str) -> bytes:
    return (STORE / key).read_bytes()


def test_nothing_changed() -> None:
    lines = [f"{hashlib.sha256(read(key)).hexdigest()}  {key}" for key in KEYS]
    assert (
        sorted(lines, key=lambda line: line[66:])
        == (VECTOR / "SHA256SUMS").read_text().splitlines()
    )


def test_the_version_of_the_format() -> None:
    assert read("repository.json").decode() == repository_json()


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith("layers/")])
def test_an_index_is_written_as_it_was_read(key: str) -> None:
    index = LayerIndex.from_json(read(key))
    assert index.to_json().encode() == read(key)
    sha256 = hashlib.sha256(read(key)).hexdigest()
    assert str(LayerKey(index.layer_name, index.platform, sha256)) == key
    for segment in index.segments:
        listing = read(blob_key(segment.files.sha256))
        assert listing_bytes(read_listing(listing)) == listing


@pytest.mark.parametrize("key", [key for key in KEYS if key.startswith("stacks/")])
def test_a_manifest_is_written_as_it_was_read(key: str) -> None:
    stack = PublishedStack.from_json(read(key))
    assert (str(stack.key), stack.to_json().encode()) == (key, read(key))
    assert {str(layer) for layer in stack.layer_keys} <= set(KEYS)


@pytest.mark.parametrize("channel", ["careful", "stable"])
def test_a_record_is_written_as_it_was_read(channel: str) -> None:
    key = ChannelKey("app-hello", channel, "linux_x86_64")
    record = ChannelRecord.from_json(read(str(key)), key)
    assert record.to_json().encode() == read(str(key))
    assert (record.current.version, record.rolled_back_from) == (
        ("1.0", "1.1") if channel == "careful" else ("1.1", None)
    )


def test_a_reader_that_knows_nothing_of_us() -> None:
    signed = json.loads(read("channels/app-hello/stable/linux_x86_64.json"))["signed"]
    ((manifest, target),) = signed["targets"].items()
    assert hashlib.sha256(read(manifest)).hexdigest() == target["hashes"]["sha256"]
    assert len(read(manifest)) == target["length"]
    found = {}
    for layer in json.loads(read(manifest))["layers"]:
        sha256 = layer["index"]["sha256"]
        index = read(f"layers/{layer['layer_name']}/linux_x86_64/{sha256}.json")
        assert hashlib.sha256(index).hexdigest() == sha256
        archive = b""
        for segment in json.loads(index)["segments"]:
            blob = read(f"blobs/sha256/{segment['sha256'][:2]}/{segment['sha256']}")
            assert hashlib.sha256(blob).hexdigest() == segment["sha256"]
            archive += blob
        with tarfile.open(fileobj=io.BytesIO(archive), mode="r:gz") as tar:
            found.update({member.name: member.linkname or member.size for member in tar})
    assert found == {
        "cpython-3.11/bin/python3.11": 17,
        "cpython-3.11/bin/python3": "python3.11",
        "cpython-3.11/postinstall.py": 15,
        "app-hello/lib/python3.11/site-packages/demo.py": 19,
        "app-hello/postinstall.py": 15,
    }
