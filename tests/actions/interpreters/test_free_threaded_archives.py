"""Archives of free-threaded builds: python-build-standalone's, with all that was built, and own."""

from __future__ import annotations

import tarfile
from pathlib import Path

import pytest

from tests.support.interpreter_archives import (
    HEADER,
    entries,
    error,
    file,
    hard_link,
    run,
    symlink,
    tar,
)

FREE_HEADER = HEADER.replace("3.11.13", "3.14.0")
BINARY = "python/install/bin/python3.14t"

FULL = (
    file("python/PYTHON.json", "{}"),
    file("python/build/core/main.o", "object"),
    symlink("python/build/core/main-link.o", "main.o"),
    file(BINARY, "ELF", 0o755),
    hard_link("python/install/bin/python3.14", BINARY),
    symlink("python/install/bin/python3", "python3.14"),
    file("python/install/bin/pip3.14t", "#!", 0o755),
    file("python/install/include/python3.14t/patchlevel.h", FREE_HEADER),
    file("python/install/lib/libpython3.14t.so.1.0", "ELF", 0o755),
    symlink("python/install/lib/libpython3.14t.so", "libpython3.14t.so.1.0"),
    symlink("python/install/lib/object.o", "../../build/core/main.o"),
    file("python/install/lib/python3.14t/os.py", "os"),
    file("python/install/lib/python3.14t/site-packages/pip/__init__.py", "pip"),
    file("python/licenses/LICENSE.txt", "text"),
)
KEPT = {
    "bin/python": "python3.14t",
    "bin/python3": "python3.14",
    "bin/python3.14": "python3.14t",
    "bin/python3.14t": 0o755,
    "include/python3.14t/patchlevel.h": 0o644,
    "lib/libpython3.14t.so": "libpython3.14t.so.1.0",
    "lib/libpython3.14t.so.1.0": 0o755,
    "lib/python3.14t/os.py": 0o644,
}


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def kept() -> dict[str, str | int]:
    return {
        member.name.partition("/")[2]: member.linkname if member.issym() else member.mode
        for member in entries()
    }


def members(**places: int) -> bytes:
    """The archive, with members that start so in another place."""
    return tar(
        sorted(FULL, key=lambda item: places.get(item[0].name.split("/")[1].partition(".")[0], 0))
    )


@pytest.mark.parametrize("places", [{}, {"PYTHON": 1}, {"build": 2, "PYTHON": 1}])
def test_of_all_that_was_built_what_is_installed(places: dict[str, int]) -> None:
    result = run(members(**places), version="3.14.0t")
    assert result.python_version == "3.14.0t"
    assert kept() == KEPT


def test_the_same_without_the_rest() -> None:
    def moved(name: str) -> str:
        return name.replace("python/install/", "python/")

    installed = []
    for member, content in FULL:
        if member.name.startswith("python/install/") and not member.name.endswith(".o"):
            copy = tarfile.TarInfo.frombuf(member.tobuf(), "utf-8", "strict")
            copy.name, copy.linkname = moved(member.name), moved(member.linkname)
            installed.append((copy, content))
    assert run(tar(installed), version="3.14t").python_version == "3.14.0t"
    assert kept() == KEPT


@pytest.mark.parametrize(
    ("archive", "declared", "held"),
    [(FULL, "3.14.0", "3.14.0t"), (FULL, "3.14", "3.14.0t"), (None, "3.11.13t", "3.11.13")],
)
def test_one_build_is_not_taken_for_the_other(
    archive: tuple[tuple[tarfile.TarInfo, bytes], ...] | None, declared: str, held: str
) -> None:
    plain = (
        file("python/bin/python3.11", "ELF", 0o755),
        file("python/include/python3.11/patchlevel.h", HEADER),
    )
    assert error(tar(archive or plain), version=declared) == (
        "the interpreter archive `cpython.tar` contains another Python version\n"
        f"  * the runtime declares {declared}, the archive contains {held}; change "
        "`python_implementation`, or the archive"
    )


def test_links_out_of_the_archive_are_refused_all_the_same() -> None:
    hostile = symlink("python/install/lib/passwd", "../../../../etc/passwd")
    assert "`python/install/lib/passwd` links to" in error(tar([*FULL, hostile]), version="3.14.0t")
