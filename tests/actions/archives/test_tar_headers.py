from __future__ import annotations

import io
import shutil
import subprocess
import tarfile

import pytest

from venvstacks_rules.actions.archives import tar_headers
from venvstacks_rules.actions.archives.tar_headers import END_OF_ARCHIVE, TarEntry, header, padding

NAMES = [
    "a",
    "top/file.txt",
    "x" * 100,
    "d" * 99 + "/" + "f" * 100,
    "p" * 155 + "/" + "f" * 100,  # the longest that needs no record
    "p" * 156 + "/" + "f" * 100,
    "p/" + "f" * 101,
    "deep/" * 60 + "leaf",
    "ü" * 40 + "/naïve.py",
    "日本語/" * 50 + "ファイル",
    "with space/and 'quote'.txt",
]
TARGETS = ["t", "../" * 5 + "lib/x.so", "t" * 100, "t" * 101, "ziel-ü"]


def stream_of(*entries: tuple[TarEntry, bytes]) -> bytes:
    return b"".join(header(e) + data + padding(len(data)) for e, data in entries) + END_OF_ARCHIVE


def everything() -> bytes:
    files = [
        (TarEntry(name, len(name), i % 2 == 1), b"x" * len(name)) for i, name in enumerate(NAMES)
    ]
    links = [(TarEntry(f"link{i}", link_target=target), b"") for i, target in enumerate(TARGETS)]
    return stream_of(*files, *links)


def test_python_reads_what_was_written() -> None:
    with tarfile.open(fileobj=io.BytesIO(everything())) as archive:
        infos = archive.getmembers()
    assert [i.name for i in infos if i.isreg()] == NAMES
    assert [i.linkname for i in infos if i.issym()] == TARGETS
    assert [i.mode for i in infos if i.isreg()] == [
        0o755 if i % 2 else 0o644 for i in range(len(NAMES))
    ]
    assert {(i.uid, i.gid, i.uname, i.gname, i.mtime) for i in infos} == {(0, 0, "", "", 315619200)}


@pytest.mark.parametrize("program", ["tar", "bsdtar"])
def test_other_programs_read_what_was_written(program: str) -> None:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    done = subprocess.run(
        [found, "-tf", "-"],
        input=everything(),
        capture_output=True,
        check=True,
        env={"LC_ALL": "C.UTF-8", "QUOTING_STYLE": "literal"},
    )
    links = [f"link{i}" for i in range(len(TARGETS))]
    assert done.stderr.decode() == ""
    assert done.stdout.decode().splitlines() == [*NAMES, *links]


@pytest.mark.parametrize("name", [n for n in NAMES if n.isascii() and len(n) <= 100])
def test_short_header_is_what_the_standard_library_writes(name: str) -> None:
    info = tarfile.TarInfo(name)
    info.size, info.mode, info.mtime = 7, 0o644, 315619200
    ours = header(TarEntry(name, 7))
    theirs = info.tobuf(tarfile.USTAR_FORMAT)

    # Some releases leave the device numbers of files blank; readers ignore them and the checksum
    # counts them.
    def comparable(block: bytes) -> bytes:
        return block[:148] + block[156:329] + block[345:]

    assert comparable(ours) == comparable(theirs)
    assert len(ours) == 512


def test_the_longest_path_without_a_record_fits_one_block() -> None:
    assert len(header(TarEntry("p" * 155 + "/" + "f" * 100))) == 512
    assert len(header(TarEntry("p" * 156 + "/" + "f" * 100))) == 3 * 512


def test_size_beyond_octal_is_kept_in_a_record() -> None:
    size = 8**11
    info = tarfile.TarInfo.frombuf(header(TarEntry("big", size))[1024:], "utf-8", "strict")
    assert info.size == 0
    with tarfile.open(fileobj=io.BytesIO(header(TarEntry("big", size)))) as archive:
        member = archive.next()
    assert member is not None
    assert member.size == size
    assert tarfile.TarInfo.frombuf(header(TarEntry("b", size - 1)), "utf-8", "strict").size == (
        size - 1
    )


@pytest.mark.parametrize("length", range(80, 125))
def test_record_counts_its_own_length(length: int) -> None:
    record = tar_headers._pax_record("path", "x" * length)
    assert int(record.split(b" ")[0]) == len(record)


def test_padding_fills_blocks() -> None:
    assert [len(padding(size)) for size in (0, 1, 511, 512, 513)] == [0, 511, 1, 0, 511]
