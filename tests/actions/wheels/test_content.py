"""Reads entries of wheels that are sound, and of some that are not."""

from __future__ import annotations

import hashlib
import os
import zipfile

import pytest

from tests.support.wheels import archive_of, expected_hash
from venvstacks_rules.actions.wheels.content import WheelContent

CONTENTS = {"text": b"import os\n" * 300_000, "noise": os.urandom(3_000_000), "empty": b""}


@pytest.mark.parametrize("algorithm", ["sha256", "sha384", "sha512"])
@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
@pytest.mark.parametrize("name", CONTENTS)
def test_content_and_stream(name: str, method: int, algorithm: str) -> None:
    data = CONTENTS[name]
    archive = archive_of(CONTENTS, method)
    info = archive.getinfo(name)
    content = WheelContent(archive, info, expected_hash(data, algorithm))
    assert b"".join(content) == data
    assert content.problem is None
    stream = content.stream()
    assert (stream.deflated, stream.size) == (method == zipfile.ZIP_DEFLATED, len(data))
    assert stream.sha256 == hashlib.sha256(data).hexdigest()
    assert (stream.crc, stream.compressed_size) == (info.CRC, info.compress_size)
    raw = b"".join(stream.chunks)
    assert len(raw) == info.compress_size
    if method == zipfile.ZIP_STORED:
        assert raw == data


def test_pieces_are_small_however_well_it_is_compressed() -> None:
    data = bytes(50_000_000)
    archive = archive_of({"zeros": data}, zipfile.ZIP_DEFLATED)
    content = WheelContent(archive, archive.getinfo("zeros"), expected_hash(data))
    assert max(len(piece) for piece in content) <= 1024 * 1024
    assert content.problem is None


def test_a_wrong_checksum() -> None:
    archive = archive_of({"x.py": b"x"}, zipfile.ZIP_DEFLATED)
    info = archive.getinfo("x.py")
    info.CRC ^= 1
    content = WheelContent(archive, info, expected_hash(b"x"))
    content.check()
    assert content.problem == "cannot be unpacked: Bad CRC-32 for file `x.py`"


def test_a_stream_without_end() -> None:
    archive = archive_of({"x.py": b"x" * 1000 + os.urandom(1000)}, zipfile.ZIP_DEFLATED)
    info = archive.getinfo("x.py")
    info.compress_size -= 500
    content = WheelContent(archive, info, expected_hash(b""))
    content.check()
    assert content.problem == "cannot be unpacked: the stream has no end"


def test_an_empty_file_without_a_stream_is_stored() -> None:
    archive = archive_of({"x.py": b""}, zipfile.ZIP_STORED)
    info = archive.getinfo("x.py")
    info.compress_type = zipfile.ZIP_DEFLATED
    assert archive.read(info) == b""
    content = WheelContent(archive, info, expected_hash(b""))
    content.check()
    assert content.problem is None
    stream = content.stream()
    assert (stream.deflated, stream.compressed_size, list(stream.chunks)) == (False, 0, [])


def test_more_and_less_than_declared() -> None:
    for method in (zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED):
        archive = archive_of({"x.py": b"x" * 100}, method)
        info = archive.getinfo("x.py")
        for declared, problem in (
            (99, "unpacks to more than the 99 bytes declared"),
            (101, "unpacks to 100 bytes, expected 101"),
        ):
            info.file_size = declared
            content = WheelContent(archive, info, expected_hash(b"x" * 100))
            assert sum(map(len, content)) <= declared
            assert content.problem == problem
