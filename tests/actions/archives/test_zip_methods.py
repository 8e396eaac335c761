"""Unpacks streams that the standard library compressed."""

from __future__ import annotations

import os
import random
import re
import zipfile

import pytest

from tests.support.wheels import archive_of, expected_hash
from venvstacks_rules.actions.wheels.content import WheelContent

RARE = [zipfile.ZIP_BZIP2, zipfile.ZIP_LZMA]
CONTENTS = {"text": b"import os\n" * 300_000, "noise": os.urandom(3_000_000), "empty": b""}


@pytest.mark.parametrize("method", RARE)
@pytest.mark.parametrize("name", CONTENTS)
def test_content(name: str, method: int) -> None:
    archive = archive_of(CONTENTS, method)
    content = WheelContent(archive, archive.getinfo(name), expected_hash(CONTENTS[name]))
    assert b"".join(content) == CONTENTS[name]
    assert content.problem is None
    assert not content.has_stream


@pytest.mark.parametrize("method", RARE)
def test_pieces_are_small_however_well_it_is_compressed(method: int) -> None:
    data = bytes(50_000_000)
    archive = archive_of({"zeros": data}, method)
    content = WheelContent(archive, archive.getinfo("zeros"), expected_hash(data))
    assert max(len(piece) for piece in content) <= 1024 * 1024
    assert content.problem is None


@pytest.mark.parametrize("method", RARE)
def test_more_than_declared(method: int) -> None:
    archive = archive_of({"zeros": bytes(5_000_000)}, method)
    info = archive.getinfo("zeros")
    info.file_size = 1_500_000
    content = WheelContent(archive, info, expected_hash(b""))
    assert sum(len(piece) for piece in content) <= 1_500_000
    assert content.problem == "unpacks to more than the 1500000 bytes declared"


def test_a_stream_without_end() -> None:
    data = os.urandom(1000)
    problems = []
    for method in RARE:
        archive = archive_of({"x.py": data}, method)
        info = archive.getinfo("x.py")
        info.compress_size = 200
        content = WheelContent(archive, info, expected_hash(data))
        content.check()
        problems.append(content.problem)
    # What LZMA has not unpacked yet depends on its version.
    assert problems[0] == "cannot be unpacked: the stream has no end"
    assert re.fullmatch(r"unpacks to \d+ bytes, expected 1000", problems[1] or "")


def test_a_dictionary_that_would_fill_the_memory() -> None:
    archive = archive_of({"x.py": b"x" * 1000}, zipfile.ZIP_LZMA)
    info = archive.getinfo("x.py")
    file = archive.fp
    assert file is not None
    # Behind the local header and the name lie the version, a size, a byte, and the dictionary's.
    file.seek(info.header_offset + 30 + len("x.py") + 5)
    file.write((1 << 31).to_bytes(4, "little"))
    content = WheelContent(archive, info, expected_hash(b"x" * 1000))
    content.check()
    assert content.problem == (
        "cannot be unpacked: LZMA with 2147483648 bytes of memory; 134217728 are accepted"
    )


@pytest.mark.parametrize("method", RARE)
def test_damaged_streams_are_refused(method: int) -> None:
    data = b"".join(os.urandom(100) + bytes(100) for _ in range(10))
    archive = archive_of({"x.py": data}, method)
    info = archive.getinfo("x.py")
    file = archive.fp
    assert file is not None
    chance = random.Random(1)
    for _ in range(300):
        at = info.header_offset + 30 + len("x.py") + chance.randrange(info.compress_size)
        file.seek(at)
        before = file.read(1)
        file.seek(at)
        file.write(bytes([chance.randrange(256)]))
        content = WheelContent(archive, info, expected_hash(data))
        got = b"".join(content)
        assert got == data or content.problem is not None
        file.seek(at)
        file.write(before)
