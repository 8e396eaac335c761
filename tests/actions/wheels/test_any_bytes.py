"""Wheels and layer archives of any bytes: each is used or refused in words."""

from __future__ import annotations

import hashlib
import json
import random
import shutil
import struct
from pathlib import Path

import pytest

from tests.support.wheels import FILE_NAME, wheel_bytes
from tests.support.zips import Zip
from venvstacks_rules.actions.commands import analyze_wheels, install_wheel, wheel_segments
from venvstacks_rules.actions.unpacking.unpack import unpack
from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.requests.deploy import DeployedArchive

NUMBERS = (0, 1, 2, 2**31, 2**32 - 1, 2**63 - 1, 2**63, 2**64 - 1)
ROUNDS = 250


def mutated(data: bytes, numbers: random.Random) -> bytes:
    """`data` with some other bytes, at times with sizes and offsets of 64 bits, or cut."""
    changed = bytearray(_with_zip64(data, numbers) if numbers.random() < 0.4 else data)
    start = changed.find(b"PK\1\2") if numbers.random() < 0.6 else 0
    for _ in range(numbers.randint(0, 4)):
        value = numbers.choice((0, 255, 128, 1, numbers.randrange(256)))
        changed[numbers.randrange(start, len(changed))] = value
    return bytes(changed[: numbers.randrange(len(changed))] if numbers.random() < 0.1 else changed)


def _with_zip64(data: bytes, numbers: random.Random) -> bytes:
    at = data.rindex(b"PK\5\6")
    values = [numbers.choice((*NUMBERS, len(data), at)) for _ in range(4)]
    record = struct.pack("<4sQ2H2L4Q", b"PK\6\6", 44, 45, 45, 0, 0, *values)
    locator = struct.pack("<4sLQL", b"PK\6\7", 0, numbers.choice((at, 0, 2**63)), 1)
    end = bytearray(data[at:])
    end[8:20] = b"\xff" * 12
    return data[:at] + record + locator + bytes(end)


@pytest.mark.parametrize("verb", ["install-wheel", "analyze-wheels", "wheel-segments"])
def test_wheels(tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    good = wheel_bytes({"demo.py": b"x = 1\n" * 50, "demo/_x.so": b"\x7fELF" + bytes(200)})
    numbers = random.Random(1)
    refused = 0
    for _ in range(ROUNDS):
        data = mutated(good, numbers)
        Path("wheel").write_bytes(data)
        wheel = {"path": "wheel", "file_name": FILE_NAME, "size": len(data)}
        wheel["sha256"] = hashlib.sha256(data).hexdigest()
        layer = {"python_version": "3.11", "os_name": "posix"}
        try:
            if verb == "install-wheel":
                install_wheel.run(json.dumps({**wheel, "output": "out"}))
            elif verb == "analyze-wheels":
                analyze_wheels.run(json.dumps({"wheels": [wheel], **layer}))
            else:
                compression = {"archive_format": "zip", "level": 1}
                target = {"install_target": "x", "compression": compression}
                wheels = [{**wheel, "output": "out/segment"}]
                wheel_segments.run(json.dumps({"wheels": wheels, **layer, **target}))
        except VenvstacksError:
            refused += 1
            assert not [path for path in Path().glob("out/**/*") if path.is_file()]
        shutil.rmtree("out", ignore_errors=True)
    assert ROUNDS / 4 < refused < ROUNDS


def test_layer_archives(tmp_path: Path) -> None:
    good = Zip().add("x/a", b"abc" * 30, method=8).add("x/b", b"1").bytes()
    numbers = random.Random(2)
    refused = 0
    for number in range(ROUNDS):
        data = mutated(good, numbers)
        (tmp_path / "archive").write_bytes(data)
        folder = tmp_path / str(number)
        folder.mkdir()
        archive = DeployedArchive(
            str(tmp_path / "archive"), "x", hashlib.sha256(data).hexdigest(), len(data)
        )
        try:
            unpack(archive, folder)
        except VenvstacksError:
            refused += 1
    assert ROUNDS / 4 < refused < ROUNDS
