"""Interpreter archives that are hostile or damaged are refused, by ``interpreter-segments``."""

from __future__ import annotations

import gzip
import io
import lzma
import subprocess
import tarfile
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest
import zstandard

from tests.support.interpreter_archives import (
    INSTALL_ONLY,
    MINIMAL,
    entries,
    error,
    file,
    hard_link,
    other,
    run,
    symlink,
    tar,
)
from venvstacks_rules.actions.interpreters import archive
from venvstacks_rules.local.files import streams


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


REFUSED = "cannot be unpacked: the path"
CHARACTER = "contains a backslash or a control character"
BELOW = "lies below `python/bin/python3.11`, which is not a folder"


@pytest.mark.parametrize(
    ("members", "problems"),
    [
        ([file("/etc/passwd")], [f"`/etc/passwd` {REFUSED} is absolute"]),
        ([file("python/../../x")], [f"`python/../../x` {REFUSED} contains `..`"]),
        ([file("python/a\\b")], [f"`python/a\\b` {REFUSED} {CHARACTER}"]),
        ([file("python/a\x1b[2J")], [rf"`python/a\x1b[2J` {REFUSED} {CHARACTER}"]),
        ([file("other/x")], ["`other/x` lies outside the folder `python/`"]),
        ([file("pythonx")], ["`pythonx` lies outside the folder `python/`"]),
        ([file("python")], ["`python` is not a folder"]),
        ([file("python/bin/python3.11")], ["`python/bin/python3.11` occurs twice"]),
        (
            [symlink("python/bin//./python3.11", "x")],
            ["`python/bin//./python3.11` occurs twice"],
        ),
        (
            [symlink("python/l", "/etc/passwd")],
            ["`python/l` links to `/etc/passwd`, which leaves the archive's folder"],
        ),
        (
            [symlink("python/l", "bin/../../../etc")],
            ["`python/l` links to `bin/../../../etc`, which leaves the archive's folder"],
        ),
        (
            [symlink("python/l", "..")],
            ["`python/l` links to `..`, which leaves the archive's folder"],
        ),
        (
            [symlink("python/l", "a\\b")],
            [f"`python/l` links to `a\\b`: the link's target {CHARACTER}"],
        ),
        (
            [hard_link("python/l", "/etc/passwd")],
            ["`python/l` is a hard link to `/etc/passwd`, which is not a file before it"],
        ),
        (
            [hard_link("python/l", "python/../../x")],
            ["`python/l` is a hard link to `python/../../x`, which is not a file before it"],
        ),
        (
            [other("python/f", tarfile.FIFOTYPE), other("python/d", tarfile.CHRTYPE)],
            [
                "`python/f` is neither a file, a folder nor a link",
                "`python/d` is neither a file, a folder nor a link",
            ],
        ),
        (
            [symlink("python/up", "lib"), file("python/up/x")],
            ["`python/up/x` lies below `python/up`, which is not a folder"],
        ),
        ([file("python/bin/python3.11/x")], [f"`python/bin/python3.11/x` {BELOW}"]),
        (
            [other("python/bin/python3.11", tarfile.DIRTYPE)],
            ["`python/bin/python3.11` is both a folder and a file or link"],
        ),
    ],
)  # fmt: skip
def test_hostile_members(
    members: Iterable[tuple[tarfile.TarInfo, bytes]], problems: list[str]
) -> None:
    assert error(tar([*MINIMAL, *members])) == "\n".join(
        ["the interpreter archive `cpython.tar` is refused", *(f"  * {p}" for p in problems)]
    )


def test_a_link_through_a_link_cannot_leave() -> None:
    # `e` is `x/d/../..` through `d -> ..`: lexically inside, outside for the kernel.
    run(
        tar(
            [
                *MINIMAL,
                file("python/x/y/file"),
                symlink("python/x/y/d", "../.."),
                symlink("python/e", "x/y/d/../.."),
            ]
        )
    )
    targets = {m.name.partition("/")[2]: m.linkname for m in entries() if m.issym()}
    assert targets["x/y/d"] == "../.."
    assert targets["e"] == "x"


def test_a_loop_of_links_is_left_out() -> None:
    run(tar([*MINIMAL, symlink("python/a", "b"), symlink("python/b", "a")]))
    assert len(entries()) == 4


def test_many_problems_are_counted() -> None:
    message = error(tar([*MINIMAL, *(file(f"x{i:02}") for i in range(25))]))
    lines = message.splitlines()
    assert len(lines) == 22
    assert lines[-2:] == ["  * `x19` lies outside the folder `python/`", "  * and 5 more problems"]


# ---------------------------------------------------------------------------------------- damage
def damaged(reason: str) -> str:
    return f"the interpreter archive `cpython.tar` is damaged\n  * {reason}"


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress])
def test_truncated(compress: Callable[[bytes], bytes]) -> None:
    data = compress(tar(INSTALL_ONLY))
    assert error(data[:-20]) == damaged("it ends in the middle of the compressed data")


def test_truncated_tar() -> None:
    data = tar(MINIMAL)
    end = data.rstrip(b"\0")
    cut = data[: -(-len(end) // 512) * 512]
    assert error(cut) == damaged("the end of the tar archive is missing")
    assert error(zstandard.compress(cut)) == damaged("the end of the tar archive is missing")


def test_a_broken_header_does_not_end_the_archive() -> None:
    data = bytearray(tar([*MINIMAL, *(file(f"python/{i}", "x" * 5000) for i in range(300))]))
    data[2048 : 2048 + 100] = b"\xff" * 100
    assert error(bytes(data)) == damaged("it has data after the end of the tar archive")


def test_not_an_archive() -> None:
    assert error(b"<html>" * 1000) == damaged("invalid header")


def test_wrong_checksum() -> None:
    data = bytearray(gzip.compress(tar(MINIMAL)))
    data[-8] ^= 1
    assert error(bytes(data)) == damaged(
        "it cannot be decompressed: Error -3 while decompressing data: incorrect data check"
    )


@pytest.mark.parametrize("compress", [gzip.compress, lzma.compress, zstandard.compress])
def test_absurd_growth(compress: Callable[[bytes], bytes], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MIN_EXPANSION", 10_000_000)
    bomb = compress(tar([*MINIMAL, file("python/zeros", "\0" * 20_000_000)]))
    assert len(bomb) * streams.MOST_GROWTH < 10_000_000
    assert error(bomb) == damaged("it unpacks to more than the 10000000 bytes that are accepted")


def test_too_many_members(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(archive, "MAX_MEMBERS", 3)
    members = [*MINIMAL, file("python/1"), file("python/2")]
    assert error(tar(members)) == damaged("it has more than 3 members")


def test_a_sparse_file_is_refused(folder: Path) -> None:
    hole = folder / "python/hole"
    hole.parent.mkdir()
    with hole.open("wb") as stream:
        stream.truncate(10_000_000)
        stream.seek(0, io.SEEK_END)
        stream.write(b"x")
    subprocess.run(["tar", "-cSf", "sparse.tar", "python/hole"], check=True)
    assert error(Path("sparse.tar").read_bytes()) == (
        "the interpreter archive `cpython.tar` is refused\n"
        "  * `python/hole` is neither a file, a folder nor a link"
    )


# ---------------------------------------------------------------------------- a real interpreter
