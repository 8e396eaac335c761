"""Whole zip archives, from wheels: what is in them, and who reads them."""

from __future__ import annotations

import hashlib
import io
import json
import os
import shutil
import subprocess
import zipfile
from pathlib import Path

import pytest

from tests.support.layer_archives import announced
from tests.support.wheels import record_hash, record_row, wheel_bytes
from tests.support.zip_layers import (
    SITE,
    SOURCE,
    TARGET,
    ZIP,
    assemble,
    name_of,
    request_of,
    segments,
    wheel,
)
from tests.support.zips import Item, items
from venvstacks_rules.actions.unpacking import unpack
from venvstacks_rules.model.contents.compression import Compression


def recompressed(data: bytes, methods: dict[str, tuple[int, int]]) -> bytes:
    """A wheel whose entries have other methods and levels."""
    buffer = io.BytesIO()
    with zipfile.ZipFile(io.BytesIO(data)) as old, zipfile.ZipFile(buffer, "w") as new:
        for info in old.infolist():
            method, level = methods.get(info.filename, (8, 6))
            new.writestr(info, old.read(info), method, level)
    return buffer.getvalue()


def streams(data: bytes) -> dict[str, tuple[int, bytes]]:
    """Method and stream of each entry, by name."""
    found = {}
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        for info in archive.infolist():
            at = info.header_offset
            start = at + 30 + sum(data[at + i] + 256 * data[at + i + 1] for i in (26, 28))
            stream = data[start : start + info.compress_size]
            found[info.filename] = (info.compress_type, stream)
    return found


# --------------------------------------------------------------------------------------- splicing
def test_streams_of_a_wheel_are_copied_whatever_their_method(tmp_path: Path) -> None:
    files = {"a.py": SOURCE, "b.py": SOURCE + b"#", "stored.py": SOURCE, "noise": os.urandom(5000)}
    data = recompressed(
        wheel({**files, "ü.py": b"", "demo-1.0.data/data/share/x": SOURCE}),
        {"a.py": (8, 1), "b.py": (8, 9), "stored.py": (0, 0), "noise": (8, 6)},
    )
    archive = assemble(request_of(tmp_path, [segments(tmp_path / "w", {name_of("demo"): data})]))
    before, after = streams(data), streams(archive.read_bytes())
    copied = {f"{SITE}/{name}": before[name] for name in (*files, "ü.py")}
    copied[f"{TARGET}/share/x"] = before["demo-1.0.data/data/share/x"]
    assert {name: after[name] for name in copied} == copied
    assert {method for method, _ in copied.values()} == {0, 8}
    # Larger than what it unpacks to, and copied as well.
    assert len(before["noise"][1]) > 5000
    found = {item.name: item for item in items(archive.read_bytes())}
    assert found[f"{SITE}/a.py"] == Item(f"{SITE}/a.py", SOURCE, 0o100644, 8)
    assert found[f"{TARGET}/share/note.txt"].method == 8
    assert found[f"{TARGET}/run"] == Item(f"{TARGET}/run", b"#!", 0o100755, 0)
    assert found[f"{TARGET}/lib64"] == Item(f"{TARGET}/lib64", b"lib", 0o120777, 0)


@pytest.mark.parametrize("method", [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA])
def test_what_few_programs_read_is_deflated(tmp_path: Path, method: int) -> None:
    usual = wheel({"a.py": SOURCE, "b.py": b"", "noise": os.urandom(5000)})
    with zipfile.ZipFile(io.BytesIO(usual)) as names:
        rare = recompressed(usual, dict.fromkeys(names.namelist(), (method, 9)))
    before, after = (
        assemble(request_of(tmp_path / kind, [segments(tmp_path / kind, {name_of("demo"): data})]))
        for kind, data in (("usual", usual), ("rare", rare))
    )
    contents = [
        [(item.name, item.content, item.mode) for item in items(archive.read_bytes())]
        for archive in (before, after)
    ]
    assert contents[0] == contents[1]
    assert {item.method for item in items(after.read_bytes())} == {0, 8}


def test_files_are_those_of_the_tar_formats_in_the_same_order(tmp_path: Path) -> None:
    wheels = {name_of("demo"): wheel({"b.py": SOURCE, "a/x.py": b"", "z.txt": b"z"})}
    found = []
    for compression in (ZIP, Compression("tar.zst", 3)):
        folder = tmp_path / compression.archive_format
        assemble(request_of(folder, [segments(folder / "w", wheels, compression)], compression))
        index = json.loads((folder / "segments.json").read_text())
        found.append([(s["source"], s["files"]) for s in index["segments"]])
        assert ["tar_size" in s for s in index["segments"]] == [compression != ZIP] * 2
    assert found[0] == found[1]


def test_the_segments_cover_the_archive(tmp_path: Path) -> None:
    wheels = {name_of(name): wheel({f"{name}.py": SOURCE}, name) for name in ("demo", "more")}
    archive = assemble(request_of(tmp_path, [segments(tmp_path / "w", wheels)]))
    data = archive.read_bytes()
    index = json.loads((tmp_path / "segments.json").read_text())
    assert [s["source"] for s in index["segments"]] == [*wheels, "layer"]
    end = 0
    for segment in index["segments"]:
        assert segment["offset"] == end
        end += segment["size"]
        piece = data[segment["offset"] : end]
        assert hashlib.sha256(piece).hexdigest() == segment["sha256"]
        assert piece.startswith(b"PK\3\4")
    assert end == len(data) == index["archive_size"]
    assert index["archive_sha256"] == hashlib.sha256(data).hexdigest()
    # The middle one is the wheel's, whatever it is assembled with.
    made = json.loads((tmp_path / "w/out/result.json").read_text())["segments"]
    assert [s["sha256"] for s in made] == [s["sha256"] for s in index["segments"][:2]]


def test_what_lies_behind_the_end_of_a_stream_is_not_copied(tmp_path: Path) -> None:
    data = wheel({"x.py": SOURCE})
    method, stream = streams(data)["x.py"]
    assert method == 8
    # Eight more bytes that count as compressed: the headers and offsets behind move by as much.
    size, longer = (n.to_bytes(4, "little") for n in (len(stream), len(stream) + 8))
    assert data.count(size) == 2
    at = data.index(stream) + len(stream)
    moved = data[:at] + b"trailing" + data[at:]
    moved = moved.replace(size, longer)
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        offsets = [i.header_offset for i in archive.infolist() if i.header_offset > 0]
        offsets.append(archive.start_dir)
    for offset in sorted(offsets, reverse=True):
        old, new = (n.to_bytes(4, "little") for n in (offset, offset + 8))
        where = moved.rindex(old)
        moved = moved[:where] + new + moved[where + 4 :]
    with zipfile.ZipFile(io.BytesIO(moved)) as archive:
        assert archive.testzip() is None
    name = name_of("demo")
    results = [segments(tmp_path / n, {name: d}) for n, d in (("1", data), ("2", moved))]
    first, second = ((Path(r).parent / f"{name}.segment").read_bytes() for r in results)
    assert first == second


def test_streams_that_have_no_end_are_refused(tmp_path: Path) -> None:
    data = wheel({"x.py": b"x"})
    _, stream = streams(data)["x.py"]
    # The last bits of a stream say that it ends: without the flag of the last block it does not.
    at = data.index(stream)
    broken = data[:at] + bytes([stream[0] & 0xFE]) + data[at + 1 :]
    with pytest.raises(Exception, match="`x.py`: cannot be unpacked: ") as caught:
        segments(tmp_path / "w", {name_of("demo"): broken})
    assert "the stream has no end" in str(caught.value) or "Error -" in str(caught.value)


# --------------------------------------------------------------------------- a path in two wheels
@pytest.fixture
def shared(tmp_path: Path) -> Path:
    """An archive of two wheels that have a file in common."""
    wheels = {
        name_of(name): wheel({"tests/__init__.py": f"# {name}\n".encode() * 50}, name)
        for name in ("demo", "more")
    }
    return assemble(request_of(tmp_path, [segments(tmp_path / "w", wheels)]))


COMMANDS = {
    "unzip": ["unzip", "-q", "{archive}", "-d", "{folder}"],
    "7zz": ["7zz", "x", "-snld20", "-bso0", "-bsp0", "-o{folder}", "{archive}"],
    "bsdtar": ["bsdtar", "-xf", "{archive}", "-C", "{folder}"],
    "bsdtar of a pipe": ["sh", "-c", "bsdtar -xf - -C {folder} <{archive}"],
}


@pytest.mark.parametrize("name", [*COMMANDS, "zipfile", "deploy-layers"])
def test_the_later_one_of_two_files_counts(name: str, shared: Path, tmp_path: Path) -> None:
    folder = tmp_path / "out"
    folder.mkdir()
    if name == "zipfile":
        with zipfile.ZipFile(shared) as archive:
            archive.extractall(folder)
    elif name == "deploy-layers":
        unpack.unpack(announced(shared, TARGET), folder)
    else:
        program = name.split(maxsplit=1)[0]
        if shutil.which(program) is None:
            pytest.skip(f"{program} is not installed")
        command = [part.format(archive=shared, folder=folder) for part in COMMANDS[name]]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert (folder / SITE / "tests/__init__.py").read_text() == "# more\n" * 50


def test_the_earlier_one_is_not_listed(shared: Path) -> None:
    names = [item.name for item in items(shared.read_bytes())]
    assert len(names) == len(set(names))
    assert shared.read_bytes().count(f"{SITE}/tests/__init__.py".encode()) == 3
    # Behind what is of the first wheel, not among it.
    dist_info = f"{SITE}/demo-1.0.dist-info/RECORD"
    assert names.index(f"{SITE}/tests/__init__.py") > names.index(dist_info)


def test_a_wheel_with_mistakes_is_spliced_like_others(tmp_path: Path) -> None:
    rows = [f"odd.py,{record_hash(b'good')},4"]
    files = {"x.py": b"1", "demo-1.0.data/platlib/x.py": b"1"}
    data = wheel_bytes(files, unlisted={"odd.py": b"evil"}, extra_rows=rows)
    archive = assemble(request_of(tmp_path, [segments(tmp_path / "w", {name_of("demo"): data})]))
    with zipfile.ZipFile(archive) as opened:
        record = opened.read(f"{SITE}/demo-1.0.dist-info/RECORD").decode().splitlines()
        assert opened.testzip() is None
        assert opened.read(f"{SITE}/odd.py") == b"evil"
        assert opened.namelist().count(f"{SITE}/x.py") == 1
    assert record_row("odd.py", b"evil") in record
    assert record_row("x.py", b"1") in record
