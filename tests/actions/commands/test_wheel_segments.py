from __future__ import annotations

import csv
import hashlib
import io
import os
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

from tests.support.wheel_segments import DIST_INFO, SITE, problems, run, unpack
from tests.support.wheels import (
    FILE_NAME,
    decompressed,
    members,
    record_hash,
    record_row,
    regular,
    wheel_bytes,
)

# ---------------------------------------------------------------------------------- scripts to keep
SCRIPTS = {
    "demo-1.0.data/scripts/jp.py": b"#!python -u\nfrom __future__ import annotations\n",
    "demo-1.0.data/scripts/shell": b"#!/bin/sh\necho\n",
    "demo-1.0.data/scripts/other.py": b"#!python\n",
    "demo-1.0.data/scripts/python3": b"#!/bin/sh\n",
    "demo/__init__.py": b"",
}


def test_a_python_script_lies_aside_and_is_started_from_the_scripts_folder(tmp_path: Path) -> None:
    files = unpack(tmp_path, wheel_bytes(SCRIPTS), scripts=("jp.py", "python*", "shell"))
    info = "demo-1.0.dist-info"
    site = [f"{SITE}/{name}" for name in (f"{info}/INSTALLER", f"{info}/METADATA", f"{info}/WHEEL")]
    assert list(files) == [
        "bin/jp.py",
        "bin/shell",
        *site,
        f"{SITE}/demo/__init__.py",
        "share/venv/scripts/jp.py",
        f"{DIST_INFO}/RECORD",
    ]
    assert files["share/venv/scripts/jp.py"].content == SCRIPTS["demo-1.0.data/scripts/jp.py"]
    assert files["bin/shell"].content == SCRIPTS["demo-1.0.data/scripts/shell"]
    assert files["bin/jp.py"].content.splitlines()[-1] == (
        b'exec "${self%/*}/python" "${self%/*}/../share/venv/scripts/jp.py" "$@"'
    )
    assert {files[name].mode for name in ("bin/jp.py", "bin/shell")} == {0o755}
    rows = csv.reader(io.StringIO(files[f"{DIST_INFO}/RECORD"].content.decode()))
    names = {row[0] for row in rows}
    assert {"../../../bin/jp.py", "../../../share/venv/scripts/jp.py"} <= names


def test_scripts_for_windows_stay_as_they_are(tmp_path: Path) -> None:
    files = unpack(tmp_path, wheel_bytes(SCRIPTS), os_name="nt", scripts=("*.py",))
    kept = {path: member.content for path, member in files.items() if path.startswith("Scripts")}
    assert kept == {
        "Scripts/jp.py": SCRIPTS["demo-1.0.data/scripts/jp.py"],
        "Scripts/other.py": SCRIPTS["demo-1.0.data/scripts/other.py"],
    }


# -------------------------------------------------------------------------------- what is left out
def test_excluded_files_are_neither_there_nor_in_record(tmp_path: Path) -> None:
    wheel = wheel_bytes(
        {
            "demo/__init__.py": b"",
            "demo/tests/test_demo.py": b"1",
            "demo/lib.a": b"2",
            "demo-1.0.data/data/share/man/man1/demo.1": b"3",
        }
    )
    globs = ("*.a", "share/man", "tests")
    files = unpack(tmp_path, wheel, exclude=globs)
    info = "demo-1.0.dist-info"
    kept = [f"{info}/INSTALLER", f"{info}/METADATA", f"{info}/WHEEL", "demo/__init__.py"]
    assert list(files) == [f"{SITE}/{name}" for name in (*kept, f"{info}/RECORD")]
    rows = csv.reader(io.StringIO(files[f"{DIST_INFO}/RECORD"].content.decode()))
    assert sorted(row[0] for row in rows) == sorted([*kept, f"{info}/RECORD"])


# ------------------------------------------------------------------------------- what is installed
def test_schemes_on_windows(tmp_path: Path) -> None:
    data = "demo-1.0.data"
    files = unpack(
        tmp_path,
        wheel_bytes(
            {
                "demo/__init__.py": b"1",
                f"{data}/platlib/plat.pyd": b"2",
                f"{data}/headers/demo.h": b"3",
                f"{data}/data/Library/bin/demo.dll": b"4",
                f"{data}/data/lib/demo.txt": b"5",
                f"{data}/data/LIB/site-packages/more.py": b"6",
                f"{data}/scripts/tool": b"#!python",
                f"{data}/data/scripts/tool.exe": b"7",
            },
            attributes={"demo/__init__.py": regular(0o755)},
        ),
        os_name="nt",
    )
    info = "Lib/site-packages/demo-1.0.dist-info"
    assert list(files) == [
        "Lib/demo.txt",
        f"{info}/INSTALLER",
        f"{info}/METADATA",
        f"{info}/WHEEL",
        "Lib/site-packages/demo/__init__.py",
        "Lib/site-packages/more.py",
        "Lib/site-packages/plat.pyd",
        "Library/bin/demo.dll",
        "include/site/python3.11/demo/demo.h",
        f"{info}/RECORD",
    ]
    assert {file.mode for file in files.values()} == {0o644}
    record = files[f"{info}/RECORD"].content.decode()
    assert sorted(row[0] for row in csv.reader(io.StringIO(record))) == [
        "../../Library/bin/demo.dll",
        "../../include/site/python3.11/demo/demo.h",
        "../demo.txt",
        *(f"demo-1.0.dist-info/{name}" for name in ("INSTALLER", "METADATA", "RECORD", "WHEEL")),
        "demo/__init__.py",
        "more.py",
        "plat.pyd",
    ]


def test_names_that_windows_has_not_are_refused_for_windows(tmp_path: Path) -> None:
    wheel = wheel_bytes({"demo/aux.py": b"", "demo/a?.txt": b"", "demo/good.py": b""})
    assert problems(tmp_path, wheel, os_name="nt") == [
        "`demo/aux.py`: on Windows `aux.py` is the name of a device",
        "`demo/a?.txt`: Windows does not allow ? in a name",
    ]
    assert f"{SITE}/demo/aux.py" in unpack(tmp_path, wheel)


def test_schemes_go_to_their_folders(tmp_path: Path) -> None:
    data = "demo-1.0.data"
    files = unpack(
        tmp_path,
        wheel_bytes(
            {
                "demo/__init__.py": b"1",
                "demo.pth": b"",
                f"{data}/purelib/pure.py": b"2",
                f"{data}/platlib/plat.py": b"3",
                f"{data}/headers/demo.h": b"4",
                f"{data}/data/share/demo/x.json": b"5",
                f"{data}/scripts/tool": b"#!python",
                f"{data}/data/bin/tool2": b"6",
                f"{data}/data/.hidden": b"7",
                "demo/__pycache__/x.cpython-311.pyc": b"8",
                "demo-1.0.dist-info/entry_points.txt": b"[console_scripts]\nd = demo:main\n",
                "other.data/scripts/kept.py": b"9",
            }
        ),
    )
    assert list(files) == [
        "include/site/python3.11/demo/demo.h",
        f"{DIST_INFO}/INSTALLER",
        f"{DIST_INFO}/METADATA",
        f"{DIST_INFO}/WHEEL",
        f"{DIST_INFO}/entry_points.txt",
        f"{SITE}/demo.pth",
        f"{SITE}/demo/__init__.py",
        f"{SITE}/other.data/scripts/kept.py",
        f"{SITE}/plat.py",
        f"{SITE}/pure.py",
        "share/demo/x.json",
        f"{DIST_INFO}/RECORD",
    ]
    assert files[f"{DIST_INFO}/INSTALLER"].content == b"venvstacks-rules\n"
    assert files[f"{SITE}/plat.py"].content == b"3"


PROGRAMS = {
    "elf": b"\x7fELF\2\1\1",
    "macho": b"\xcf\xfa\xed\xfe\7",
    "macho-of-two": b"\xca\xfe\xba\xbe\0",
}


def test_programs_stay_in_the_scripts_folder(tmp_path: Path) -> None:
    scripts = "demo-1.0.data/scripts"
    wheel = wheel_bytes(
        {
            **{f"{scripts}/{name}": content for name, content in PROGRAMS.items()},
            "demo-1.0.data/data/bin/from-data": b"\x7fELF",
            # What only looks like one, or would hide the interpreter.
            f"{scripts}/script": b"#!python\n",
            f"{scripts}/empty": b"",
            f"{scripts}/python": b"\x7fELF",
            f"{scripts}/python3.11": b"\x7fELF",
            f"{scripts}/folder/tool": b"\x7fELF",
        },
        attributes={f"{scripts}/elf": 0},
    )
    found = {path: m for path, m in unpack(tmp_path, wheel).items() if path.startswith("bin/")}
    assert list(found) == ["bin/elf", "bin/from-data", "bin/macho", "bin/macho-of-two"]
    assert {member.mode for member in found.values()} == {0o755}
    assert found["bin/elf"].content == PROGRAMS["elf"]
    (tmp_path / "again").mkdir()
    record = unpack(tmp_path / "again", wheel)[f"{DIST_INFO}/RECORD"].content.decode()
    assert record_row("../../../bin/elf", PROGRAMS["elf"]) in record.splitlines()


def test_programs_for_windows(tmp_path: Path) -> None:
    scripts = "demo-1.0.data/scripts"
    wheel = wheel_bytes(
        {f"{scripts}/tool.exe": b"MZ\x90", f"{scripts}/pythonw.exe": b"MZ", f"{scripts}/t.py": b""}
    )
    files = unpack(tmp_path, wheel, os_name="nt")
    assert [path for path in files if path.startswith("Scripts")] == ["Scripts/tool.exe"]


def test_a_wheel_that_consists_of_scripts_says_so(tmp_path: Path) -> None:
    scripts = "demo-1.0.data/scripts"
    only = wheel_bytes({f"{scripts}/{name}": b"#!/bin/sh\n" for name in "badc"})
    assert run(tmp_path, only).remarks == (
        f"`{FILE_NAME}`: it consists of scripts, which layers have if `include_scripts` names "
        "them: `a`, `b`, `c` and 1 more.",
    )
    for number, content in enumerate(({"x.py": b""}, {f"{scripts}/tool": b"\x7fELF"})):
        folder = tmp_path / str(number)
        folder.mkdir()
        assert run(folder, wheel_bytes({f"{scripts}/a": b"#!python", **content})).remarks == ()


def test_record_says_what_is_in_the_archive(tmp_path: Path) -> None:
    files = unpack(
        tmp_path,
        wheel_bytes(
            {
                "demo/a,b.py": b"comma",
                "demo/ü.py": b"",
                "demo-1.0.data/data/share/x": b"data",
                "demo-1.0.data/scripts/tool": b"dropped",
                "demo-1.0.dist-info/INSTALLER": b"pip\n",
                "demo-1.0.dist-info/REQUESTED": b"",
                "demo-1.0.dist-info/direct_url.json": b"{}",
            },
            unlisted={"demo-1.0.dist-info/RECORD.jws": b"", "demo-1.0.dist-info/RECORD.p7s": b""},
        ),
    )
    text = files[f"{DIST_INFO}/RECORD"].content.decode()
    rows = list(csv.reader(io.StringIO(text, newline="")))
    assert rows == sorted(rows)
    assert "\r" not in text
    assert '"demo/a,b.py",' in text
    expected = {
        os.path.relpath(path, SITE): (record_hash(m.content), str(len(m.content)))
        for path, m in files.items()
    }
    expected["demo-1.0.dist-info/RECORD"] = ("", "")
    assert {path: (digest, size) for path, digest, size in rows} == expected
    assert "../../../share/x" in expected
    assert not {"REQUESTED", "direct_url.json", "RECORD.jws"} & {p.split("/")[-1] for p in files}


def test_only_the_executable_bit_of_regular_files_is_kept(tmp_path: Path) -> None:
    modes = {
        "a": regular(0o755),
        "b": regular(0o601),
        "c": regular(0o666),
        "d": 0o755 << 16,
        "e": 0,
    }
    files = unpack(tmp_path, wheel_bytes(dict.fromkeys(modes, b""), attributes=modes))
    assert [files[f"{SITE}/{name}"].mode for name in modes] == [0o755, 0o755, 0o644, 0o644, 0o644]


def test_order_of_the_wheel_and_its_times_do_not_matter(tmp_path: Path) -> None:
    names = ["b.py", "a.py", "c/d.py"]
    (tmp_path / "1").mkdir()
    (tmp_path / "2").mkdir()
    run(tmp_path / "1", wheel_bytes(dict.fromkeys(names, b"x")))
    run(tmp_path / "2", wheel_bytes(dict.fromkeys(sorted(names), b"x")))
    first, second = (tmp_path / n / "out" / f"{FILE_NAME}.seg" for n in "12")
    assert first.read_bytes() == second.read_bytes()


def test_result_is_in_the_order_of_the_request(tmp_path: Path) -> None:
    other = "other-2.0-py3-none-any.whl"
    second = wheel_bytes(
        {"other.py": b"o"},
        metadata="Name: Other\nVersion: 2.0\n",
        dist_info="Other-2.0.dist-info",
    )
    result = run(tmp_path, second, wheel_bytes({"demo.py": b"d"}), names=(other, FILE_NAME))
    assert [segment.source for segment in result.segments] == [other, FILE_NAME]
    path = tmp_path / "out" / result.segments[1].path
    assert hashlib.sha256(path.read_bytes()).hexdigest() == result.segments[1].sha256
    assert f"{SITE}/demo.py" in [file.path for file in result.segments[1].files]


@pytest.mark.parametrize(
    ("file_name", "dist_info", "version"),
    [
        ("Demo_Pkg-1.0.0-py3-none-any.whl", "demo.pkg-1.0.dist-info", "1.0"),
        ("demo_pkg-1.0+cu12.1-py3-none-any.whl", "demo_pkg-1.0+cu12.1.dist-info", "1.0+cu12.1"),
        ("demo_pkg-1.0-2-py3-none-any.whl", "demo_pkg-1.0.dist-info", "1.0"),
    ],
)
def test_names_are_compared_normalised(
    tmp_path: Path, file_name: str, dist_info: str, version: str
) -> None:
    wheel = wheel_bytes(
        {f"{dist_info[:-10]}.data/purelib/x.py": b""},
        metadata=f"Name: demo-pkg\nVersion: {version}\n",
        dist_info=dist_info,
    )
    assert f"{SITE}/x.py" in unpack(tmp_path, wheel, file_name)


def test_stronger_hashes_and_identical_rows_are_accepted(tmp_path: Path) -> None:
    rows = [f"a.py,{record_hash(b'a', 'sha512')},1"] * 2
    files = unpack(tmp_path, wheel_bytes({}, unlisted={"a.py": b"a"}, extra_rows=rows))
    assert record_row("a.py", b"a").encode() in files[f"{DIST_INFO}/RECORD"].content


# ------------------------------------------------------------------------------------- real wheels
@pytest.mark.integration
@pytest.mark.parametrize(
    "requirement", ["greenlet==3.2.4", "jupyterlab-widgets==3.0.15", "rich==14.1.0"]
)
def test_files_are_those_that_an_installer_writes(tmp_path: Path, requirement: str) -> None:
    uv = shutil.which("uv") or str(Path(sysconfig.get_path("scripts")) / "uv")
    wheels, venv = tmp_path / "wheels", tmp_path / "venv"
    pip = [uv, "tool", "run", "--quiet", f"--python={sys.executable}", "pip", "download", "--quiet"]
    subprocess.run(
        [*pip, "--no-deps", "--only-binary=:all:", f"--dest={wheels}", requirement], check=True
    )
    (wheel,) = wheels.iterdir()
    subprocess.run([uv, "venv", "--quiet", "--python", sys.executable, str(venv)], check=True)
    subprocess.run(
        [uv, "pip", "install", "--quiet", "--no-deps", "--link-mode=copy", str(wheel)],
        check=True,
        env={**os.environ, "VIRTUAL_ENV": str(venv)},
    )
    version = f"{sys.version_info[0]}.{sys.version_info[1]}"
    run(tmp_path, wheel.read_bytes(), names=(wheel.name,), python_version=version)
    ours = {
        member.name.split("/", 1)[1]: (member.content, member.mode & 0o111 != 0)
        for member in members(decompressed(tmp_path / f"out/{wheel.name}.seg"))
    }
    theirs = {
        str(path.relative_to(venv)): (path.read_bytes(), path.stat().st_mode & 0o111 != 0)
        for path in venv.rglob("*")
        if path.is_file()
    }
    assert _comparable(ours) == _comparable(theirs)
    assert len(_comparable(ours)) > 5


def _comparable(files: dict[str, tuple[bytes, bool]]) -> dict[str, tuple[bytes, bool]]:
    """Without what differs by design, and what the environment itself consists of."""
    own = {"RECORD", "INSTALLER", "REQUESTED", "direct_url.json", "uv_cache.json", "pyvenv.cfg"}
    own |= {"_virtualenv.py", "_virtualenv.pth", "CACHEDIR.TAG", ".gitignore", ".lock"}
    return {
        path: content
        for path, content in files.items()
        if path.split("/")[-1] not in own and not path.startswith("bin/")
    }
