from __future__ import annotations

import os
from pathlib import Path

from tests.support.small_repositories import (
    FRAMEWORK,
    LINUX,
    RUNTIME,
    WINDOWS,
    SmallRepository,
    packages,
)
from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.repository.upkeep.overview import overview


def make(folder: Path) -> SmallRepository:
    made = SmallRepository(folder)
    for i, version in enumerate(("1.9", "1.10")):
        for platform in (LINUX, WINDOWS)[: 2 - i]:
            stack = made.stack(version, platform=platform)
            os.utime(folder / str(stack.key), (1000 + i, 1000 + i))
            made.point(stack)
    made.layer("framework-alone", packages(rich="13"), kind="framework")
    return made


def test_everything_is_shown(tmp_path: Path) -> None:
    made = make(tmp_path)
    record = made.record().rolled_back("1.9")
    key = str(ChannelKey("release", "stable", LINUX))
    content = record.to_json(({"keyid": "a", "sig": "b"},))
    (tmp_path / key).write_text(content)
    shown = overview(made.reader)
    assert list(shown.lines()) == [
        made.url,
        "",
        "release",
        "  version  size  channels  platforms",
        "  1.10     50 B            linux_x86_64",
        "  1.9      98 B  stable    linux_x86_64, win_amd64",
        "",
        "channels",
        "  stack    channel  platform      version  record",
        "  release  stable   linux_x86_64  1.9           3  signed, rolled back from 1.10",
        "  release  stable   win_amd64     1.9           1  not signed",
        "",
        "layers",
        "  layer              versions  in no stack  size  platforms",
        "  cpython-3.11              2            0  48 B  linux_x86_64, win_amd64",
        "  framework-alone           1            1  23 B  linux_x86_64",
        "  framework-sklearn         3            0  76 B  linux_x86_64, win_amd64",
        "",
        "2 versions of 1 stack, 6 layer versions, 8 blobs with 547 B.",
        "Not all channels are signed: who can write to the repository can move them.",
    ]
    data = shown.to_dict()
    assert data["stacks"][0] == {
        "name": "release",
        "version": "1.10",
        "platform": LINUX,
        "layers": 2,
        "archive_size": 50,
        "unpacked_size": 28,
        "modified": 1001.0,
    }
    assert [channel["signed"] for channel in data["channels"]] == [True, False]
    assert data["channels"][0]["rolled_back_from"] == "1.10"
    assert [layer["stacks"] for layer in data["layers"] if layer["layer_name"] == RUNTIME] == [
        ["release@1.10", "release@1.9"],
        ["release@1.9"],
    ]
    assert {layer["layer_name"] for layer in data["layers"]} == {
        RUNTIME,
        FRAMEWORK,
        "framework-alone",
    }


def test_an_empty_repository(tmp_path: Path) -> None:
    made = SmallRepository(tmp_path)
    assert list(overview(made.reader).lines()) == [
        made.url,
        "",
        "0 versions of 0 stacks, 0 layer versions, 0 blobs with 0 B.",
    ]
