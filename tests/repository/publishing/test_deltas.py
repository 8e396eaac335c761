from __future__ import annotations

import itertools
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tests.support.client_repository import SITE
from tests.support.deltas import DATA, LIBRARY, DeltaRepository, big_files, library, noise
from tests.support.whole_repository import faults
from venvstacks_rules.model.publishing.report import result_text
from venvstacks_rules.model.repository.deltas import Delta
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing import deltas, patching
from venvstacks_rules.repository.publishing.upload import Settings
from venvstacks_rules.repository.reading.segments import Member, segment_members

SOURCE = "big-1.1-py3-none-any.whl"


def unpacked(made: DeltaRepository, delta: Delta, files: dict[str, str]) -> dict[Reference, bytes]:
    """What a delta makes of old files, by their contents; with Zstandard alone."""
    old = {Reference.of(text.encode()): text.encode() for text in files.values()}
    frames = (made.folder / blob_key(delta.blob.sha256)).read_bytes()
    stream = b""
    for part in delta.parts:
        frame, frames = frames[: part.size], frames[part.size :]
        base = b"".join(old[delta.bases[r.base]][r.start : r.end] for r in part.dictionary)
        dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
        reader = zstandard.ZstdDecompressor(dict_data=dictionary if base else None)
        stream += reader.decompress(frame)
    found = {}
    for file in delta.files:
        found[file], stream = stream[: file.size], stream[file.size :]
    assert (frames, stream) == (b"", b"")
    return found


def test_a_channel_that_moves(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    told: list[str] = []
    settings = Settings(waiting=told.append)
    assert made.publish("1.0", settings=settings).deltas == ()
    old = made.big
    assert list(made.reader.deltas()) == []
    result = made.publish("1.1", settings=settings)
    (delta,) = made.deltas()
    assert (delta.old, delta.new) == (old, made.big)
    assert delta.blob.size < 1000 < delta.new.size
    assert told == [f"Making a delta of {SOURCE} from big-1.0-py3-none-any.whl."]
    changed = {path for path in big_files("1.1") if not path.endswith("data.bin")}
    contents = {Reference.of(big_files("1.1")[path].encode()) for path in changed}
    assert {Reference.of(data) for data in unpacked(made, delta, big_files("1.0")).values()} == (
        contents
    )
    assert set(delta.files) == contents
    assert (
        f"  a delta of {SOURCE} for linux_x86_64: clients fetch {delta.blob.size} B in place of 1.2"
        " MB"
    ) in result_text(result).splitlines()
    assert list(faults(made.folder)) == []
    # The delta costs nothing that the plan did not know of.
    assert result.sent_size == result.plan.new_size


def test_the_bytes_depend_on_nothing_else(tmp_path: Path) -> None:
    found = []
    for name in ("one", "other"):
        made = DeltaRepository(tmp_path / name)
        made.publish("1.0")
        made.publish("1.1")
        (delta,) = made.deltas()
        found.append(delta.to_json())
    assert found[0] == found[1]


def test_a_delta_that_is_there_is_not_made_again(tmp_path: Path) -> None:
    """As after a publish that was killed just before the channel moved."""
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    record = next((made.folder / "channels").rglob("*.json"))
    before = record.read_bytes()
    assert len(made.publish("1.1").deltas) == 1
    record.write_bytes(before)
    result = made.publish("1.1")
    assert [change.change for change in result.channels] == ["moved"]
    assert result.deltas == ()


def test_without(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    made.publish("1.1", settings=Settings(deltas=False))
    assert list(made.reader.deltas()) == []


def test_small_segments_get_none(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    small = {f"{SITE}/big/small.txt": noise(900_000, "small")}
    made.publish("1.0", small)
    made.publish("1.1", {**small, f"{SITE}/big/more.txt": "more"})
    assert made.big.size < 1024 * 1024
    assert list(made.reader.deltas()) == []


def test_what_saves_too_little_is_not_kept(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    fresh = {**big_files("1.1"), LIBRARY: noise(1_400_000, "another")}
    result = made.publish("1.1", fresh)
    assert result.deltas == ()
    assert list(made.reader.deltas()) == []
    # Nor its blob, nor anything of it.
    named = {
        blob.sha256 for key, _ in made.reader.layers() for blob in made.reader.index(key).blobs
    }
    assert {sha256 for sha256, _ in made.reader.blobs()} == named


def test_what_goes_wrong_ends_no_publish(tmp_path: Path) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    (made.folder / blob_key(made.big.sha256)).write_bytes(b"damaged")
    result = made.publish("1.1")
    assert [change.change for change in result.channels] == ["moved"]
    (news,) = result.deltas
    assert (news.size, news.source) == (0, SOURCE)
    assert "fewer than" in news.problem or "damaged" in news.problem
    assert f"  no delta of {SOURCE} for linux_x86_64: {news.problem}" in result_text(result)
    assert list(made.reader.deltas()) == []


def test_an_old_segment_that_lies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")

    def lying(*arguments: Any) -> Iterator[Member]:
        for member in segment_members(*arguments):
            yield Member(member.path, iter([b"lies"]))

    monkeypatch.setattr(patching, "segment_members", lying)
    (news,) = made.publish("1.1").deltas
    assert news.problem == "a file is not what its list says"


def test_an_old_segment_that_unpacks_to_more(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """No more of it is written than the list says: there might be no end."""
    made = DeltaRepository(tmp_path)
    made.publish("1.0")

    def endless(*arguments: Any) -> Iterator[Member]:
        for member in segment_members(*arguments):
            yield Member(member.path, itertools.repeat(b"more" * 250_000))

    monkeypatch.setattr(patching, "segment_members", endless)
    (news,) = made.publish("1.1").deltas
    assert news.problem == "a file is not what its list says"


@pytest.mark.parametrize(
    ("error", "problem"),
    [
        (MemoryError(), "there is not enough memory"),
        (zstandard.ZstdError("no"), "a part cannot be compressed: no"),
    ],
)
def test_a_compressor_that_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception, problem: str
) -> None:
    class Failing:
        def __init__(self, **_: object) -> None:
            """As the real one is made."""

        def compress(self, _: bytes) -> bytes:
            raise error

    frame = patching._frame

    def failing(*arguments: bytes) -> bytes:
        with monkeypatch.context() as patched:
            patched.setattr(zstandard, "ZstdCompressor", Failing)
            return frame(*arguments)

    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    monkeypatch.setattr(patching, "_frame", failing)
    (news,) = made.publish("1.1").deltas
    assert news.problem == problem


def test_a_file_that_gets_another_mode(tmp_path: Path) -> None:
    """A client cannot link it, so the delta has it; it costs next to nothing."""
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    made.publish("1.1", executable=frozenset({DATA}))
    (delta,) = made.deltas()
    content = Reference.of(big_files("1.1")[DATA].encode())
    assert content in delta.files
    assert content in delta.bases
    assert delta.blob.size < 1000
    unpacked(made, delta, big_files("1.0"))


def test_there_is_a_bound_on_the_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")
    monkeypatch.setattr(deltas, "MOST_WORK", 1_000_000)
    (news,) = made.publish("1.1").deltas
    assert news.problem == "it would take too long 1420037 bytes changed; 1000000 are left"


def test_without_a_compressor(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    made = DeltaRepository(tmp_path)
    made.publish("1.0")

    def missing(*_: object) -> None:
        raise ModuleNotFoundError("No module named 'zstandard'", name="zstandard")

    monkeypatch.setattr(deltas, "write_delta", missing)
    (news,) = made.publish("1.1").deltas
    assert news.problem == "`zstandard` is not installed"


def test_dictionaries_lie_around_the_same_place(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(patching, "PART", 400_000)
    monkeypatch.setattr(patching, "SLACK", 100_000)
    made = DeltaRepository(tmp_path)
    made.publish("1.0", {LIBRARY: library("1.0")})
    made.publish("1.1", {LIBRARY: library("1.1")})
    (delta,) = made.deltas()
    assert [
        (part.unpacked_size, [(r.start, r.end) for r in part.dictionary]) for part in delta.parts
    ] == [
        (400_000, [(0, 500_000)]),
        (400_000, [(300_000, 900_000)]),
        (400_000, [(700_000, 1_300_000)]),
        (200_015, [(1_100_000, 1_400_015)]),
    ]
    unpacked(made, delta, {LIBRARY: library("1.0")})


@pytest.mark.parametrize("archive_format", ["zip", "tar.gz"])
def test_other_formats(tmp_path: Path, archive_format: str) -> None:
    made = DeltaRepository(tmp_path, archive_format)
    made.publish("1.0")
    made.publish("1.1")
    (delta,) = made.deltas()
    assert delta.blob.size < 1000
