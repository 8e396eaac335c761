"""What is written before a layer gets to its place: seen in the calls of the system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment import durable


@pytest.mark.parametrize("platform", ["linux", "darwin"])
def test_all_files_are_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, platform: str
) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a/b").write_text("x")
    (tmp_path / "c").write_text("x")
    (tmp_path / "link").symlink_to("gone")
    written = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        written.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(os, "fsync", fsync)
    monkeypatch.setattr(sys, "platform", platform)
    before = sorted(Path("/proc/self/fd").iterdir())
    durable.flush(tmp_path)
    # Linux writes the whole file system by one call.
    files = {tmp_path / "a/b", tmp_path / "c"} if platform == "darwin" else set()
    assert sorted(written) == sorted(path.stat().st_ino for path in files)
    assert sorted(Path("/proc/self/fd").iterdir()) == before


def test_the_names_of_a_folder_are_written(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = []
    monkeypatch.setattr(os, "fsync", lambda fd: written.append(os.fstat(fd).st_ino))
    durable.flush_names(tmp_path)
    assert written == [tmp_path.stat().st_ino]
