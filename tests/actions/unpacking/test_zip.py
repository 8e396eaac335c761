"""Hostile and damaged zip archives are refused; sound ones are unpacked with all they have."""

from __future__ import annotations

import dataclasses
import os
import struct
import zipfile
from pathlib import Path

import pytest

from tests.support.layer_archives import announced, tree
from tests.support.zips import EXECUTABLE, FOLDER, LINK, REGULAR, Zip
from venvstacks_rules.actions.archives import zip_reader
from venvstacks_rules.actions.unpacking.unpack import unpack as unpack_archive
from venvstacks_rules.local.archives import zip_headers
from venvstacks_rules.local.files import streams
from venvstacks_rules.model.errors import ArchiveError


def unpack(folder: Path, data: bytes) -> Path:
    (folder / "x.zip").write_bytes(data)
    (folder / "out").mkdir()
    unpack_archive(announced(folder / "x.zip", "x"), folder / "out")
    return folder / "out"


def refused(folder: Path, data: bytes) -> list[str]:
    with pytest.raises(ArchiveError) as caught:
        unpack(folder, data)
    path = folder / "x.zip"
    assert caught.value.summary == f"`x` cannot be deployed from `{path}`"
    assert {name for name in tree(folder) if not name.startswith("out/")} == {"out", "x.zip"}
    return list(caught.value.problems)


HOSTILE = {
    "absolute": (Zip().add("/x/a"), "`/x/a`: the path is absolute"),
    "drive": (Zip().add("C:/x"), "`C:/x`: the path is absolute"),
    "parent": (Zip().add("x/../../a"), "`x/../../a`: the path contains `..`"),
    "backslash": (
        Zip().add("x/a\\b"),
        "`x/a\\b`: the path contains a backslash or a control character",
    ),
    "control": (
        Zip().add("x/a\n"),
        "`x/a\\n`: the path contains a backslash or a control character",
    ),
    "no name": (Zip().add(""), "``: the path contains an empty component or `.`"),
    "other folder": (Zip().add("y/a"), "`y/a`: not below `x/`"),
    "top-level file": (Zip().add("x"), "it has no folder `x`"),
    "empty": (Zip(), "it has no folder `x`"),
    "device": (Zip().add("x/null", mode=0o020666), "`x/null`: neither a file, a folder nor a link"),
    "file as folder": (
        Zip().add("x/a/", mode=EXECUTABLE),
        "`x/a`: neither a file, a folder nor a link",
    ),
    "folder with content": (
        Zip().add("x/a/", "content", mode=FOLDER),
        "`x/a`: neither a file, a folder nor a link",
    ),
    "absolute link": (
        Zip().link("x/l", "/etc/passwd"),
        "`x/l`: a symbolic link to `/etc/passwd`: the link's target is not a relative path",
    ),
    "link outside": (
        Zip().link("x/b/l", "../../../etc"),
        "`x/b/l`: a symbolic link to `../../../etc`: "
        "the link's target is outside of the layers' folder",
    ),
    "deflated link outside": (
        Zip().add("x/l", "../../e", mode=LINK, method=8),
        "`x/l`: a symbolic link to `../../e`: the link's target is outside of the layers' folder",
    ),
    "winding link": (
        Zip().link("x/d", ".").link("x/l", "d/d/../.."),
        "`x/l`: a symbolic link to `d/d/../..`: the link's target has `..` after a name",
    ),
    "empty link": (
        Zip().link("x/l", ""),
        "`x/l`: a symbolic link to ``: the link's target is not a relative path",
    ),
    "link of bytes": (
        Zip().add("x/l", b"\xff", mode=LINK),
        "`x/l`: a symbolic link to `\\udcff`: the link's target is not Unicode text",
    ),
    "long link": (
        Zip().link("x/l", "a" * 4097),
        "`x/l`: a symbolic link whose target has 4097 bytes",
    ),
    "through a good link": (
        Zip().link("x/l", "../other").add("x/l/a/b", "a"),
        "`x/l/a/b`: below `x/l`, which is a symbolic link",
    ),
    "below a file": (
        Zip().add("x/f", "f").add("x/f/a", "a"),
        "`x/f/a`: below `x/f`, which is a file",
    ),
    "twice": (Zip().add("x/f", "f").add("x/f", "g"), "`x/f`: a file that occurs twice"),
    "link twice": (
        Zip().link("x/l", "a").link("x/l", "b"),
        "`x/l`: a symbolic link that occurs twice",
    ),
    "file, then link": (
        Zip().add("x/f", "f").link("x/f", "../other"),
        "`x/f`: a symbolic link, but a file earlier in the same archive",
    ),
    "folder, then link": (
        Zip().add("x/f/a").link("x/f", "../other"),
        "`x/f`: a symbolic link, but a folder earlier in the same archive",
    ),
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_entries_are_refused_by_name(tmp_path: Path, name: str) -> None:
    archive, problem = HOSTILE[name]
    assert refused(tmp_path, archive.bytes()) == [problem]


def test_problems_are_cut_off_after_twenty(tmp_path: Path) -> None:
    archive = Zip()
    for number in range(30):
        archive.add(f"y/{number}")
    problems = refused(tmp_path, archive.bytes())
    assert len(problems) == 21
    assert problems[-1] == "and perhaps more: the rest was not checked"


def one() -> Zip:
    return Zip().add("x/a", "content")


def central_extra(extra: bytes) -> bytes:
    """An archive whose directory has an extra field that the local header lacks."""
    archive = one()
    size = struct.pack("<H", len(extra))
    archive.directory = archive.directory[:30] + size + archive.directory[32:] + extra
    return archive.bytes()


DAMAGED = {
    "comment": (
        one().bytes(comment=b"!"),
        "it does not end like a zip archive without a comment",
    ),
    "prefix": (b"PK\3\4" + one().bytes(), "its directory is not at its end"),
    "data after": (
        one().bytes() + b"x",
        "it does not end like a zip archive without a comment",
    ),
    "nothing but a magic": (b"PK\3\4", "it ends in the middle of its directory"),
    "several parts": (one().bytes(disk=1), "it is one part of several"),
    "fewer here": (one().bytes(here=0), "it is one part of several"),
    "more entries than listed": (
        one().bytes(here=2, count=2),
        "its directory cannot be read: it is not complete",
    ),
    "fewer entries than listed": (
        one().add("x/b").bytes(here=1, count=1),
        "its directory cannot be read: the number of entries is wrong",
    ),
    "no ZIP64 where it is needed": (
        one().bytes(here=0xFFFF, count=0xFFFF),
        "it needs a ZIP64 record, and has none",
    ),
    "not listed": (one().add("x/b", listed=False).bytes(), "`x/b` is not in its directory"),
    "listed only": (
        one().add("x/b", local=False).bytes(),
        "its directory cannot be read: no local header",
    ),
    "two for one": (
        one().add("x/b", "content", local=False, offset=0).bytes(),
        "`x/b` overlaps another entry",
    ),
    "another name": (
        Zip()
        .add("x/b", "content", listed=False)
        .add("x/a", "content", local=False, offset=0)
        .bytes(),
        "`x/a` differs between the directory and its local header",
    ),
    "another checksum": (
        Zip().add("x/a", "content", crc=7).bytes(),
        "`x/a` differs between the directory and its local header",
    ),
    "another size": (
        Zip().add("x/a", "content", size=6).bytes(),
        "`x/a` differs between the directory and its local header",
    ),
    "encrypted": (
        Zip().add("x/a", "content", flags=1).bytes(),
        "its directory cannot be read: `x/a` is encrypted",
    ),
    "sizes after": (
        Zip().add("x/a", "content", flags=8).bytes(),
        "its directory cannot be read: `x/a` has its sizes after its content",
    ),
    "a second name in its own header": (
        Zip().add("x/a", extra=b"UT\x01\0\0up\x08\0\x01aaaax/b").bytes(),
        "its directory cannot be read: an entry has a second name",
    ),
    "a second name in the directory": (
        central_extra(b"up\x08\0\x01aaaax/b"),
        "its directory cannot be read: an entry has a second name",
    ),
    "encrypted by its own header only": (
        one().bytes()[:6] + b"\1" + one().bytes()[7:],
        "the entry at 0 is encrypted or has its sizes after its content",
    ),
    "sizes after by its own header only": (
        one().bytes()[:6] + b"\x08" + one().bytes()[7:],
        "the entry at 0 is encrypted or has its sizes after its content",
    ),
    "method": (
        Zip().add("x/a", "content", method=14).bytes(),
        "its directory cannot be read: `x/a` is compressed by method 14, not stored or deflated",
    ),
    "name in another encoding": (
        one().bytes().replace(b"x/a", b"x/\xe4"),
        "its directory cannot be read: 'ascii' codec can't decode byte 0xe4 in position 2: "
        "ordinal not in range(128)",
    ),
}


@pytest.mark.parametrize("name", DAMAGED)
def test_archives_that_programs_read_differently_are_refused(tmp_path: Path, name: str) -> None:
    data, problem = DAMAGED[name]
    assert refused(tmp_path, data) == [f"damaged: {problem}"]


def test_an_offset_larger_than_any_file_is_refused(tmp_path: Path) -> None:
    huge = zip_headers.ZipEntry("x/a", 0, 0, 2**63, 0)
    data = zip_headers.local_header(huge)
    directory = zip_headers.central_header(huge, REGULAR, 0) + zip_headers.central_header(
        zip_headers.ZipEntry("x/b", 0, 0, 0, 0), REGULAR, len(data) + 2**63
    )
    data += directory + zip_headers.end_of_archive(2, len(directory), len(data))
    assert refused(tmp_path, data) == ["damaged: it ends in the middle of its directory"]


def patched(data: bytes, at: int, value: bytes) -> bytes:
    return data[:at] + value + data[at + len(value) :]


def test_damaged_contents_are_refused(tmp_path: Path) -> None:
    stored = one().bytes()
    content = stored.index(b"content")
    deflated = Zip().add("x/a", "content" * 99, method=8).bytes()
    stream = 30 + len("x/a")
    cases = {
        "another checksum than listed": patched(stored, content, b"C"),
        "another size than the 693 bytes listed": patched(deflated, stream, b"\x03\x00"),
    }
    for number, (problem, data) in enumerate(cases.items()):
        (tmp_path / str(number)).mkdir()
        assert refused(tmp_path / str(number), data) == [f"damaged: `x/a` has {problem}"]
    (tmp_path / "reserved").mkdir()
    (problem,) = refused(tmp_path / "reserved", patched(deflated, stream, b"\xff"))
    assert problem.startswith("damaged: `x/a` cannot be unpacked: Error -3")


def with_stream(stream: bytes, size: int, crc: int) -> bytes:
    """An archive of a file whose deflate stream is `stream`."""
    fields = struct.pack("<HHHHH3L2H", 20, 0, 8, 0, 0x21, crc, len(stream), size, 3, 0)
    data = b"PK\3\4" + fields + b"x/a" + stream
    directory = b"PK\1\2\x14\3" + fields + bytes(6) + struct.pack("<2L", 0o100644 << 16, 0) + b"x/a"
    end = struct.pack("<4s4H2LH", b"PK\5\6", 0, 0, 1, 1, len(directory), len(data), 0)
    return data + directory + end


def test_streams_that_end_elsewhere_are_refused(tmp_path: Path) -> None:
    empty, one_byte = b"\x03\x00", b"\x4b\x04\x00"
    for name in "12":
        (tmp_path / name).mkdir()
    assert (
        unpack(tmp_path / "1", with_stream(one_byte, 1, 0xE8B7BE43)).joinpath("x/a").read_text()
        == "a"
    )
    assert refused(tmp_path / "2", with_stream(empty + b"more", 0, 0)) == [
        "damaged: `x/a` has something after its stream"
    ]
    (tmp_path / "3").mkdir()
    assert refused(tmp_path / "3", with_stream(one_byte[:1], 1, 0xE8B7BE43)) == [
        "damaged: `x/a` cannot be unpacked: the stream has no end"
    ]


def test_a_bomb_is_stopped_before_anything_is_written(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(streams, "MIN_EXPANSION", 1_000_000)
    data = Zip().add("x/a").add("x/zeros", bytes(8_000_000), method=8).bytes()
    assert refused(tmp_path, data) == [
        f"damaged: it unpacks to more than the {200 * len(data)} bytes that are accepted"
    ]
    assert list((tmp_path / "out").iterdir()) == []


def test_the_announced_size_is_that_of_the_files_without_links(tmp_path: Path) -> None:
    (tmp_path / "x.zip").write_bytes(Zip().add("x/a", b"12345").link("x/deep/l", "../a").bytes())
    archive = announced(tmp_path / "x.zip", "x")
    for folder in ("whole", "refused"):
        (tmp_path / folder).mkdir()
    unpack_archive(dataclasses.replace(archive, unpacked_size=5), tmp_path / "whole")
    assert (tmp_path / "whole/x/deep/l").read_bytes() == b"12345"
    with pytest.raises(ArchiveError) as caught:
        unpack_archive(dataclasses.replace(archive, unpacked_size=4), tmp_path / "refused")
    assert caught.value.problems == (
        "damaged: it unpacks to more than the 4 bytes that are accepted",
    )


def test_a_bomb_that_lies_about_its_size_is_stopped_at_that_size(tmp_path: Path) -> None:
    data = Zip().add("x/zeros", bytes(8_000_000), method=8).bytes()
    size = struct.pack("<L", 8_000_000)
    assert data.count(size) == 2
    assert refused(tmp_path, data.replace(size, struct.pack("<L", 10))) == [
        "damaged: `x/zeros` has another size than the 10 bytes listed"
    ]
    assert (tmp_path / "out/x/zeros").stat().st_size == 0


def test_a_directory_without_end_is_not_read(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(zip_reader, "MOST_DIRECTORY_BYTES", 10)
    assert refused(tmp_path, one().bytes()) == ["damaged: its directory has 49 bytes, more than 10"]


@pytest.mark.parametrize("part", [3, 2, 1])
def test_truncated_archives_are_refused(tmp_path: Path, part: int) -> None:
    data = Zip().add("x/noise", os.urandom(100_000)).bytes()
    (problem,) = refused(tmp_path, data[: len(data) * part // 4])
    assert problem == "damaged: it does not end like a zip archive without a comment"


def test_an_entry_that_another_takes_the_place_of_is_passed_over(tmp_path: Path) -> None:
    archive = Zip().add("x/a", "first", listed=False).add("x/b", "b")
    archive.add("x/a", "second", mode=EXECUTABLE)
    folder = unpack(tmp_path, archive.bytes())
    assert (folder / "x/a").read_text() == "second"
    # The other way round, a program that reads from the start would have it last.
    (tmp_path / "other").mkdir()
    archive = Zip().add("x/a", "first").add("x/a", "second", listed=False)
    assert refused(tmp_path / "other", archive.bytes()) == [
        "damaged: `x/a` is not in its directory"
    ]


def test_modes_links_and_folders_are_restored(tmp_path: Path) -> None:
    archive = Zip().add("x/", mode=FOLDER).add("x/deep/er/run", "run", mode=0o106777, method=8)
    archive.add("x/ü", "text", mode=0o100666, flags=0x800).link("x/deep/l", "../../other/y")
    archive.add("x/dos", "d", mode=0o100755, system=0).add("x/deep/", mode=FOLDER)
    before = os.umask(0o077)
    try:
        folder = unpack(tmp_path, archive.bytes())
    finally:
        os.umask(before)
    modes = {
        str(path.relative_to(folder)): path.lstat().st_mode & 0o7777
        for path in folder.rglob("*")
        if not path.is_symlink()
    }
    assert modes == {
        "x": 0o755,
        "x/deep": 0o755,
        "x/deep/er": 0o755,
        "x/deep/er/run": 0o755,
        "x/ü": 0o644,
        "x/dos": 0o644,
    }
    assert (folder / "x/deep/er/run").stat().st_mtime == 315619200
    assert str((folder / "x/deep/l").readlink()) == "../../other/y"


def test_what_other_programs_write_is_unpacked(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "x.zip", "w") as archive:
        archive.writestr("x/stored", "s")
        archive.writestr("x/deflated", "d" * 9999, zipfile.ZIP_DEFLATED)
        with archive.open("x/zip64", "w", force_zip64=True) as out:
            out.write(b"6")
    data = (tmp_path / "x.zip").read_bytes()
    folder = unpack(tmp_path, data)
    assert tree(folder) == {"x": None, "x/deflated": b"d" * 9999, "x/stored": b"s", "x/zip64": b"6"}
