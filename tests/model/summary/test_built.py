from __future__ import annotations

import json
from typing import Any

import pytest

from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.summary.built import (
    BuiltLayer,
    ExpectedBuild,
    archive_name,
    built_layer,
    excluded_size,
)

A = "a" * 64
EXPECTED = ExpectedBuild("framework-x@2", "linux_x86_64", "sha256:1")
METADATA: dict[str, Any] = {
    "archive_name": "framework-x@2.tar.zst",
    "install_target": "framework-x@2",
    "target_platform": "linux_x86_64",
    "requirements_hash": "sha256:1",
    "unknown": [1],
}


def a_file(path: str, size: int) -> dict[str, Any]:
    return {"path": path, "size": size, "sha256": A}


def a_segment(source: str, offset: int, *files: dict[str, Any]) -> dict[str, Any]:
    where = {"offset": offset, "size": 10, "sha256": A, "tar_size": 512}
    return {"source": source, **where, "files": list(files)}


INDEX: dict[str, Any] = {
    "format_version": 1,
    "install_target": "framework-x@2",
    "archive_name": "framework-x@2.tar.zst",
    "archive_size": 30,
    "archive_sha256": A,
    "archive_format": "tar.zst",
    "compression_level": 9,
    "segments": [
        a_segment("a-1-py3-none-any.whl", 0, a_file("lib/a.py", 100), a_file("lib/both.py", 7)),
        a_segment("b-1-py3-none-any.whl", 10, a_file("lib/both.py", 9)),
        a_segment("layer", 20, {"path": "bin/python", "link_target": "../../c/bin/python"}),
    ],
}


def content(data: object) -> bytes:
    return json.dumps(data).encode()


def test_sizes() -> None:
    assert archive_name(content(METADATA), EXPECTED) == "framework-x@2.tar.zst"
    assert built_layer(content(INDEX), EXPECTED, "framework-x@2.tar.zst") == BuiltLayer(
        archive_name="framework-x@2.tar.zst",
        archive_size=30,
        # What two wheels hold is on disk once, as the later one has it.
        unpacked_size=109,
        unpacked_sources=(
            ("a-1-py3-none-any.whl", 107),
            ("b-1-py3-none-any.whl", 9),
            ("layer", 0),
        ),
        archive_sha256=INDEX["archive_sha256"],
    )


def test_the_size_of_what_is_left_out() -> None:
    assert excluded_size(content(METADATA)) == 0
    excluded = {"a": {"globs": ["*"], "files": 2, "size": 30}, "b": {"size": 4}}
    assert excluded_size(content({**METADATA, "excluded_files": excluded})) == 34
    with pytest.raises(ArchiveError) as caught:
        excluded_size(content({"excluded_files": {"a": {"size": "3"}}}))
    assert caught.value.problems == (
        "`excluded_files.a.size`: expected a size in bytes, got a string",
    )


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"install_target": "framework-x"},
            "`install_target`: `framework-x` is not `framework-x@2`",
        ),
        ({"requirements_hash": "sha256:2"}, "`requirements_hash`: `sha256:2` is not `sha256:1`"),
        ({"target_platform": 1}, "`target_platform`: expected a string, got an integer"),
        ({"archive_name": "../../x"}, "`archive_name`: '../../x' is not the name of an archive"),
        ({"archive_name": "a\\b"}, "`archive_name`: 'a\\\\b' is not the name of an archive"),
        ({"archive_name": ".."}, "`archive_name`: '..' is not the name of an archive"),
    ],
)
def test_metadata_of_something_else(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        archive_name(content({**METADATA, **change}), EXPECTED)
    assert caught.value.problems == (problem,)


@pytest.mark.parametrize("text", [b"", b"{", b"\xff\xfe", b"[" * 100_000])
def test_not_json(text: bytes) -> None:
    for read in (
        lambda: archive_name(text, EXPECTED),
        lambda: built_layer(text, EXPECTED, "framework-x@2.tar.zst"),
    ):
        with pytest.raises(ArchiveError) as caught:
            read()
        assert caught.value.problems == ("it is not JSON",)


@pytest.mark.parametrize("data", [[], 1, None, {}])
def test_json_of_another_shape(data: object) -> None:
    with pytest.raises(ArchiveError):
        archive_name(content(data), EXPECTED)
    with pytest.raises(ArchiveError):
        built_layer(content(data), EXPECTED, "framework-x@2.tar.zst")


@pytest.mark.parametrize(
    ("change", "problem"),
    [
        (
            {"archive_name": "other.tar.zst"},
            "it belongs to `other.tar.zst` with the layer `framework-x@2`",
        ),
        (
            {"install_target": "framework-y"},
            "it belongs to `framework-x@2.tar.zst` with the layer `framework-y`",
        ),
        ({"archive_size": 31}, "`archive_size`: 31, but the segments end at 30"),
    ],
)
def test_index_of_something_else(change: dict[str, Any], problem: str) -> None:
    with pytest.raises(ArchiveError) as caught:
        built_layer(content({**INDEX, **change}), EXPECTED, "framework-x@2.tar.zst")
    assert caught.value.problems == (problem,)
