"""Wheels that are refused, by ``wheel-segments`` as a whole."""

from __future__ import annotations

import hashlib
import io
import struct
import zipfile
import zlib
from pathlib import Path

import pytest

from tests.support.wheel_segments import DIST_INFO, SITE, SUMMARY, problems
from tests.support.wheels import (
    FILE_NAME,
    METADATA,
    record_hash,
    wheel_bytes,
)
from venvstacks_rules.actions.commands import wheel_segments
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.segments import WheelInput, WheelSegmentsRequest

TOO = "pip refuses it, too"
TRIED = "pip would try to install it"
CHARACTER = f"the path contains a backslash or a control character; {TRIED}"


# --------------------------------------------------------------------------------- what is refused
@pytest.mark.parametrize(
    ("name", "shown", "problem"),
    [
        ("/etc/passwd", "/etc/passwd", "the path is absolute; pip refuses it, too"),
        ("../evil.py", "../evil.py", "the path contains `..`; pip refuses it, too"),
        ("demo/../../evil.py", "demo/../../evil.py", "the path contains `..`; pip refuses it, too"),
        ("demo/../x.py", "demo/../x.py", f"the path contains `..`; {TRIED}"),
        ("C:/evil.py", "C:/evil.py", f"the path is absolute; {TRIED}"),
        ("demo//x.py", "demo//x.py", f"the path contains an empty component or `.`; {TRIED}"),
        ("./x.py", "./x.py", f"the path contains an empty component or `.`; {TRIED}"),
        ("a\\..\\b.py", "a\\..\\b.py", CHARACTER),
        ("a\nb.py", "a\\nb.py", CHARACTER),
        ("../folder/", "../folder/", "the path contains `..`; pip refuses it, too"),
    ],
)
def test_hostile_paths(tmp_path: Path, name: str, shown: str, problem: str) -> None:
    assert f"`{shown}`: {problem}" in problems(tmp_path, wheel_bytes({}, unlisted={name: b""}))


def test_name_with_nul(tmp_path: Path) -> None:
    wheel = wheel_bytes({}, unlisted={"evil.py@x": b""}).replace(b"evil.py@x", b"evil.py\0x")
    assert f"`evil.py\\x00x`: {CHARACTER}" in problems(tmp_path, wheel)


def test_name_of_which_a_nul_leaves_nothing(tmp_path: Path) -> None:
    wheel = wheel_bytes({}, unlisted={"@evil.py": b""}).replace(b"@evil.py", b"\0evil.py")
    assert f"`\\x00evil.py`: {CHARACTER}" in problems(tmp_path, wheel)


@pytest.mark.parametrize(
    ("attributes", "problem"),
    [
        (
            0o120777 << 16,
            "the entry is a symbolic link to `/etc/passwd`, outside of the wheel; pip would write "
            "that text into a file",
        ),
        (0o010644 << 16, "the entry is not a regular file; pip would make one of it"),
        (0o040755 << 16, "the entry is not a regular file; pip would make one of it"),
    ],
)
def test_entries_that_are_no_files(tmp_path: Path, attributes: int, problem: str) -> None:
    wheel = wheel_bytes({"x": b"/etc/passwd"}, attributes={"x": attributes})
    assert problems(tmp_path, wheel) == [f"`x`: {problem}"]


@pytest.mark.parametrize(
    ("path", "target", "shown"),
    [
        ("demo/l.so", "../../l.so.1", "../../l.so.1"),
        ("l.so", "..", ".."),
        ("demo/l.so", "x/../../../y", "x/../../../y"),
        ("l.so", "/", "/"),
        ("l.so", "\n/../..", "\\n/../.."),
    ],
)
def test_links_that_leave_the_wheel(tmp_path: Path, path: str, target: str, shown: str) -> None:
    wheel = wheel_bytes({path: target.encode()}, attributes={path: 0o120777 << 16})
    assert problems(tmp_path, wheel) == [
        f"`{path}`: the entry is a symbolic link to `{shown}`, outside of the wheel; pip would "
        "write that text into a file"
    ]


def test_a_link_that_is_too_long(tmp_path: Path) -> None:
    wheel = wheel_bytes({"l.so": b"x" * 4097}, attributes={"l.so": 0o120777 << 16})
    assert problems(tmp_path, wheel) == ["`l.so`: the entry is a symbolic link that is too long"]


def test_a_link_that_cannot_be_read(tmp_path: Path) -> None:
    wheel = wheel_bytes({"l.so": b"target"}, attributes={"l.so": 0o120777 << 16})
    (problem,) = problems(tmp_path, patched(wheel, "l.so", 16, b"\0\0\0\0"))
    assert problem == "`l.so`: cannot be unpacked: Bad CRC-32 for file 'l.so'"


@pytest.mark.filterwarnings("ignore:Duplicate name")
def test_duplicate_entries_that_differ(tmp_path: Path) -> None:
    wheel = io.BytesIO(wheel_bytes({"x.py": b"1"}))
    with zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("x.py", b"2")
    assert problems(tmp_path, wheel.getvalue()) == [
        "`x.py`: the entry occurs twice, with different content; pip would take the last"
    ]


def test_entries_that_land_at_one_path(tmp_path: Path) -> None:
    wheel = wheel_bytes(
        {
            "x.py": b"1",
            "demo-1.0.data/platlib/x.py": b"2",
            "y": b"",
            "demo-1.0.data/purelib/y/z": b"",
            f"demo-1.0.data/data/{DIST_INFO}/RECORD": b"",
        }
    )
    assert problems(tmp_path, wheel) == [
        f"`demo-1.0.data/data/{DIST_INFO}/RECORD` and `demo-1.0.dist-info/RECORD` are both "
        f"installed as `{DIST_INFO}/RECORD`, and differ; pip would keep the one of the `.data` "
        "folder",
        f"`demo-1.0.data/platlib/x.py` and `x.py` are both installed as `{SITE}/x.py`, and differ; "
        "pip would keep the one of the `.data` folder",
        f"`demo-1.0.data/purelib/y/z`: `{SITE}/y` is a file; pip fails, too",
    ]


def test_files_at_one_path_that_differ_with_equal_checksums(tmp_path: Path) -> None:
    # Both have the CRC-32 0x4ddb0c25.
    one, other = b"plumless", b"buckeroo"
    assert zlib.crc32(one) == zlib.crc32(other)
    wheel = wheel_bytes({"x.py": one, "demo-1.0.data/platlib/x.py": other})
    assert problems(tmp_path, wheel) == [
        f"`x.py`: is installed as `{SITE}/x.py`, as another file is, and differs"
    ]


def test_unknown_data_scheme(tmp_path: Path) -> None:
    wheel = wheel_bytes({"demo-1.0.data/lib/x": b"", "demo-1.0.data/y": b""})
    known = "data, headers, platlib, purelib, scripts"
    tail = f"`.data` may have files in the folders {known} only; {TOO}"
    assert problems(tmp_path, wheel) == [
        f"`demo-1.0.data/lib/x`: {tail}",
        f"`demo-1.0.data/y`: {tail}",
    ]


def patched(wheel: bytes, name: str, offset: int, field: bytes) -> bytes:
    """`wheel` with bytes of an entry in the central directory replaced."""
    data = bytearray(wheel)
    at = data.rindex(name.encode(), 0, data.rindex(b"PK\5\6")) - 46
    assert data[at : at + 4] == b"PK\1\2"
    data[at + offset : at + offset + len(field)] = field
    return bytes(data)


def test_encrypted_entry(tmp_path: Path) -> None:
    wheel = patched(wheel_bytes({"secret.py": b"x"}), "secret.py", 8, b"\1\0")
    assert problems(tmp_path, wheel) == [
        "`secret.py`: the entry is encrypted; pip cannot unpack it, either"
    ]


def test_unusual_compression(tmp_path: Path) -> None:
    wheel = patched(wheel_bytes({"x.py": b"x"}), "x.py", 10, struct.pack("<H", 93))
    assert problems(tmp_path, wheel) == [
        "`x.py`: compression method 93 is not `stored`, `deflated`, `bzip2` or `lzma`; pip cannot "
        "unpack it, either"
    ]


def test_name_that_is_not_marked_as_utf8(tmp_path: Path) -> None:
    wheel = wheel_bytes({}, unlisted={"\xe4.py": b""})
    wheel = patched(wheel, "\xe4.py", 8, b"\0\0")
    assert (
        "`├ñ.py`: the entry's name is not marked as UTF-8; pip would guess the characters"
    ) in problems(tmp_path, wheel)


def test_more_bytes_than_declared(tmp_path: Path) -> None:
    content = b"x" * 1000
    rows = [f"x.bin,{record_hash(content[:10])},10"]
    wheel = wheel_bytes({}, unlisted={"x.bin": content}, extra_rows=rows)
    wheel = patched(wheel, "x.bin", 24, struct.pack("<I", 10))
    # With the checksum of the first ten bytes, `zipfile` reads them and is content.
    for_zipfile = patched(wheel, "x.bin", 16, struct.pack("<I", zlib.crc32(content[:10])))
    assert zipfile.ZipFile(io.BytesIO(for_zipfile)).read("x.bin") == content[:10]
    found = problems(tmp_path, for_zipfile)
    assert found == ["`x.bin`: unpacks to more than the 10 bytes declared"]


def test_less_bytes_than_declared(tmp_path: Path) -> None:
    rows = [f"x.bin,{record_hash(b'x')},5"]
    wheel = wheel_bytes({}, unlisted={"x.bin": b"x"}, extra_rows=rows)
    wheel = patched(wheel, "x.bin", 24, struct.pack("<I", 5))
    assert problems(tmp_path, wheel) == ["`x.bin`: unpacks to 1 bytes, expected 5"]


def test_absurd_expansion(tmp_path: Path) -> None:
    wheel = wheel_bytes({"zeros": bytes(70 * 1024 * 1024)})
    total = 70 * 1024 * 1024 + sum(
        info.file_size
        for info in zipfile.ZipFile(io.BytesIO(wheel)).infolist()
        if info.filename != "zeros"
    )
    assert problems(tmp_path, wheel) == [
        f"unpacks to {total} bytes; at most 67108864 are accepted for {len(wheel)} bytes; pip "
        "would unpack all of them"
    ]


@pytest.mark.parametrize("name", ["METADATA", "WHEEL", "RECORD"])
def test_missing_metadata_file(tmp_path: Path, name: str) -> None:
    wheel = wheel_bytes({"x.py": b""}, **{name.lower(): None})  # type: ignore[arg-type]
    assert problems(tmp_path, wheel) == [f"`demo-1.0.dist-info/{name}` is missing; {TOO}"]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Wheel-Version: 2.0\n", f"Wheel-Version 2.0 is not supported, only 1.x is; {TOO}"),
        ("Wheel-Version: 10\n", f"Wheel-Version 10 is not supported, only 1.x is; {TOO}"),
        ("Generator: x\n", f"`demo-1.0.dist-info/WHEEL` has no `Wheel-Version`; {TOO}"),
    ],
)
def test_wheel_version(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, wheel_bytes({}, wheel=text)) == [problem]


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("Name: demo\n", "has no `Version`"),
        ("Version: 1.0\n", "has no `Name`"),
        (
            METADATA.replace("demo", "evil"),
            "is of evil 1.0, which does not match the wheel's file name",
        ),
        (
            METADATA.replace("1.0", "1.1"),
            "is of demo 1.1, which does not match the wheel's file name",
        ),
    ],
)
def test_metadata_of_another_package(tmp_path: Path, text: str, problem: str) -> None:
    assert problems(tmp_path, wheel_bytes({}, metadata=text)) == [
        f"`demo-1.0.dist-info/METADATA` {problem}"
    ]


def test_metadata_that_is_no_text(tmp_path: Path) -> None:
    rows = [f"demo-1.0.dist-info/METADATA,{record_hash(bytes([255]))},1"]
    wheel = wheel_bytes(
        {}, metadata=None, unlisted={"demo-1.0.dist-info/METADATA": b"\xff"}, extra_rows=rows
    )
    (problem,) = problems(tmp_path, wheel)
    assert problem.startswith("`demo-1.0.dist-info/METADATA` cannot be read: 'utf-8' codec")


def test_dist_info_folders(tmp_path: Path) -> None:
    assert problems(tmp_path, wheel_bytes({"evil-1.0.dist-info/x": b""})) == [
        "there must be one .dist-info folder; found: `demo-1.0.dist-info`, `evil-1.0.dist-info`; "
        f"{TOO}"
    ]
    assert problems(tmp_path, wheel_bytes({}, dist_info="demo-1.0.info")) == [
        f"there must be one .dist-info folder; found: none; {TOO}"
    ]
    for name in ("evil-1.0", "demo", "demo-extra-1.0"):
        assert problems(tmp_path, wheel_bytes({}, dist_info=f"{name}.dist-info")) == [
            f"`{name}.dist-info` does not match the wheel's file name; pip refuses it, too"
        ]


def test_file_name_that_is_none_of_a_wheel(tmp_path: Path) -> None:
    assert problems(tmp_path, wheel_bytes({}), "demo.whl") == [
        "the file name is not `NAME-VERSION-...-TAGS.whl`"
    ]


def test_not_a_zip_archive(tmp_path: Path) -> None:
    assert problems(tmp_path, b"<html>") == ["not a readable zip archive: File is not a zip file"]


def test_damaged_data(tmp_path: Path) -> None:
    wheel = bytearray(wheel_bytes({"x.py": bytes(range(256)) * 9}))
    at = wheel.index(b"x.py") + 4
    wheel[at : at + 40] = bytes(40)
    (problem,) = problems(tmp_path, bytes(wheel))
    assert problem.startswith("`x.py`: cannot be unpacked: ")


def test_other_bytes_than_locked(tmp_path: Path) -> None:
    wheel = wheel_bytes({})
    (tmp_path / FILE_NAME).write_bytes(wheel)
    actual = hashlib.sha256(wheel).hexdigest()
    other = "demo_b-1.0-py3-none-any.whl"
    (tmp_path / other).write_bytes(b"no zip")
    inputs = (
        WheelInput(str(tmp_path / "s"), str(tmp_path / FILE_NAME), FILE_NAME, "0" * 64, 5),
        WheelInput(
            str(tmp_path / "t"),
            str(tmp_path / other),
            other,
            hashlib.sha256(b"no zip").hexdigest(),
            6,
        ),
    )
    request = WheelSegmentsRequest(inputs, "3.11", "posix", "layer", Compression("tar.zst", 3))
    with pytest.raises(WheelError) as caught:
        wheel_segments.run(to_json(request))
    assert str(caught.value) == (
        SUMMARY.replace("1 of 1", "2 of 2")
        + f"\n  * `{FILE_NAME}`: has {len(wheel)} bytes, but the lockfile has 5"
        + f"\n  * `{FILE_NAME}`: has SHA-256 {actual}, but the lockfile has {'0' * 64}"
        + f"\n  * `{other}`: not a readable zip archive: File is not a zip file"
    )


def test_a_long_list_of_problems_is_cut(tmp_path: Path) -> None:
    found = problems(tmp_path, wheel_bytes({}, unlisted={f"../{n:02}": b"" for n in range(30)}))
    assert len(found) == 21
    assert found[-1] == "and 10 more problems"
