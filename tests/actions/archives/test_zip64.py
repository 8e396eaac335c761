"""Archives with more entries, larger files and longer offsets than a plain zip archive counts."""

from __future__ import annotations

import hashlib
import random
import shutil
import subprocess
import zipfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.layer_archives import announced
from tests.support.zip_layers import (
    TARGET,
    ZIP,
    assemble,
    request_of,
)
from venvstacks_rules.actions.archives.zip_writer import ZipSegmentWriter
from venvstacks_rules.actions.files.sinks import CompressedStream
from venvstacks_rules.actions.unpacking import unpack
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.segments import WheelSegments


def with_many_entries(folder: Path, count: int) -> Path:
    sha256 = hashlib.sha256(b"").hexdigest()
    (folder / "w").mkdir()
    with ZipSegmentWriter(
        folder / "w/s", source="many.whl", install_target=TARGET, compression=ZIP
    ) as writer:
        for number in range(count):
            writer.add_stream(f"{number:05}", CompressedStream(False, 0, 0, 0, sha256, []))
    (folder / "w/result.json").write_text(to_json(WheelSegments((writer.segment(),))))
    request = request_of(folder, [str(folder / "w/result.json")])
    return assemble(replace(request, files=(), links=()))


TESTS = {
    "unzip": ["unzip", "-tqq", "{archive}"],
    "7zz": ["7zz", "t", "-bso0", "-bsp0", "{archive}"],
    "bsdtar": ["sh", "-c", "bsdtar -tf {archive} >{archive}.list"],
}


def check_with_others(archive: Path) -> None:
    for program, command in TESTS.items():
        if shutil.which(program) is not None:
            given = [part.format(archive=archive) for part in command]
            done = subprocess.run(given, capture_output=True, text=True, check=False)
            assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.parametrize(
    "count",
    [
        pytest.param(65534, marks=pytest.mark.slow),
        65535,
        pytest.param(65537, marks=pytest.mark.slow),
    ],
)
def test_more_entries_than_fit_into_16_bits(tmp_path: Path, count: int) -> None:
    archive = with_many_entries(tmp_path, count)
    data = archive.read_bytes()
    assert (b"PK\6\6" in data) == (count >= 65535)
    with zipfile.ZipFile(archive) as opened:
        assert len(opened.namelist()) == count
    (tmp_path / "out").mkdir()
    unpack.unpack(announced(archive, TARGET), tmp_path / "out")
    assert len(list((tmp_path / "out" / TARGET).iterdir())) == count
    shutil.rmtree(tmp_path / "out")
    check_with_others(archive)


@pytest.mark.slow
@pytest.mark.timeout(1800)
def test_files_and_offsets_beyond_4_gib(tmp_path: Path) -> None:
    """Writes 14 GB: a stored file of more than 4 GiB, then one that is deflated to little."""
    size = 2**32 + 5
    block = random.Random(1).randbytes(2**20)

    def content() -> Sequence[bytes]:
        return [block] * 2**12 + [b"end.."]

    (tmp_path / "w").mkdir()
    with ZipSegmentWriter(
        tmp_path / "w/s",
        source="large.whl",
        install_target=TARGET,
        compression=Compression("zip", 1),
    ) as writer:
        stored = writer.add_file("stored", content(), size)
        writer.add_file("zeros", [bytes(2**24)] * 2**8 + [b"x"], 2**32 + 1)
        writer.add_file("small", [b"small"], 5, executable=True)
    (tmp_path / "w/result.json").write_text(to_json(WheelSegments((writer.segment(),))))
    archive = assemble(request_of(tmp_path, [str(tmp_path / "w/result.json")]))
    (tmp_path / "w/s").unlink()
    with zipfile.ZipFile(archive) as opened:
        infos = {info.filename: info for info in opened.infolist()}
        assert infos[f"{TARGET}/stored"].compress_type == zipfile.ZIP_STORED
        assert infos[f"{TARGET}/stored"].file_size == size
        assert infos[f"{TARGET}/zeros"].compress_size < 2**26
        assert infos[f"{TARGET}/small"].header_offset > 2**32
        assert opened.read(f"{TARGET}/small") == b"small"
    check_with_others(archive)
    (tmp_path / "out").mkdir()
    unpack.unpack(announced(archive, TARGET), tmp_path / "out")
    archive.unlink()
    with (tmp_path / "out" / TARGET / "stored").open("rb") as stream:
        hasher = hashlib.sha256()
        for chunk in iter(lambda: stream.read(2**20), b""):
            hasher.update(chunk)
    assert hasher.hexdigest() == stored.sha256
    assert (tmp_path / "out" / TARGET / "small").stat().st_mode & 0o777 == 0o755
    shutil.rmtree(tmp_path / "out")
