from __future__ import annotations

from pathlib import Path

import pytest

from venvstacks_rules.actions.files.sealed import read_sealed, unsealed, write_sealed

TEXT = '["a", "ü"]\n'


def test_a_text_is_read_as_it_was_written_and_nothing_else_is_left(tmp_path: Path) -> None:
    write_sealed(tmp_path / "file", "before\n")
    write_sealed(tmp_path / "file", TEXT)
    assert read_sealed(tmp_path / "file") == TEXT
    assert unsealed((tmp_path / "file").read_bytes()) == TEXT
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


def test_every_cut_and_every_changed_byte_is_seen(tmp_path: Path) -> None:
    write_sealed(tmp_path / "file", TEXT)
    data = (tmp_path / "file").read_bytes()
    for end in range(len(data)):
        assert unsealed(data[:end]) is None
        assert unsealed(data[:end] + bytes([data[end] ^ 1]) + data[end + 1 :]) is None
    assert unsealed(data + b" ") is None


@pytest.mark.parametrize("content", [b"", b"{}", b"[]", b"\0" * 200])
def test_what_was_not_written_as_such_counts_as_missing(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "file").write_bytes(content)
    assert read_sealed(tmp_path / "file") is None
    assert read_sealed(tmp_path / "gone") is None
    assert read_sealed(tmp_path) is None
