from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from venvstacks_rules.model.paths import path_problem
from venvstacks_rules.model.repository.keys import (
    ChannelKey,
    LayerKey,
    StackKey,
    blob_hash,
    blob_key,
    key_problem,
    name_problem,
    root_key,
)

HASH = "0123456789abcdef" * 4
ALLOWED = (
    "it may have up to 100 ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and starts and ends"
    " with a letter or a digit"
)


def test_where_things_lie() -> None:
    assert blob_key(HASH) == f"blobs/sha256/01/{HASH}"
    assert str(LayerKey("app-x", "linux_x86_64", HASH)) == f"layers/app-x/linux_x86_64/{HASH}.json"
    assert str(StackKey("release", "1.0", "win_amd64")) == "stacks/release/1.0/win_amd64.json"
    assert str(ChannelKey("release", "stable", "win_amd64")) == (
        "channels/release/stable/win_amd64.json"
    )
    assert root_key(3) == "trust/3.root.json"


@pytest.mark.parametrize("name", ["a", "1.0", "cpython@3.11", "app-x_y+z", "x" * 100])
def test_names(name: str) -> None:
    assert name_problem(name) is None


@pytest.mark.parametrize(
    ("name", "problem"),
    [
        ("", ALLOWED),
        ("a/b", ALLOWED),
        (".hidden", ALLOWED),
        ("dot.", ALLOWED),
        ("..", ALLOWED),
        ("a b", ALLOWED),
        ("\u00e4", ALLOWED),
        ("line\n", ALLOWED),
        ("x" * 101, ALLOWED),
        ("con", "on Windows `con` is the name of a device"),
        ("nul.1", "on Windows `nul.1` is the name of a device"),
    ],
)
def test_other_names(name: str, problem: str) -> None:
    assert name_problem(name) == problem


@pytest.mark.parametrize(
    ("key", "problem"),
    [
        ("a/b.json", None),
        ("a//b", "the path contains an empty component or `.`"),
        ("a/../b", "the path contains `..`"),
        ("/a", "the path is absolute"),
        ("a b", "a key has up to 400 ASCII letters, digits and `._@+/-`"),
        ("x" * 401, "a key has up to 400 ASCII letters, digits and `._@+/-`"),
        ("a/aux", "on Windows `aux` is the name of a device"),
    ],
)
def test_keys(key: str, problem: str | None) -> None:
    assert key_problem(key) == problem


@pytest.mark.parametrize(
    "key",
    [
        "",
        "layers/x/p/h.json",
        f"layers/x/{HASH}.json",
        f"layers/x/y/z/{HASH}.json",
        f"layers/../y/{HASH}.json",
        f"layers/x/y/{HASH.upper()}.json",
        f"layers/x/y/{HASH}",
        f"layers/x/y/{HASH}.json.part",
        f"Layers/x/y/{HASH}.json",
        f"blobs/sha256/{HASH[:2]}/{HASH}",
    ],
)
def test_no_layer_version_lies_there(key: str) -> None:
    assert LayerKey.parsed(key) is None


@pytest.mark.parametrize(
    "key", ["", HASH, f"blobs/sha256/ff/{HASH}", f"blobs/sha256/01/{HASH}.json", "blobs/sha256/01/"]
)
def test_no_blob_lies_there(key: str) -> None:
    assert blob_hash(key) is None


NAMES = st.from_regex(r"[A-Za-z0-9][A-Za-z0-9._@+-]{0,9}", fullmatch=True).filter(
    lambda name: name_problem(name) is None
)


@given(NAMES, NAMES, NAMES)
def test_keys_of_names_are_read_again(one: str, two: str, three: str) -> None:
    stack, channel = StackKey(one, two, three), ChannelKey(one, two, three)
    assert StackKey.parsed(str(stack)) == stack
    assert ChannelKey.parsed(str(channel)) == channel
    assert ChannelKey.parsed(str(stack)) is None
    layer = LayerKey(one, two, HASH)
    assert LayerKey.parsed(str(layer)) == layer
    assert key_problem(str(layer)) is key_problem(str(stack)) is key_problem(str(channel)) is None
    assert blob_hash(blob_key(HASH)) == HASH


@given(st.text(max_size=80))
def test_what_is_read_from_a_key_is_written_as_that_key(text: str) -> None:
    for kind, folder in ((StackKey, "stacks"), (ChannelKey, "channels"), (LayerKey, "layers")):
        for key in (text, f"{folder}/{text}", f"{folder}/{text}.json", f"{folder}/a/{text}.json"):
            found = kind.parsed(key)
            if found is not None:
                assert str(found) == key
                assert path_problem(key) is None
