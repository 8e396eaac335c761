"""Interpreter archives for systems that lack names or links that archives have."""

from __future__ import annotations

import tarfile
import tracemalloc
from collections.abc import Iterable
from pathlib import Path

import pytest

from tests.support.interpreter_archives import (
    HEADER,
    MINIMAL,
    WINDOWS,
    entries,
    error,
    file,
    hard_link,
    run,
    symlink,
    tar,
)
from venvstacks_rules.actions.interpreters import names

Members = Iterable[tuple[tarfile.TarInfo, bytes]]
REFUSED = "the interpreter archive `cpython.tar` cannot be unpacked on its platform\n  * "
TERMINFO = (
    file("python/share/terminfo/E/eterm", "E"),
    file("python/share/terminfo/e/eterm", "E"),
    file("python/share/terminfo/e/eterm-color", "color"),
    symlink("python/share/terminfo/e/link", "../e/eterm"),
    symlink("python/share/terminfo/E/LINK", "../E/eterm"),
)


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def paths(members: Members, **options: object) -> list[str]:
    """The paths of the segment; a link with where it points."""
    Path("s").unlink(missing_ok=True)
    run(tar(members), **options)  # type: ignore[arg-type]
    return [
        member.name.partition("/")[2] + (f" -> {member.linkname}" if member.issym() else "")
        for member in entries()
    ]


def refusals(members: Members, **options: object) -> list[str]:
    text = error(tar(members), **options)
    assert text.startswith(REFUSED)
    return text[len(REFUSED) :].split("\n  * ")


def test_the_flat_layout_of_windows() -> None:
    result = run(tar(WINDOWS), os_name="nt", case_sensitive=False)
    assert result.python_version == "3.11.13"
    assert [member.name.partition("/")[2] for member in entries()] == [
        "DLLs/_ssl.pyd",
        "DLLs/libssl-3.dll",
        "Lib/os.py",
        "Lib/site-packages/README.txt",
        "Lib/venv/scripts/nt/python.exe",
        "Lib/venv/scripts/nt/pythonw.exe",
        "include/Python.h",
        "include/internal/pycore.h",
        "include/patchlevel.h",
        "libs/python311.lib",
        "python.exe",
        "python311.dll",
        "pythonw.exe",
        "tcl/tcl86t.lib",
        "vcruntime140.dll",
        "vcruntime140_1.dll",
    ]
    assert {(member.mode, member.type) for member in entries()} == {(0o644, tarfile.REGTYPE)}
    assert not any(item.executable for item in result.segments[0].files)


def test_a_free_threaded_build_for_windows() -> None:
    header = HEADER.replace("3.11.13", "3.14.0")
    members = [
        file("python/include/patchlevel.h", header),
        file("python/python.exe", "MZ"),
        file("python/python3.14t.exe", "MZ"),
        file("python/python314t.dll", "MZ"),
        file("python/Lib/venv/scripts/nt/venvlaunchert.exe", "MZ"),
        file("python/Lib/venv/scripts/nt/venvwlaunchert.exe", "MZ"),
    ]
    result = run(tar(members), os_name="nt", case_sensitive=False, version="3.14.0t")
    assert result.python_version == "3.14.0t"
    Path("s").unlink()
    assert "contains another Python version" in error(
        tar(members), os_name="nt", case_sensitive=False, version="3.14.0"
    )


@pytest.mark.parametrize(
    ("left_out", "missing"),
    [
        ({"python/python.exe"}, ["python.exe"]),
        (
            {"python/Lib/venv/scripts/nt/python.exe", "python/Lib/venv/scripts/nt/pythonw.exe"},
            ["Lib/venv/scripts/nt/python.exe", "Lib/venv/scripts/nt/pythonw.exe"],
        ),
    ],
)
def test_what_starts_python_has_to_be_there(left_out: set[str], missing: list[str]) -> None:
    members = [member for member in WINDOWS if member[0].name not in left_out]
    assert error(tar(members), os_name="nt", case_sensitive=False) == "\n  * ".join(
        [
            "the interpreter archive `cpython.tar` has no interpreter for Windows",
            *(f"expected a file `python/{path}`" for path in missing),
        ]
    )


def test_an_archive_for_another_system_does_not_say_its_version() -> None:
    assert "one file `python/include/patchlevel.h`" in error(
        tar(MINIMAL), os_name="nt", case_sensitive=False
    )
    assert "one file `python/include/python3.Y/patchlevel.h`" in error(tar(WINDOWS))


def test_links_for_windows_become_copies() -> None:
    members = [
        *WINDOWS,
        file("python/tcl/tcl8.6/init.tcl", "init"),
        symlink("python/tcl/tcl8.6/again.tcl", "init.tcl"),
        symlink("python/tcl/chain.tcl", "tcl8.6/again.tcl"),
        symlink("python/tcl/tcl8", "tcl8.6"),
        hard_link("python/tcl/hard.tcl", "python/tcl/tcl8.6/init.tcl"),
        symlink("python/tcl/dangling", "nothing"),
    ]
    kept = paths(members, os_name="nt", case_sensitive=False)
    assert [path for path in kept if path.startswith(("tcl/tcl8/", "tcl/tcl8.6/"))] == [
        "tcl/tcl8.6/again.tcl",
        "tcl/tcl8.6/init.tcl",
        "tcl/tcl8/again.tcl",
        "tcl/tcl8/init.tcl",
    ]
    result = run(tar(members), os_name="nt", case_sensitive=False, to="s2")
    contents = {item.path: item.size for item in result.segments[0].files}
    names = ("chain.tcl", "hard.tcl", "tcl8/again.tcl", "tcl8/init.tcl")
    assert [contents[f"tcl/{name}"] for name in names] == [4, 4, 4, 4]
    assert "tcl/dangling" not in contents


def test_problems_come_in_one_order() -> None:
    names = "abcdefgh"
    clashing = [file(f"python/tcl/{name}/x") for name in names]
    clashing += [file(f"python/tcl/{name.upper()}") for name in names]
    assert refusals([*MINIMAL, *clashing], case_sensitive=False) == [
        f"`python/tcl/{name}` is a folder, and `python/tcl/{name.upper()}` is not; they are "
        "the same on a file system that ignores case"
        for name in names
    ]


def test_copies_have_an_end(monkeypatch: pytest.MonkeyPatch) -> None:
    loop = [*WINDOWS, symlink("python/tcl/all", "../tcl"), symlink("python/tcl/every", "..")]
    assert refusals(loop, os_name="nt", case_sensitive=False) == [
        "`python/tcl/every` links to a folder above it, and cannot be copied",
        "`python/tcl/all` links to a folder above it, and cannot be copied",
    ]
    around = [
        file("python/tcl/a/file"),
        symlink("python/tcl/a/link", "../b"),
        symlink("python/tcl/b", "a"),
        symlink("python/tcl/c", "a"),
    ]
    tracemalloc.start()
    problem = refusals([*WINDOWS, *around], os_name="nt", case_sensitive=False)[0]
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert problem.endswith("or paths of more than 1024 characters")
    assert peak < 50 * 1024 * 1024
    monkeypatch.setattr(names, "MAX_MEMBERS", 20_000)
    # Each folder of links doubles what the one before it stands for.
    bomb = [file("python/tcl/0/a", "x" * 1000), file("python/tcl/0/b", "x" * 1000)]
    for number in range(1, 40):
        target = f"../{number - 1}"
        bomb.append(file(f"python/tcl/{number}/file"))
        bomb += [symlink(f"python/tcl/{number}/{name}", target) for name in ("a", "b")]
    assert refusals([*WINDOWS, *bomb], os_name="nt", case_sensitive=False) == [
        "copies for its links take more than 67108864 bytes or 20000 files, "
        "or paths of more than 1024 characters"
    ]


def test_names_that_windows_has_not() -> None:
    members = [*WINDOWS, file("python/Lib/aux.py"), file("python/Lib/what?.py")]
    assert refusals(members, os_name="nt", case_sensitive=False) == [
        "`python/Lib/aux.py`: on Windows `aux.py` is the name of a device",
        "`python/Lib/what?.py`: Windows does not allow ? in a name",
    ]


def test_case_counts_on_linux() -> None:
    kept = [path for path in paths([*MINIMAL, *TERMINFO]) if path.startswith("share/")]
    assert kept == [
        "share/terminfo/E/LINK -> eterm",
        "share/terminfo/E/eterm",
        "share/terminfo/e/eterm",
        "share/terminfo/e/eterm-color",
        "share/terminfo/e/link -> eterm",
    ]


def test_names_that_differ_by_case_are_merged_where_it_does_not_count() -> None:
    kept = paths([*MINIMAL, *TERMINFO], case_sensitive=False)
    assert [path for path in kept if path.startswith("share/")] == [
        "share/terminfo/E/LINK -> eterm",
        "share/terminfo/E/eterm",
        "share/terminfo/E/eterm-color",
    ]
    assert kept == paths([*MINIMAL, *reversed(TERMINFO)], case_sensitive=False)


def test_names_that_differ_by_case_and_by_more() -> None:
    members = [
        *MINIMAL,
        file("python/share/A", "one"),
        file("python/share/a", "two"),
        file("python/share/run", "same", 0o755),
        file("python/share/RUN", "same"),
        file("python/share/thing", ""),
        symlink("python/share/THING", "a"),
        file("python/share/folder/x", ""),
        file("python/share/Folder", ""),
    ]
    assert refusals(members, case_sensitive=False) == [
        "`python/share/A` and `python/share/a` are the same file on a file system that "
        "ignores case, but they differ",
        "`python/share/RUN` and `python/share/run` are the same file on a file system that "
        "ignores case, but they differ",
        "`python/share/THING` and `python/share/thing` are the same file on a file system "
        "that ignores case, but they differ",
        "`python/share/folder` is a folder, and `python/share/Folder` is not; they are "
        "the same on a file system that ignores case",
    ]
