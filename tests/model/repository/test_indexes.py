from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given

from tests.support.hostile_json import changed
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    PublishedSegment,
    listing_bytes,
    read_listing,
    without_overwritten,
)
from venvstacks_rules.model.repository.keys import name_problem
from venvstacks_rules.model.repository.references import Reference

A, B, C, D = (character * 64 for character in "abcd")
INDEX = LayerIndex(
    kind="framework",
    metadata={
        "layer_name": "framework-web",
        "install_target": "framework-web@3",
        "target_platform": "linux_x86_64",
        "runtime_layer": "cpython@2",
        "required_layers": ["framework-base"],
        "lock_version": 3,
    },
    archive_name="framework-web@3.tar.zst",
    archive_format="tar.zst",
    compression_level=9,
    segments=(
        PublishedSegment("rich.whl", Reference(A, 100), Reference(B, 20), 300, 1024),
        PublishedSegment("layer", Reference(C, 5), Reference(B, 20), 1, 512),
    ),
    documents={"sbom": Reference(D, 7)},
)
DATA: dict[str, Any] = {
    "format_version": 1,
    "kind": "framework",
    "layer": dict(INDEX.metadata),
    "archive": {
        "name": "framework-web@3.tar.zst",
        "format": "tar.zst",
        "compression_level": 9,
        "size": 105,
    },
    "segments": [
        {
            "source": "rich.whl",
            "sha256": A,
            "size": 100,
            "files": {"sha256": B, "size": 20},
            "unpacked_size": 300,
            "tar_size": 1024,
        },
        {
            "source": "layer",
            "sha256": C,
            "size": 5,
            "files": {"sha256": B, "size": 20},
            "unpacked_size": 1,
            "tar_size": 512,
        },
    ],
    "documents": {"sbom": {"sha256": D, "size": 7}},
}


def read(**changes: Any) -> LayerIndex:
    return LayerIndex.from_json(json.dumps({**DATA, **changes}).encode(), "x.json")


def problems(**changes: Any) -> list[str]:
    with pytest.raises(RepositoryError) as caught:
        read(**changes)
    assert caught.value.summary == "`x.json` cannot be used."
    return list(caught.value.problems)


def test_a_large_file_has_a_segment_of_its_own() -> None:
    large = replace(INDEX.segments[0], large_file="lib/a.so")
    index = replace(INDEX, segments=(large, INDEX.segments[1]))
    data = json.loads(index.to_json())
    assert data["segments"][0] == {**DATA["segments"][0], "large_file": "lib/a.so"}
    assert LayerIndex.from_json(index.to_json().encode()) == index
    assert [segment.described for segment in index.segments] == ["rich.whl: a.so", "layer"]
    assert problems(segments=[{**DATA["segments"][0], "large_file": "../a"}, DATA["segments"][1]])[
        0
    ].startswith("`segments[0].large_file`: ")


def test_what_an_index_is() -> None:
    assert INDEX.to_json() == json.dumps(DATA, indent=2, sort_keys=True) + "\n"
    assert LayerIndex.from_json(INDEX.to_json().encode()) == INDEX
    assert read(later={"more": 1}) == INDEX


def test_what_an_index_says() -> None:
    assert (INDEX.layer_name, INDEX.install_target) == ("framework-web", "framework-web@3")
    assert INDEX.platform == "linux_x86_64"
    assert INDEX.required_layers == ("framework-base", "cpython@2")
    assert (INDEX.archive_size, INDEX.unpacked_size) == (105, 301)
    # The list that two segments share is one blob.
    assert INDEX.blobs == (
        Reference(A, 100),
        Reference(C, 5),
        Reference(B, 20),
        Reference(D, 7),
    )
    runtime = {**INDEX.metadata, "runtime_layer": "framework-web@3"}
    assert replace(INDEX, metadata=runtime).required_layers == ()


def test_a_zip_archive_has_no_sizes_of_tar_streams() -> None:
    index = replace(
        INDEX,
        archive_format="zip",
        segments=tuple(replace(segment, tar_size=None) for segment in INDEX.segments),
    )
    assert "tar_size" not in index.to_json()
    assert LayerIndex.from_json(index.to_json().encode()) == index


def test_names_all_that_is_wrong() -> None:
    layer = {
        **DATA["layer"],
        "layer_name": "a b",
        "install_target": "../up",
        "runtime_layer": "a/b",
        "required_layers": ["ok", "..", 3],
    }
    found = problems(
        kind="other",
        layer=layer,
        archive={**DATA["archive"], "name": "x/y", "format": "rar", "size": -1},
        segments=[{**DATA["segments"][0], "sha256": "A", "tar_size": 5, "source": "a/../b"}],
        documents={"sbom": {"sha256": D}},
    )
    assert found == [
        "`archive.format`: `rar` is not an archive format",
        "`kind`: `other` is not a kind of layer",
        "`layer.install_target`: the path contains `..`: '../up'",
        "`layer.runtime_layer`: the name contains a slash: 'a/b'",
        f"`layer.layer_name`: 'a b': {name_problem('a b')}",
        "`layer.required_layers[2]`: expected a string, got an integer",
        "`layer.required_layers[1]`: is not the name of a layer's folder",
        "`layer.required_layers[2]`: is not the name of a layer's folder",
        "`archive.name`: the name contains a slash: 'x/y'",
        "`segments[0].source`: the path contains `..`: 'a/../b'",
        "`segments[0].sha256`: `A` is not a SHA-256 in lower-case hexadecimal",
        "`segments[0].tar_size`: 5 is not a multiple of 512",
        "`documents.sbom.size`: missing",
    ]


def test_the_size_of_the_archive_is_that_of_its_segments() -> None:
    assert problems(archive={**DATA["archive"], "size": 104}) == [
        "`archive.size`: the segments have 105 bytes"
    ]


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (b"", "it is not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[" * 100_000, "it is not JSON: it is nested too deeply"),
        (b"[" * 60 + b"]" * 60, "it is not JSON: it is nested too deeply"),
    ],
)
def test_files_that_cannot_be_read(content: bytes, message: str) -> None:
    with pytest.raises(RepositoryError) as caught:
        LayerIndex.from_json(content, "x.json")
    assert str(caught.value) == f"`x.json` cannot be read.\n  * {message}"


def test_another_version_of_the_format() -> None:
    assert problems(format_version=2, segments="other") == [
        "`format_version`: 2 is not 1; a newer client may read it"
    ]


@given(changed(INDEX.to_json()))
def test_hostile_indexes(content: bytes) -> None:
    try:
        index = LayerIndex.from_json(content)
    except RepositoryError:
        return
    again = LayerIndex.from_json(index.to_json().encode())
    assert again.to_json() == index.to_json()
    assert name_problem(index.layer_name) is None
    assert name_problem(index.platform) is None
    assert all("/" not in name and name != ".." for name in index.required_layers)
    assert index.archive_size == sum(segment.blob.size for segment in index.segments)
    assert all(len(blob.sha256) == 64 and blob.size >= 0 for blob in index.blobs)


FILES = (
    ArchivedFile("bin/python", 0, "", link_target="../../cpython/bin/python3"),
    ArchivedFile("lib/x.py", 3, A, executable=True),
)


def test_lists_of_files() -> None:
    content = listing_bytes(FILES)
    assert content == (
        b'[{"link_target":"../../cpython/bin/python3","path":"bin/python"},'
        b'{"executable":true,"path":"lib/x.py","sha256":"' + A.encode() + b'","size":3}]\n'
    )
    assert read_listing(content) == FILES
    with pytest.raises(RepositoryError) as caught:
        read_listing(b'[{"path": "../x", "size": 1}, {"path": "y"}]', "blob")
    assert str(caught.value) == (
        "`blob` is not a usable list of files.\n"
        "  * `files[0].path`: the path contains `..`: '../x'\n"
        "  * `files[0].sha256`: missing\n"
        "  * `files[1].size`: missing\n"
        "  * `files[1].sha256`: missing"
    )
    with pytest.raises(RepositoryError) as caught:
        read_listing(b"{}", "blob")
    assert str(caught.value).endswith("\n  * `files`: expected a list, got a table")


@given(changed(listing_bytes(FILES).decode()))
def test_hostile_lists_of_files(content: bytes) -> None:
    try:
        files = read_listing(content)
    except RepositoryError:
        return
    assert read_listing(listing_bytes(files)) == files
    assert all(".." not in file.path.split("/") for file in files)


def test_the_later_segment_counts() -> None:
    old, new = ArchivedFile("x", 1, A), ArchivedFile("x", 2, B)
    other = ArchivedFile("y", 1, A)
    assert without_overwritten([(old, other), (new,)]) == ((other,), (new,))
