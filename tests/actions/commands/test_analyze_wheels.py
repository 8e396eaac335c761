"""What wheels bring along, judged from their files."""

from __future__ import annotations

import hashlib
import os
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.elf import shared_library
from tests.support.wheels import FILE_NAME, wheel_bytes
from venvstacks_rules.actions.commands import analyze_wheels
from venvstacks_rules.model.contents.ballast import Ballast
from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel, LeftOutFiles
from venvstacks_rules.model.libraries.binaries import Binary
from venvstacks_rules.model.requests.analyze import AnalyzedWheels, AnalyzeWheelsRequest

SITE = "lib/python3.11/site-packages"


@pytest.fixture(autouse=True)
def _in_a_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)


def wheel(content: bytes, number: int = 0) -> LayerWheel:
    path = Path(f"{number}/{FILE_NAME}")
    path.parent.mkdir()
    path.write_bytes(content)
    return LayerWheel(str(path), FILE_NAME, hashlib.sha256(content).hexdigest(), len(content))


def analyzed(*wheels: LayerWheel, os_name: str = "posix") -> AnalyzedWheels:
    return analyze_wheels.run(to_json(AnalyzeWheelsRequest(wheels, "3.11", os_name)))


def one(files: dict[str, bytes], os_name: str = "posix") -> AnalyzedWheel:
    (found,) = analyzed(wheel(wheel_bytes(files)), os_name=os_name).wheels
    return found


def test_names_to_import_are_those_of_each_wheel() -> None:
    first = wheel(wheel_bytes({"b/__init__.py": b"", "data/table.csv": b"", "_x.abi3.so": b""}))
    second = {"demo-1.0.data/purelib/a.py": b"", "demo-1.0.data/scripts/c.py": b""}
    found = analyzed(first, wheel(wheel_bytes(second), 1))
    assert [each.modules for each in found.wheels] == [("_x", "b"), ("a",)]
    assert [each.file_name for each in found.wheels] == [FILE_NAME, FILE_NAME]


def test_commands() -> None:
    text = b"[console_scripts]\nb = demo:b\n[gui_scripts]\na = demo:a\n[x]\nc = demo:c\n"
    found = one({"demo-1.0.dist-info/entry_points.txt": text, "x/entry_points.txt": b"[[\n"})
    assert found.scripts == (("a", "demo:a"), ("b", "demo:b"))
    (other,) = analyzed(wheel(wheel_bytes({"demo.py": b""}), 1)).wheels
    assert other.scripts == ()


def test_files_that_are_left_out(tmp_path: Path) -> None:
    library = shared_library(tmp_path / "libdemo.so.1", soname="libdemo.so.1").read_bytes()
    entry_points = (
        b"[console_scripts]\na = demo.cli:a\nb = demo.main:b\nc = other.cli:c\nd = demo:d\n"
    )
    files = {
        "demo/__init__.py": b"",
        "demo/main.py": b"",
        "demo/cli/__init__.py": b"12",
        "demo/lib/libdemo.so.1": library,
        "demo/static.a": b"345",
        "_demo_test.py": b"6",
        "demo-1.0.data/data/share/demo/x.json": b"7",
        "demo-1.0.data/scripts/tool": b"#!python",
        "demo-1.0.dist-info/entry_points.txt": entry_points,
        "demo-1.0.dist-info/licenses/cli": b"",
    }
    whole = wheel(wheel_bytes(files))
    exclude = ("*.a", "_demo_test.py", "bin", "cli", "demo/lib", "nothing", "share")
    (found,) = analyzed(replace(whole, exclude=exclude)).wheels
    size = len(library) + 7
    assert found == AnalyzedWheel(
        FILE_NAME,
        ("demo",),
        (),
        (("b", "demo.main:b"), ("c", "other.cli:c"), ("d", "demo:d")),
        ("demo",),
        (),
        (),
        left_out=LeftOutFiles(5, size, ("bin", "nothing")),
    )
    (chosen,) = analyzed(replace(whole, scripts=("tool", "t*", "a"))).wheels
    assert chosen.unused_scripts == ("a",)
    (before,) = analyzed(whole).wheels
    assert before.left_out == LeftOutFiles()
    assert [binary.name for binary in before.binaries] == ["libdemo.so.1"]
    assert [name for name, _ in before.scripts] == ["a", "b", "c", "d"]


def test_packages_and_data_are_those_of_each_wheel() -> None:
    files = {
        "ns/one/__init__.py": b"",
        "ns/two.py": b"",
        "demo-1.0.data/purelib/ns/three/four.py": b"",
        "demo-1.0.data/data/share/demo/x.json": b"",
        "demo-1.0.data/data/share/man/man1/demo.1": b"",
        "demo-1.0.data/data/etc/demo.conf": b"",
    }
    found = one(files)
    assert (found.packages, found.namespaces) == (("ns.one",), ("ns", "ns.three"))
    assert found.data == ("etc/demo.conf", "share/demo/x.json")


def test_tests_and_symbols_for_debuggers(tmp_path: Path) -> None:
    library = shared_library(tmp_path / "x.so", "-g").read_bytes()
    files = {"demo/_x.so": library, "demo/tests/_y.so": library, "demo/tests/z.py": b"pass"}
    found = one(files)
    (size,) = {binary.debug_size for binary in found.binaries}
    assert 0 < size < len(library)
    assert found.ballast == (
        Ballast("debug sections", "", 1, size),
        Ballast("tests", "tests", 2, len(library) + 4),
    )


@pytest.fixture(scope="module")
def library(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    folder = tmp_path_factory.mktemp("library")
    return shared_library(folder / "libdemo.so", soname="libdemo.so.1").read_bytes()


@pytest.mark.parametrize(
    ("name", "place"),
    [
        ("demo/libdemo.so", f"{SITE}/demo/libdemo.so"),
        ("demo/anything.bin", f"{SITE}/demo/anything.bin"),
        ("demo-1.0.data/platlib/libdemo.so", f"{SITE}/libdemo.so"),
        ("demo-1.0.data/purelib/libdemo.so", f"{SITE}/libdemo.so"),
        ("demo-1.0.data/data/lib/libdemo.so", "lib/libdemo.so"),
        ("demo-1.0.data/data/bin/libdemo.so", None),
        ("demo-1.0.data/elsewhere/libdemo.so", None),
        ("other-1.0.data/data/lib/libdemo.so", f"{SITE}/other-1.0.data/data/lib/libdemo.so"),
        ("demo-1.0.data/scripts/libdemo.so", None),
        ("demo-1.0.data/headers/libdemo.so", None),
    ],
)
def test_binaries_are_found_by_their_content_where_they_are_installed(
    library: bytes, name: str, place: str | None
) -> None:
    found = one({name: library})
    assert [binary.path for binary in found.binaries] == ([] if place is None else [place])


def test_paths_are_those_of_the_target() -> None:
    # The header of a program for DOS, and no more, is no binary of Windows.
    assert one({"demo-1.0.data/data/lib/site-packages/x.pyd": b"MZ"}, "nt").modules == ("x",)


def test_the_facts_of_a_library(library: bytes) -> None:
    (found,) = one({"demo/libdemo.so": library}).binaries
    assert found == Binary(
        f"{SITE}/demo/libdemo.so",
        hashlib.sha256(library).hexdigest(),
        "elf",
        "library",
        os.uname().machine,
        "libdemo.so.1",
        ("libc.so.6",),
        minimum=found.minimum,
    )


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\x7fEL",
        b"#!/bin/sh\n",
        b"MZ",
        b"MZ" + b"\0" * 100,
        b"MZ" + b"\xff" * 100,
        # A class file of Java: it begins as a Mach-O file for many machines would.
        b"\xca\xfe\xba\xbe\x00\x00\x00\x34" + b"\0" * 100,
    ],
)
def test_what_is_no_binary(content: bytes) -> None:
    assert one({"demo/file": content}).binaries == ()


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (b"\x7fELF", "not readable as ELF: damaged (ELFError)"),
        (b"\x7fELF\x02\x01\x01" + b"\0" * 60, None),
        (b"\xcf\xfa\xed\xfe", "not readable as Mach-O: damaged (error)"),
        (b"\xca\xfe\xba\xbe\x00\x00\x00\x02\0\0", "not readable as Mach-O: damaged (error)"),
        (
            b"MZ" + b"\0" * 58 + b"\x40\0\0\0" + b"PE\0\0",
            "not readable as PE: damaged (PEFormatError)",
        ),
    ],
)
def test_damaged_binaries_are_told_of_and_end_nothing(content: bytes, problem: str | None) -> None:
    found = one({"demo/file": content}).binaries
    assert [each.problem for each in found] == ([] if problem is None else [problem])


def test_what_is_not_the_wheel_announced() -> None:
    good = wheel(wheel_bytes({"a.py": b""}))
    other = LayerWheel(good.path, FILE_NAME, "0" * 64, good.size + 1)
    with pytest.raises(WheelError) as caught:
        analyzed(good, other, wheel(b"no zip archive", 1))
    assert caught.value.problems == (
        f"`{FILE_NAME}`: has {good.size} bytes, but the lockfile has {good.size + 1}",
        f"`{FILE_NAME}`: has SHA-256 {good.sha256}, but the lockfile has {'0' * 64}",
        f"`{FILE_NAME}`: not a readable zip archive: File is not a zip file",
    )


def test_a_wheel_that_cannot_be_unpacked(library: bytes) -> None:
    content = bytearray(wheel_bytes({"demo/libdemo.so": library}))
    # In the deflate stream, behind the local header of the first file.
    content[200:220] = b"\xff" * 20
    with pytest.raises(WheelError) as caught:
        analyzed(wheel(bytes(content)))
    (problem,) = caught.value.problems
    assert problem.startswith(f"`{FILE_NAME}`: `demo/libdemo.so`: cannot be unpacked: ")


def test_a_wheel_whose_commands_cannot_be_unpacked() -> None:
    path = "demo-1.0.dist-info/entry_points.txt"
    content = wheel_bytes({path: b"[console_scripts]\na = b:c\n"})
    start = content.index(path.encode()) + len(path)
    damaged = content[:start] + bytes(8) + content[start + 8 :]
    with pytest.raises(WheelError) as caught:
        analyzed(wheel(damaged))
    (problem,) = caught.value.problems
    assert problem.startswith(f"`{FILE_NAME}`: `{path}`: cannot be unpacked: ")


def test_nothing_is_left_behind(library: bytes, tmp_path: Path) -> None:
    one({"demo/libdemo.so": library})
    assert sorted(path.name for path in tmp_path.iterdir()) == ["0"]


def test_a_wheel_of_nothing_but_binaries(library: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(analyze_wheels, "_MAX_BINARIES", 2)
    content = wheel_bytes({f"demo/{number}.so": library for number in range(5)})
    with pytest.raises(WheelError) as caught:
        analyzed(wheel(content))
    assert caught.value.problems == (
        f"`{FILE_NAME}`: has too many binaries or names: at least 3 and 3",
    )
