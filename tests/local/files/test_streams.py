from __future__ import annotations

import io
from pathlib import Path

import pytest

from venvstacks_rules.local.files.streams import CHUNK, exactly, sha256_of


@pytest.mark.parametrize("size", [0, 1, CHUNK, CHUNK + 1, 2 * CHUNK + 2])
def test_exactly_as_many_bytes_as_asked_for_are_read(size: int) -> None:
    stream = io.BytesIO(b"x" * (2 * CHUNK + 2))
    assert sum(map(len, exactly(stream, size, "file"))) == stream.tell() == size


def test_what_is_too_short_is_named() -> None:
    stream = io.BytesIO(b"abc")
    with pytest.raises(EOFError) as caught:
        list(exactly(stream, 4, "file"))
    assert str(caught.value) == "it ends within `file`"


def test_sha256_of_a_file(tmp_path: Path) -> None:
    (tmp_path / "abc").write_bytes(b"abc")
    # FIPS 180-4, the example of one block.
    assert sha256_of(tmp_path / "abc") == (
        "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad",
        3,
    )
