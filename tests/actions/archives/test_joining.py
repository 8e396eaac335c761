from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from venvstacks_rules.actions.archives.joining import Joining, mapped
from venvstacks_rules.model.contents.segments import Segment


def segment(folder: Path, name: str, content: bytes) -> Segment:
    (folder / name).write_bytes(content)
    sha256 = hashlib.sha256(content).hexdigest()
    return Segment(name, str(folder / name), len(content), sha256, None, ())


CONTENTS = {"first": b"1" * 3_000_000, "empty": b"", "last": os.urandom(1_500_001)}


def joined(
    segments: list[Segment], out: Path, *, check_hashes: bool = True, end: bytes = b""
) -> tuple[list[str], int, str | None]:
    with (
        out.open("xb") as stream,
        Joining(stream, check_hashes=check_hashes, hash_all=True) as joining,
    ):
        for item in segments:
            joining.add(item)
        problems = joining.finish()
        joining.end_with(end)
        return problems, joining.size, joining.sha256()


@pytest.mark.parametrize("in_kernel", [True, False])
def test_the_bytes_follow_each_other(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, in_kernel: bool
) -> None:
    if not in_kernel:

        def refuse(*_: object) -> int:
            raise OSError(18, "Invalid cross-device link")

        monkeypatch.setattr(os, "copy_file_range", refuse, raising=False)
    segments = [segment(tmp_path, name, content) for name, content in CONTENTS.items()]
    found = joined(segments, tmp_path / "out", end=b"the end")
    data = b"".join(CONTENTS.values()) + b"the end"
    assert (tmp_path / "out").read_bytes() == data
    assert found == ([], len(data), hashlib.sha256(data).hexdigest())


def test_a_copy_that_stops_in_the_kernel_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def some(source: int, target: int, count: int) -> int:
        if os.lseek(source, 0, os.SEEK_CUR) > 1_000_000:
            return 0
        data = os.read(source, min(count, 700_000))
        return os.write(target, data)

    monkeypatch.setattr(os, "copy_file_range", some, raising=False)
    segments = [segment(tmp_path, name, content) for name, content in CONTENTS.items()]
    joined(segments, tmp_path / "out")
    assert (tmp_path / "out").read_bytes() == b"".join(CONTENTS.values())


def test_every_segment_is_compared_with_its_hash(tmp_path: Path) -> None:
    segments = [segment(tmp_path, name, content) for name, content in CONTENTS.items()]
    others = [replace(item, sha256="0" * 64) for item in segments]
    problems, *_ = joined(others, tmp_path / "out")
    assert problems == [
        f"the segment of `{item.source}` has SHA-256 {item.sha256}, expected {'0' * 64}"
        for item in segments
    ]
    assert joined(others, tmp_path / "unchecked", check_hashes=False)[0] == []


@pytest.mark.parametrize("check_hashes", [True, False])
def test_sizes_are_compared_always(tmp_path: Path, check_hashes: bool) -> None:
    segments = [segment(tmp_path, name, content) for name, content in CONTENTS.items()]
    (tmp_path / "first").unlink()
    (tmp_path / "last").write_bytes(b"short")
    problems, *_ = joined(segments, tmp_path / "out", check_hashes=check_hashes)
    assert problems == [
        "the segment of `first` cannot be read: No such file or directory",
        "the segment of `last` has 5 bytes, expected 1500001",
    ]


def test_files_are_mapped(tmp_path: Path) -> None:
    for name, content in CONTENTS.items():
        (tmp_path / name).write_bytes(content)
        with mapped(str(tmp_path / name)) as found:
            assert bytes(found) == content
