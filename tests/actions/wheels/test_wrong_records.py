"""Wheels with mistakes that installers pass over: they are installed, and one sentence says so."""

from __future__ import annotations

import hashlib
import io
import os
import subprocess
import zipfile
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.support.wheel_segments import DIST_INFO, SITE, run, unpack
from tests.support.wheels import (
    FILE_NAME,
    METADATA,
    Member,
    decompressed,
    members,
    record_hash,
    record_row,
    wheel_bytes,
)

CU = "demo-1.0+cu121-py3-none-any.whl"
OF_CU = METADATA.replace("1.0", "1.0+cu121")


def hexadecimal(content: bytes) -> str:
    return f"sha256={hashlib.sha256(content).hexdigest()}"


@pytest.fixture
def twice() -> bytes:
    wheel = io.BytesIO(wheel_bytes({"x.py": b"1"}))
    with pytest.warns(UserWarning, match="Duplicate name"), zipfile.ZipFile(wheel, "a") as archive:
        archive.writestr("x.py", b"1")
    return wheel.getvalue()


def remarks(folder: Path, wheel: bytes, name: str = FILE_NAME) -> list[str]:
    start, folder = f"`{name}`: ", folder / "remarks"
    folder.mkdir()
    found = run(folder, wheel, names=(name,)).remarks
    assert all(remark.startswith(start) for remark in found)
    return [remark[len(start) :] for remark in found]


def wrong(*mistakes: str) -> list[str]:
    return [f"its RECORD is wrong ({', '.join(mistakes)}), and that of the layer is right."]


def test_one_sentence_for_all_that_is_wrong_with_record(tmp_path: Path) -> None:
    good = record_hash(b"good")
    rows = [f"changed.py,{good},4", f"size.py,{good},5", f"gone.py,{good},4"]
    unlisted = {"changed.py": b"evil", "size.py": b"good", "extra.py": b""}
    wheel = wheel_bytes({}, unlisted=unlisted, extra_rows=rows)
    assert remarks(tmp_path, wheel) == wrong(
        "`extra.py` is not listed",
        "`size.py` has another size",
        "`gone.py` is not in the wheel and 1 more",
    )


@pytest.mark.parametrize(
    ("rows", "mistake"),
    [
        ([], "`x.py` is not listed"),
        (["x.py,,1"], "`x.py` has no hash"),
        ([f"x.py,{record_hash(b'x', 'md5')},1"], "`x.py` has an `md5` hash"),
        ([f"x.py,{record_hash(b'y')},1"], "`x.py` has another hash"),
        ([f"x.py,{record_hash(b'x')},2"], "`x.py` has another size"),
        ([f"x.py,{hexadecimal(b'x')},1"], "hashes are in hexadecimal"),
        (
            [f"x.py,{record_hash(b'x')},1", f"x.py,{record_hash(b'y')},1"],
            "`x.py` is listed twice, differently",
        ),
        ([f"x.py,{record_hash(b'x')},1", "y.py,,"], "`y.py` is not in the wheel"),
        ([f"x.py,{record_hash(b'x')},1", "y.py"], "row 4 has 1 columns, not 3"),
    ],
)
def test_each_mistake_in_record(tmp_path: Path, rows: list[str], mistake: str) -> None:
    wheel = wheel_bytes({}, unlisted={"x.py": b"x"}, extra_rows=rows)
    assert remarks(tmp_path, wheel) == wrong(mistake)
    files = unpack(tmp_path, wheel)
    assert files[f"{SITE}/x.py"].content == b"x"
    assert record_row("x.py", b"x").encode() in files[f"{DIST_INFO}/RECORD"].content.splitlines()


def test_a_wrong_hash_in_hexadecimal(tmp_path: Path) -> None:
    rows = [f"x.py,{hexadecimal(b'y')},1"]
    wheel = wheel_bytes({}, unlisted={"x.py": b"x"}, extra_rows=rows)
    assert remarks(tmp_path, wheel) == wrong("hashes are in hexadecimal", "`x.py` has another hash")


def test_a_mistake_about_a_file_that_is_left_out(tmp_path: Path) -> None:
    rows = [f"demo-1.0.data/scripts/tool,{record_hash(b'good')},4"]
    wheel = wheel_bytes(
        {"x.py": b""}, unlisted={"demo-1.0.data/scripts/tool": b"evil"}, extra_rows=rows
    )
    assert remarks(tmp_path, wheel) == wrong("`demo-1.0.data/scripts/tool` has another hash")


def test_nothing_is_said_about_a_sound_wheel(tmp_path: Path) -> None:
    assert remarks(tmp_path, wheel_bytes({"x.py": b"x"})) == []


def test_the_same_bytes_at_one_place(tmp_path: Path) -> None:
    wheel = wheel_bytes({"x.py": b"1", "demo-1.0.data/platlib/x.py": b"1"})
    assert remarks(tmp_path, wheel) == []
    text = unpack(tmp_path, wheel)[f"{DIST_INFO}/RECORD"].content.decode()
    assert [row for row in text.splitlines() if row.startswith("x.py")] == [
        record_row("x.py", b"1")
    ]


def test_the_same_entry_twice(tmp_path: Path, twice: bytes) -> None:
    assert remarks(tmp_path, twice) == []
    found = members(decompressed(tmp_path / f"remarks/out/{FILE_NAME}.seg"))
    assert [m.content for m in found if m.name.endswith("/x.py")] == [b"1"]


def test_a_link_within_the_wheel_is_a_file_with_its_text(tmp_path: Path) -> None:
    wheel = wheel_bytes(
        {"demo/l.so": b"../demo/l.so.1", "demo/l.so.1": b"library"},
        attributes={"demo/l.so": 0o120777 << 16},
    )
    assert remarks(tmp_path, wheel) == [
        "like pip, a layer has symbolic links of a wheel as files with the link's text: "
        "`demo/l.so`."
    ]
    file = unpack(tmp_path, wheel)[f"{SITE}/demo/l.so"]
    assert (file.content, file.link, file.mode) == (b"../demo/l.so.1", "", 0o644)


@pytest.mark.parametrize(
    ("name", "dist_info", "metadata"),
    [
        (CU, "demo-1.0_cu121.dist-info", OF_CU),
        (CU, "demo-1.0.dist-info", OF_CU),
        (CU, "demo-1.0.dist-info", METADATA),
        (CU, "demo-1.0+cu121.dist-info", METADATA),
        (FILE_NAME, "Demo-2.0.dist-info", METADATA),
    ],
)
def test_versions_in_names_of_folders(
    tmp_path: Path, name: str, dist_info: str, metadata: str
) -> None:
    data = dist_info.replace(".dist-info", ".data")
    wheel = wheel_bytes({f"{data}/purelib/x.py": b"x"}, dist_info=dist_info, metadata=metadata)
    assert remarks(tmp_path, wheel, name) == []
    files = unpack(tmp_path, wheel, name)
    assert f"{SITE}/x.py" in files
    assert f"{SITE}/{dist_info}/METADATA" in files
    assert installed(tmp_path, wheel, name) == in_site_packages(files)


def test_installers_do_the_same(tmp_path: Path, twice: bytes) -> None:
    rows = [f"changed.py,{record_hash(b'good')},4", f"hex.py,{hexadecimal(b'good')},4"]
    unlisted = {"changed.py": b"evil", "hex.py": b"good", "extra.py": b"more"}
    wheels = [
        wheel_bytes({}, unlisted=unlisted, extra_rows=rows),
        wheel_bytes({"x.py": b"1", "demo-1.0.data/platlib/x.py": b"1"}),
        wheel_bytes({"x.py": b"1", "l": b"x.py"}, attributes={"l": 0o120777 << 16}),
        twice,
    ]
    for number, wheel in enumerate(wheels):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert installed(folder, wheel, FILE_NAME) == in_site_packages(unpack(folder, wheel))


def in_site_packages(files: dict[str, Member]) -> dict[str, bytes]:
    return {
        path[len(SITE) + 1 :]: file.content
        for path, file in files.items()
        if path.startswith(f"{SITE}/") and not path.endswith(("/RECORD", "/INSTALLER"))
    }


def installed(folder: Path, wheel: bytes, name: str) -> dict[str, bytes]:
    """What `uv` installs."""
    (folder / name).write_bytes(wheel)
    command = [find_uv_bin(), "pip", "install", "--quiet", "--no-deps", "--offline"]
    command += ["--target", str(folder / "installed"), str(folder / name)]
    env = {**os.environ, "UV_CACHE_DIR": str(folder / "cache")}
    subprocess.run(command, check=True, env=env)
    made = {"INSTALLER", "RECORD", "REQUESTED", "direct_url.json", "uv_cache.json", ".lock"}
    return {
        str(path.relative_to(folder / "installed")): path.read_bytes()
        for path in (folder / "installed").rglob("*")
        if path.is_file() and path.name not in made
    }
