from __future__ import annotations

import sys

import backports.zstd
import pytest
import zstandard

from venvstacks_rules.local.archives import patches
from venvstacks_rules.local.archives.patches import can_patch, patched
from venvstacks_rules.local.files.streams import DamagedError

BASE = b"".join(b"line %d of what was there before\n" % i for i in range(2000))
CONTENT = BASE[:30_000] + b"something else" + BASE[30_000:]


def frame(content: bytes = CONTENT, base: bytes = BASE, *, says_size: bool = True) -> bytes:
    dictionary = zstandard.ZstdCompressionDict(base, dict_type=zstandard.DICT_TYPE_RAWCONTENT)
    compressor = zstandard.ZstdCompressor(
        dict_data=dictionary if base else None, write_content_size=says_size
    )
    return compressor.compress(content)


@pytest.fixture(params=["zstandard", "compression.zstd"])
def library(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """Each of the two; that of Python 3.14 is the same code for older versions."""
    if request.param != "zstandard":
        monkeypatch.setitem(sys.modules, "zstandard", None)
        monkeypatch.setitem(sys.modules, "compression", backports)
        monkeypatch.setitem(sys.modules, "compression.zstd", backports.zstd)
    return str(request.param)


@pytest.mark.usefixtures("library")
def test_patches() -> None:
    made = frame()
    assert len(made) < 200
    assert patched(made, BASE, len(CONTENT)) == CONTENT
    assert patched(frame(base=b""), b"", len(CONTENT)) == CONTENT


def test_which_library_it_is(library: str, monkeypatch: pytest.MonkeyPatch) -> None:
    other = "_by_python" if library == "zstandard" else "_by_zstandard"
    monkeypatch.delattr(patches, other)
    assert patched(frame(), BASE, len(CONTENT)) == CONTENT


@pytest.mark.usefixtures("library")
@pytest.mark.parametrize(
    ("made", "base", "size", "problem"),
    [
        (frame(), BASE, 7, f"a part says that it unpacks to {len(CONTENT)} bytes, not 7"),
        (frame(), BASE[1:], len(CONTENT), "a part cannot be unpacked: "),
        (frame(), b"", len(CONTENT), "a part cannot be unpacked: "),
        (frame()[:-9], BASE, len(CONTENT), "a part "),
        (b"no frame at all", BASE, len(CONTENT), "a part cannot be unpacked: "),
        (frame(says_size=False), BASE, len(CONTENT), "a part says that it unpacks to "),
        (b"", BASE, len(CONTENT), "a part cannot be unpacked: "),
    ],
)
def test_refuses(made: bytes, base: bytes, size: int, problem: str) -> None:
    with pytest.raises(DamagedError) as caught:
        patched(made, base, size)
    assert str(caught.value).startswith(problem)


@pytest.mark.usefixtures("library")
def test_no_frame_gets_a_window_that_its_content_does_not_need() -> None:
    """It would have 128 MiB, for content that comes to no end."""
    size, window_log = 8 * 1024 * 1024, 27
    header = b"\x28\xb5\x2f\xfd\x80" + bytes([(window_log - 10) << 3]) + size.to_bytes(4, "little")
    with pytest.raises(DamagedError) as caught:
        patched(header + b"\0\0", b"", size)
    assert "Frame requires too much memory" in str(caught.value)


def test_a_base_with_other_bytes_of_the_same_size() -> None:
    """The frame does not know: the hash of the file has to tell."""
    other = BASE.replace(b"before", b"BEFORE")
    assert patched(frame(), other, len(CONTENT)) == CONTENT.replace(b"before", b"BEFORE")


def test_no_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object) -> bytes:
        raise MemoryError

    monkeypatch.setattr(patches, "_by_zstandard", refuse)
    with pytest.raises(DamagedError) as caught:
        patched(frame(), BASE, 5)
    assert str(caught.value) == "there is no memory for a part of 5 bytes"


def test_whether_there_is_a_library(monkeypatch: pytest.MonkeyPatch) -> None:
    assert can_patch()
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    assert not can_patch()
