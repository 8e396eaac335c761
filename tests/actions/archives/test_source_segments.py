"""Small files of a source in one segment, and each large one in its own."""

from __future__ import annotations

import hashlib
import io
import random
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.actions.archives.test_tar_writer import DECOMPRESS, FORMATS
from tests.support.wheels import members
from venvstacks_rules.actions.archives.source_segments import (
    SourceSegments,
    ZipSourceSegments,
    new_segments,
)
from venvstacks_rules.actions.archives.zip_directory import directory_of
from venvstacks_rules.actions.files.sinks import CompressedStream, StreamSink
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.segments import LARGE_FILE, Segment

LARGE = random.Random(0).randbytes(LARGE_FILE // 2) * 2
FILES = {"a.py": b"a = 1\n", "lib/large.so": LARGE, "lib/small.so": LARGE[:-1], "z.py": b""}


def new(path: Path, archive_format: str) -> SourceSegments:
    compression = Compression(archive_format, {**FORMATS, "zip": 1}[archive_format])
    return new_segments(path, source="demo.whl", install_target="layer", compression=compression)


def write(path: Path, archive_format: str) -> tuple[Segment, ...]:
    with new(path, archive_format) as writer:
        for name, data in FILES.items():
            writer.add_file(name, [data[:5], data[5:]], len(data), executable=name[0] == "l")
        writer.add_link("link", "lib/large.so")
        more = LARGE[1:] + b"1"
        writer.add_file("more", [more], len(more))
    return writer.segments()


@pytest.mark.parametrize("archive_format", [*FORMATS, "zip"])
def test_large_files_follow_the_small_ones(tmp_path: Path, archive_format: str) -> None:
    segments = write(tmp_path / "out/0", archive_format)
    assert [[file.path for file in segment.files] for segment in segments] == [
        ["a.py", "lib/small.so", "z.py", "link"],
        ["lib/large.so"],
        ["more"],
    ]
    assert segments[1].files[0].sha256 == hashlib.sha256(LARGE).hexdigest()
    assert segments[1].files[0].executable
    assert {segment.source for segment in segments} == {"demo.whl"}
    assert [Path(segment.path).name for segment in segments] == ["0", "0-0", "0-1"]
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["0", "0-0", "0-1"]
    for segment in segments:
        data = Path(segment.path).read_bytes()
        assert (segment.size, segment.sha256) == (len(data), hashlib.sha256(data).hexdigest())


@pytest.mark.parametrize("archive_format", FORMATS)
def test_together_they_are_one_tar_stream(tmp_path: Path, archive_format: str) -> None:
    segments = write(tmp_path / "0", archive_format)
    data = b"".join(Path(segment.path).read_bytes() for segment in segments)
    stream = DECOMPRESS[archive_format](data)
    assert len(stream) == sum(segment.tar_size or 0 for segment in segments)
    found = {member.name: member for member in members(stream + bytes(1024))}
    assert found["layer/lib/large.so"].content == LARGE
    assert found["layer/lib/large.so"].mode == 0o755
    assert set(found) == {f"layer/{name}" for name in (*FILES, "link", "more")}


def test_together_they_are_one_zip_archive(tmp_path: Path) -> None:
    segments = write(tmp_path / "0", "zip")
    data = b"".join(Path(segment.path).read_bytes() for segment in segments)
    with zipfile.ZipFile(io.BytesIO(data + directory_of(segments, "layer"))) as archive:
        assert archive.testzip() is None
        assert archive.read("layer/lib/large.so") == LARGE


def test_the_bytes_depend_on_the_files_alone(tmp_path: Path) -> None:
    for archive_format in (*FORMATS, "zip"):
        first, second = (write(tmp_path / archive_format / name, archive_format) for name in "ab")
        assert [segment.sha256 for segment in first] == [segment.sha256 for segment in second]


def test_only_zip_archives_take_compressed_streams(tmp_path: Path) -> None:
    with new(tmp_path / "tar", "tar.zst") as tar:
        assert not isinstance(tar, StreamSink)
    deflated = zlib.compress(LARGE)[2:-4]
    stream = CompressedStream(
        True, zlib.crc32(LARGE), len(deflated), len(LARGE), hashlib.sha256(LARGE).hexdigest(),
        [deflated],
    )  # fmt: skip
    with new(tmp_path / "zip", "zip") as writer:
        assert isinstance(writer, ZipSourceSegments)
        writer.add_stream("large", stream)
    _, large = writer.segments()
    assert deflated in Path(large.path).read_bytes()


@pytest.mark.parametrize("archive_format", [*FORMATS, "zip"])
def test_nothing_is_left_of_a_file_that_is_not_as_announced(
    tmp_path: Path, archive_format: str
) -> None:
    with pytest.raises(ValueError, match="`more` was announced with"):  # noqa: PT012, SIM117
        with new(tmp_path / "0", archive_format) as writer:
            writer.add_file("first", [LARGE], len(LARGE))
            writer.add_file("more", [LARGE], len(LARGE) + 1)
    assert not list(tmp_path.iterdir())


def test_nothing_is_left_if_reading_fails(tmp_path: Path) -> None:
    def broken() -> Iterator[bytes]:
        yield LARGE
        raise EOFError("the end")

    with pytest.raises(EOFError), new(tmp_path / "0", "tar.zst") as writer:  # noqa: PT012
        writer.add_file("first", [LARGE], len(LARGE))
        writer.add_file("second", broken(), 2 * len(LARGE))
    assert not list(tmp_path.iterdir())
