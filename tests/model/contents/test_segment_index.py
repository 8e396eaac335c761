from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.segment_index import (
    IndexedSegment,
    IndexHeader,
    SegmentIndex,
    listing_json,
)
from venvstacks_rules.model.contents.segments import Segment
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import compact_json, compact_object

A, B, C = "a" * 64, "b" * 64, "c" * 64

INDEX = SegmentIndex(
    install_target="framework-demo@2",
    archive_name="framework-demo@2.tar.zst",
    archive_size=30,
    archive_sha256=A,
    archive_format="tar.zst",
    compression_level=9,
    segments=(
        IndexedSegment(
            "demo.whl",
            0,
            10,
            B,
            1024,
            (ArchivedFile("lib/x.py", 3, C), ArchivedFile("t", 0, A, True)),
        ),
        IndexedSegment(
            "layer",
            10,
            20,
            C,
            2048,
            (ArchivedFile("bin/python", 0, "", link_target="../../cpython/bin/python3"),),
        ),
    ),
)
DATA: dict[str, Any] = {
    "format_version": 1,
    "install_target": "framework-demo@2",
    "archive_name": "framework-demo@2.tar.zst",
    "archive_size": 30,
    "archive_sha256": A,
    "archive_format": "tar.zst",
    "compression_level": 9,
    "segments": [
        {
            "source": "demo.whl",
            "offset": 0,
            "size": 10,
            "sha256": B,
            "tar_size": 1024,
            "files": [
                {"path": "lib/x.py", "size": 3, "sha256": C},
                {"path": "t", "size": 0, "sha256": A, "executable": True},
            ],
        },
        {
            "source": "layer",
            "offset": 10,
            "size": 20,
            "sha256": C,
            "tar_size": 2048,
            "files": [{"path": "bin/python", "link_target": "../../cpython/bin/python3"}],
        },
    ],
}


def problems(data: object) -> list[str]:
    with pytest.raises(ArchiveError) as caught:
        SegmentIndex.from_dict(data, "x.segments.json")
    assert (
        caught.value.summary == "`x.segments.json` is not a usable segment index; fetch it again."
    )
    return list(caught.value.problems)


def changed(path: str, value: object) -> dict[str, Any]:
    data = copy.deepcopy(DATA)
    at: Any = data
    *keys, last = [int(key) if key.isdigit() else key for key in path.split("/")]
    for key in keys:
        at = at[key]
    at[last] = value
    return data


def test_index_to_dict_and_back() -> None:
    assert INDEX.to_dict() == DATA
    assert SegmentIndex.from_dict(json.loads(json.dumps(DATA))) == INDEX


def as_zip() -> dict[str, Any]:
    data = changed("archive_format", "zip")
    for segment in data["segments"]:
        del segment["tar_size"]
    return data


def test_an_index_is_made_of_its_header_and_the_list_of_its_segments() -> None:
    values = vars(INDEX).copy()
    segments = [
        Segment(item.source, "x", item.size, item.sha256, item.tar_size, item.files)
        for item in values.pop("segments")
    ]
    listing = listing_json(segments)
    whole = json.dumps(DATA, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert IndexHeader(**values).index_json(listing) == INDEX.index_json(listing) == f"{whole}\n"


@pytest.mark.parametrize(
    "data",
    [
        {},
        {"a": 1},
        {"b": [{"ü": None, "c": '"'}], "a": "{}", '"': {"z": 1.5, "y": True}, "ü\n": []},
    ],
)
def test_an_object_of_serialized_values_is_that_of_the_values(data: dict[str, object]) -> None:
    whole = json.dumps(data, sort_keys=True, ensure_ascii=False, separators=(",", ":"))
    assert compact_object({key: compact_json(value) for key, value in data.items()}) == whole
    assert compact_json(data) == whole


def test_segments_of_a_zip_archive_are_of_no_tar_stream() -> None:
    data = as_zip()
    index = SegmentIndex.from_dict(data)
    assert [segment.tar_size for segment in index.segments] == [None, None]
    assert index.to_dict() == data
    # A later version may have found a use for it.
    data["segments"][0]["tar_size"] = 1000
    assert SegmentIndex.from_dict(data) == index


def test_a_tar_stream_needs_its_size() -> None:
    data = changed("archive_format", "tar.xz")
    data["compression_level"] = 5
    del data["segments"][1]["tar_size"]
    assert problems(data) == ["`segments[1].tar_size`: missing"]


def test_unknown_keys_are_passed_over() -> None:
    assert SegmentIndex.from_dict(changed("segments/0/later", 1)) == INDEX


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("format_version", 2, "`format_version`: 2 is not 1"),
        ("format_version", "1", "`format_version`: expected an integer, got a string"),
        ("install_target", "..", "`install_target`: the path contains `..`: '..'"),
        ("install_target", "a/b", "`install_target`: the name contains a slash: 'a/b'"),
        ("archive_name", 3, "`archive_name`: expected a string, got an integer"),
        ("archive_size", 31, "`archive_size`: 31, but the segments end at 30"),
        ("archive_size", True, "`archive_size`: expected a size in bytes, got True"),
        (
            "archive_sha256",
            "A" * 64,
            f"`archive_sha256`: `{'A' * 64}` is not a SHA-256 in lower-case hexadecimal",
        ),
        ("archive_format", "tar", "`archive_format`: `tar` is not an archive format"),
        ("compression_level", 23, "`compression_level`: 23 is out of range"),
        ("segments", {}, "`segments`: expected a list, got a table"),
        ("segments/1", None, "`segments[1]`: expected a table, got null"),
        ("segments/1/offset", 11, "`segments[1].offset`: expected 10, got 11"),
        ("segments/1/offset", -1, "`segments[1].offset`: expected a size in bytes, got -1"),
        (
            "segments/0/sha256",
            "f",
            "`segments[0].sha256`: `f` is not a SHA-256 in lower-case hexadecimal",
        ),
        ("segments/0/tar_size", 1000, "`segments[0].tar_size`: 1000 is not a multiple of 512"),
        (
            "segments/0/files/0/path",
            "../../etc",
            "`segments[0].files[0].path`: the path contains `..`: '../../etc'",
        ),
        (
            "segments/0/files/1/path",
            "lib/x.py",
            "`segments[0].files[1].path`: `lib/x.py` occurs twice",
        ),
        (
            "segments/0/files/0/size",
            None,
            "`segments[0].files[0].size`: expected a size in bytes, got null",
        ),
        (
            "segments/0/files/1/executable",
            1,
            "`segments[0].files[1].executable`: expected a boolean, got an integer",
        ),
        (
            "segments/1/files/0/link_target",
            "../../../etc",
            "`segments[1].files[0].link_target`: the link's target is outside of the layers' "
            "folder: '../../../etc'",
        ),
    ],
)
def test_what_is_wrong_is_named_by_its_key(path: str, value: object, problem: str) -> None:
    found = problems(changed(path, value))
    assert problem in found
    assert len(found) <= 2


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (None, "expected a table, got null"),
        ([], "expected a table, got a list"),
        ({}, "`format_version`: missing"),
    ],
)
def test_what_is_no_index(data: object, problem: str) -> None:
    assert problems(data) == [problem]


def test_everything_wrong_is_reported() -> None:
    data = changed("archive_name", "/x")
    del data["segments"][0]["source"], data["segments"][1]["files"][0]["path"]
    assert problems(data) == [
        "`archive_name`: the path is absolute: '/x'",
        "`segments[0].source`: missing",
        "`segments[1].files[0].path`: missing",
    ]
