from __future__ import annotations

import hashlib
import random
import tracemalloc
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.zips import Item, items, with_directory
from venvstacks_rules.actions.archives import zip_writer
from venvstacks_rules.actions.archives.tar_writer import SegmentWriter
from venvstacks_rules.actions.archives.zip_writer import ZipSegmentWriter
from venvstacks_rules.actions.files.sinks import CompressedStream, StreamSink
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.contents.files import ArchivedFile

SMALL_PIECE = 20_000


def noise(size: int) -> bytes:
    return random.Random(size).randbytes(size)


def text(size: int) -> bytes:
    words = random.Random(size).choices([b"import ", b"self.", b"return ", b"\n", b"x"], k=size)
    return b"".join(words)[:size]


def new(path: Path, level: int = 6) -> ZipSegmentWriter:
    return ZipSegmentWriter(
        path, source="demo.whl", install_target="layer", compression=Compression("zip", level)
    )


@pytest.fixture
def _small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(zip_writer, "_PIECE_BYTES", SMALL_PIECE)
    monkeypatch.setattr(zip_writer, "_IN_MEMORY", 30_000)
    monkeypatch.setattr(zip_writer, "_WAITING_BYTES", 50_000)


def write_all(path: Path, step: int = 1000) -> ZipSegmentWriter:
    def pieces(data: bytes) -> Iterator[bytes]:
        for start in range(0, len(data), step):
            yield data[start : start + step]

    with new(path) as writer:
        for name, data in CONTENTS.items():
            writer.add_file(name, pieces(data), len(data), executable=name == "bin/run")
            if name == "bin/run":
                writer.add_link("bin/link", "../ü/run")
    return writer


CONTENTS = {
    "bin/run": text(3 * SMALL_PIECE),
    "empty": b"",
    "noise": noise(2 * SMALL_PIECE + 7),
    "one piece": text(SMALL_PIECE),
    "small": b"abc",
    "ü.py": text(70_001),
}


@pytest.mark.usefixtures("_small_pieces")
def test_files_are_deflated_or_stored_where_that_is_not_smaller(tmp_path: Path) -> None:
    segment = write_all(tmp_path / "s").segment()
    found = items(with_directory(tmp_path / "s", segment, "layer"))
    link = Item("layer/bin/link", "../ü/run".encode(), 0o120777, zipfile.ZIP_STORED)
    expected = [
        Item(f"layer/{name}", data, 0o100755 if name == "bin/run" else 0o100644, method)
        for name, data in CONTENTS.items()
        for method in [0 if name in ("empty", "noise", "small") else 8]
    ]
    assert found == [expected[0], link, *expected[1:]]
    data = (tmp_path / "s").read_bytes()
    assert (segment.size, segment.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    assert (segment.source, segment.path, segment.tar_size) == ("demo.whl", "s", None)
    assert segment.files[1] == ArchivedFile("bin/link", 0, "", link_target="../ü/run")
    assert segment.files[4] == ArchivedFile(
        "one piece", SMALL_PIECE, hashlib.sha256(text(SMALL_PIECE)).hexdigest()
    )


@pytest.mark.usefixtures("_small_pieces")
def test_bytes_depend_on_neither_threads_nor_chunks(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write_all(tmp_path / "two")
    monkeypatch.setattr(zip_writer, "_THREADS", 1)
    monkeypatch.setattr(zip_writer, "_IN_MEMORY", 100)
    monkeypatch.setattr(zip_writer, "_WAITING_BYTES", 1)
    write_all(tmp_path / "one", step=77_777)
    assert (tmp_path / "one").read_bytes() == (tmp_path / "two").read_bytes()
    # What large files are kept in meanwhile has no name, or is gone.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["one", "two"]


def test_the_level_counts(tmp_path: Path) -> None:
    sizes = []
    for level in (1, 6, 9):
        with new(tmp_path / str(level), level) as writer:
            writer.add_file("x", [text(100_000)], 100_000)
        sizes.append(writer.segment().size)
    assert sizes[0] > sizes[1] >= sizes[2]


def test_streams_are_taken_as_they_are(tmp_path: Path) -> None:
    content = text(10_000)
    compressor = zlib.compressobj(1, zlib.DEFLATED, -15)
    deflated = compressor.compress(content) + compressor.flush()
    sha256 = hashlib.sha256(content).hexdigest()
    crc = zlib.crc32(content)
    with new(tmp_path / "s", 9) as writer:
        assert isinstance(writer, StreamSink)
        writer.add_file("before", [b"x"], 1)
        stream = CompressedStream(
            True, crc, len(deflated), len(content), sha256, [deflated[:9], deflated[9:]]
        )
        file = writer.add_stream("a", stream, executable=True)
        stored = CompressedStream(False, crc, len(content), len(content), sha256, [content])
        writer.add_stream("b", stored)
    assert file == ArchivedFile("a", 10_000, sha256, executable=True)
    data = (tmp_path / "s").read_bytes()
    assert data.count(deflated) == 1
    assert data.count(content) == 1
    assert items(with_directory(tmp_path / "s", writer.segment(), "layer"))[1:] == [
        Item("layer/a", content, 0o100755, 8),
        Item("layer/b", content, 0o100644, 0),
    ]


def test_a_tar_stream_takes_no_streams_of_others(tmp_path: Path) -> None:
    compression = Compression("tar.zst", 1)
    with SegmentWriter(
        tmp_path / "s", source="s", install_target="t", compression=compression
    ) as writer:
        assert not isinstance(writer, StreamSink)


@pytest.mark.parametrize("pieces", [[b"abc"], [b"abcdef"], []])
def test_content_of_another_size_is_refused(tmp_path: Path, pieces: list[bytes]) -> None:
    writer = new(tmp_path / "s")
    has = sum(map(len, pieces))
    with (
        pytest.raises(ValueError, match=rf"^`f` was announced with 4 bytes and has {has}$"),
        writer,
    ):
        writer.add_file("f", pieces, 4)
    assert list(tmp_path.iterdir()) == []


def test_nothing_is_left_where_compression_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_piece: bytes, _level: int, *, first: bool, last: bool) -> bytes:
        raise MemoryError

    monkeypatch.setattr(zip_writer, "deflated", fail)
    with pytest.raises(MemoryError), new(tmp_path / "s") as writer:
        writer.add_file("f", [b"x"], 1)
    assert list(tmp_path.iterdir()) == []


def test_an_existing_file_is_not_overwritten(tmp_path: Path) -> None:
    (tmp_path / "s").write_text("an input")
    with pytest.raises(FileExistsError):
        new(tmp_path / "s")
    assert (tmp_path / "s").read_text() == "an input"


def test_pieces_make_one_stream() -> None:
    data = text(50_000)
    pieces = [data[:20_000], data[20_000:], b""]
    stream = b"".join(
        zip_writer.deflated(piece, 6, first=piece is pieces[0], last=piece == b"")
        for piece in pieces
    )
    assert zlib.decompress(stream, -15) == data
    whole = zip_writer.deflated(data, 6, first=True, last=True)
    assert zlib.decompress(whole, -15) == data


def test_small_files_do_not_pile_up(tmp_path: Path) -> None:
    tracemalloc.start()
    with new(tmp_path / "s") as writer:
        for number in range(5000):
            writer.add_file(f"{number:04}.py", [b"x"], 1)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 10 * 1024 * 1024
