from __future__ import annotations

import gzip
import hashlib
import lzma
import random
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
import zstandard

from tests.support.wheels import members
from venvstacks_rules.actions.archives import tar_writer
from venvstacks_rules.actions.archives.tar_writer import SegmentWriter
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile

FORMATS = {"tar.zst": 3, "tar.xz": 0, "tar.gz": 1}
SMALL_FRAME = 20_000


def unzst(data: bytes) -> bytes:
    return zstandard.ZstdDecompressor().stream_reader(data, read_across_frames=True).read()


DECOMPRESS: dict[str, Callable[[bytes], bytes]] = {
    "tar.zst": unzst,
    "tar.xz": lzma.decompress,
    "tar.gz": gzip.decompress,
}


def content(size: int) -> bytes:
    return random.Random(size).randbytes(size // 2) + bytes(size - size // 2)


def write(path: Path, archive_format: str, sizes: list[int], *, end: bool = False) -> SegmentWriter:
    with SegmentWriter(
        path,
        source="demo.whl",
        install_target="layer",
        compression=Compression(archive_format, FORMATS[archive_format]),
        end_of_archive=end,
    ) as writer:
        for i, size in enumerate(sizes):
            # Unequal pieces: frames may not depend on how the content arrives.
            data = content(size)
            pieces = [data[:10], data[10:]] if i % 2 else [data]
            writer.add_file(f"f{i}", pieces, size, executable=i == 0)
        writer.add_link("link", "f0")
    return writer


@pytest.fixture
def _small_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tar_writer, "_FRAME_BYTES", dict.fromkeys(FORMATS, SMALL_FRAME))


@pytest.mark.usefixtures("_small_frames")
@pytest.mark.parametrize("archive_format", FORMATS)
def test_frames_decompress_to_one_tar_stream(tmp_path: Path, archive_format: str) -> None:
    sizes = [50_000, 0, 19_000, 100]
    segment = write(tmp_path / "s", archive_format, sizes, end=True).segment()
    data = (tmp_path / "s").read_bytes()
    tar = DECOMPRESS[archive_format](data)
    found = members(tar)
    assert [m.name for m in found] == ["layer/f0", "layer/f1", "layer/f2", "layer/f3", "layer/link"]
    assert [m.content for m in found[:4]] == [content(size) for size in sizes]
    assert [m.mode for m in found[:4]] == [0o755, 0o644, 0o644, 0o644]
    assert found[4].link == "f0"
    assert (segment.size, segment.tar_size) == (len(data), len(tar))
    assert segment.sha256 == hashlib.sha256(data).hexdigest()
    assert segment.files[2] == ArchivedFile(
        "f2", 19_000, hashlib.sha256(content(19_000)).hexdigest()
    )
    assert segment.files[4] == ArchivedFile("link", 0, "", link_target="f0")
    assert (segment.source, segment.path) == ("demo.whl", "s")


@pytest.mark.usefixtures("_small_frames")
@pytest.mark.parametrize("archive_format", FORMATS)
def test_bytes_do_not_depend_on_the_number_of_threads(
    tmp_path: Path, archive_format: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(tmp_path / "two", archive_format, [90_000])
    monkeypatch.setattr(tar_writer, "_THREADS", 1)
    write(tmp_path / "one", archive_format, [90_000])
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()


@pytest.mark.usefixtures("_small_frames")
def test_a_frame_is_a_fixed_piece_of_the_stream(tmp_path: Path) -> None:
    write(tmp_path / "s", "tar.zst", [SMALL_FRAME - 512])
    data = (tmp_path / "s").read_bytes()
    parameters = zstandard.get_frame_parameters(data)
    assert parameters.content_size == SMALL_FRAME
    assert parameters.has_checksum


def test_windows_are_read_without_being_asked_to(tmp_path: Path) -> None:
    data = tar_writer.frame_compressor(Compression("tar.zst", 1))(bytes(64 * 1024 * 1024))
    assert zstandard.get_frame_parameters(data).window_size <= 2**27
    program = shutil.which("zstd")
    if program is None:
        pytest.skip("zstd is not installed")
    path = tmp_path / "z.zst"
    path.write_bytes(data)
    done = subprocess.run([program, "-dc", str(path)], capture_output=True, check=True)
    assert done.stdout == bytes(64 * 1024 * 1024)


def test_gzip_header_names_no_time_and_no_system() -> None:
    data = tar_writer.frame_compressor(Compression("tar.gz", 6))(b"abc")
    # RFC 1952: deflate, no flags, time 0, extra flags, system 255 (unknown).
    assert data[:8] == bytes([0x1F, 0x8B, 8, 0, 0, 0, 0, 0])
    assert data[9] == 255


@pytest.mark.parametrize("pieces", [[b"abc"], [b"abcdef"], []])
def test_content_of_another_size_is_refused(tmp_path: Path, pieces: list[bytes]) -> None:
    path = tmp_path / "s"
    writer = SegmentWriter(
        path, source="s", install_target="t", compression=Compression("tar.zst", 3)
    )
    has = sum(map(len, pieces))
    with (
        pytest.raises(ValueError, match=rf"^`f` was announced with 4 bytes and has {has}$"),
        writer,
    ):
        writer.add_file("f", pieces, 4)
    assert not path.exists()


def test_nothing_is_left_where_compression_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_frame: bytes) -> bytes:
        raise MemoryError

    monkeypatch.setattr(tar_writer, "frame_compressor", lambda _compression: fail)
    with pytest.raises(MemoryError):
        write(tmp_path / "s", "tar.zst", [10])
    assert not (tmp_path / "s").exists()


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("an input")
    with pytest.raises(FileExistsError):
        write(tmp_path / "s", "tar.zst", [10])
    assert (tmp_path / "s").read_text() == "an input"
