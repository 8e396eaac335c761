from __future__ import annotations

import os
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment.markers import read_marker, write_marker


def test_a_marker_is_read_as_it_was_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    for number in (1, 2):
        write_marker(tmp_path / "m.json", {"b": number, "a": ["é"]})
        assert read_marker(tmp_path / "m.json") == {"a": ["é"], "b": number}
    assert (tmp_path / "m.json").read_text() == '{\n "a": [\n  "\\u00e9"\n ],\n "b": 2\n}\n'
    assert [path.name for path in tmp_path.iterdir()] == ["m.json"]


@pytest.mark.parametrize("content", [None, b"", b"{", b"[]", b"7", b'{"a": "\xff"}'])
def test_a_marker_that_is_missing_or_damaged_is_empty(
    tmp_path: Path, content: bytes | None
) -> None:
    if content is not None:
        (tmp_path / "m.json").write_bytes(content)
    assert read_marker(tmp_path / "m.json") == {}


def test_a_pipe_or_a_folder_in_the_place_of_a_marker_is_none(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe.json")
    (tmp_path / "folder.json").mkdir()
    assert read_marker(tmp_path / "pipe.json") == {}
    assert read_marker(tmp_path / "folder.json") == {}
