from __future__ import annotations

import zipfile
from pathlib import Path

import pytest

from tests.support.wheels import METADATA, WHEEL, regular, wheel_bytes
from venvstacks_rules.actions.wheels.normalized import normalized
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.errors import WheelError

NAME = "demo-1.0-py3-none-any.whl"
REQUIRES = "Requires-Dist: idna (>=3)\nRequires-Dist: attrs\nRequires-Python: >=3.9, <4\n"


def test_the_bytes_follow_from_the_files(tmp_path: Path) -> None:
    """A wheel with other times, another order and compressed is the same wheel."""
    plain = tmp_path / "one" / NAME
    plain.parent.mkdir()
    plain.write_bytes(wheel_bytes({"demo.py": b"x = 1\n" * 100}, metadata=METADATA + REQUIRES))
    other = tmp_path / "two" / NAME
    other.parent.mkdir()
    with zipfile.ZipFile(plain) as source, zipfile.ZipFile(other, "w") as target:
        for info in reversed(source.infolist()):
            copied = zipfile.ZipInfo(info.filename, (2024, 2, 2, 2, 2, 2))
            copied.external_attr = info.external_attr
            copied.compress_type = zipfile.ZIP_DEFLATED
            target.writestr(copied, source.read(info))
    assert plain.read_bytes() != other.read_bytes()
    found = [normalized(str(path), str(path.parent / "out" / NAME)) for path in (plain, other)]
    assert found[0] == found[1]
    output = plain.parent / "out" / NAME
    assert (found[0].sha256, found[0].size) == sha256_of(output)
    with zipfile.ZipFile(output) as archive, zipfile.ZipFile(plain) as source:
        assert archive.namelist() == [
            "demo.py",
            "demo-1.0.dist-info/METADATA",
            "demo-1.0.dist-info/RECORD",
            "demo-1.0.dist-info/WHEEL",
        ]
        assert all(archive.read(name) == source.read(name) for name in archive.namelist())
    assert found[0].file_name == NAME
    told = found[0].distribution
    assert (told.name, told.version) == ("demo", "1.0")
    assert (told.requires, told.requires_python) == (("attrs", "idna>=3"), "<4,>=3.9")


def test_a_program_stays_one(tmp_path: Path) -> None:
    wheel = tmp_path / NAME
    wheel.write_bytes(wheel_bytes({"demo.sh": b"#!/bin/sh\n", "demo.py": b""}))
    marked = tmp_path / "marked" / NAME
    marked.parent.mkdir()
    with zipfile.ZipFile(wheel) as source, zipfile.ZipFile(marked, "w") as target:
        for info in source.infolist():
            info.external_attr = regular(0o775 if info.filename == "demo.sh" else 0o664)
            target.writestr(info, source.read(info))
    normalized(str(marked), str(tmp_path / "out.whl"))
    with zipfile.ZipFile(tmp_path / "out.whl") as archive:
        modes = {i.filename: oct(i.external_attr >> 16) for i in archive.infolist()}
    assert (modes["demo.sh"], modes["demo.py"]) == ("0o100755", "0o100644")


def test_a_damaged_wheel_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / NAME
    with zipfile.ZipFile(wheel, "w") as archive:
        for name, content in {
            "demo.py": b"x = 1\n",
            "demo-1.0.dist-info/METADATA": METADATA.encode(),
            "demo-1.0.dist-info/WHEEL": WHEEL.encode(),
            "demo-1.0.dist-info/RECORD": b"",
        }.items():
            archive.writestr(name, content)
    wheel.write_bytes(wheel.read_bytes().replace(b"x = 1", b"x = 2", 1))
    with pytest.raises(WheelError) as caught:
        normalized(str(wheel), str(tmp_path / "out.whl"))
    assert str(caught.value) == (
        "A wheel that was built here cannot be used:\n"
        f"  * `{NAME}`: cannot be unpacked: Bad CRC-32 for file 'demo.py'"
    )


def test_a_wheel_without_metadata_is_refused(tmp_path: Path) -> None:
    wheel = tmp_path / NAME
    with zipfile.ZipFile(wheel, "w") as archive:
        archive.writestr("demo.py", b"")
    with pytest.raises(WheelError, match=r"there must be one \.dist-info folder; found: none"):
        normalized(str(wheel), str(tmp_path / "out.whl"))
