"""Tests and symbols for debuggers among the files of a wheel."""

from __future__ import annotations

from pathlib import PurePosixPath

from venvstacks_rules.model.contents.ballast import (
    DEBUG_FILES,
    DEBUG_SECTIONS,
    TESTS,
    Ballast,
    wheel_ballast,
)

SITE = PurePosixPath("lib/python3.11/site-packages")


def ballast(files: dict[str, int], debug: dict[str, int] | None = None) -> tuple[Ballast, ...]:
    below = {f"{SITE}/{name}": size for name, size in files.items()}
    sections = {f"{SITE}/{name}": size for name, size in (debug or {}).items()}
    return wheel_ballast(below.items(), sections.items(), SITE)


def test_tests_are_folders_at_any_depth() -> None:
    files = {
        "numpy/tests/test_all.py": 10,
        "numpy/fft/tests/data/x.npy": 200,
        "six/test/test_six.py": 3000,
        "tests/__init__.py": 40000,
    }
    kept = {"numpy/testing/__init__.py": 1, "numpy/tests.py": 1, "tests": 1, "latests/x.py": 1}
    assert ballast({**files, **kept}) == (
        Ballast(TESTS, "test", 1, 3000),
        Ballast(TESTS, "tests", 3, 40210),
    )


def test_files_that_only_debuggers_read() -> None:
    files = {
        "demo/_x.pdb": 10,
        "demo/_x.pyd": 1,
        "demo/_x.so.dSYM/Contents/Info.plist": 200,
        "demo/_x.so.dSYM/Contents/Resources/DWARF/_x.so": 3000,
        "demo/tests/_y.pdb": 40000,
    }
    assert ballast(files) == (
        Ballast(DEBUG_FILES, "*.dSYM", 2, 3200),
        Ballast(DEBUG_FILES, "*.pdb", 1, 10),
        Ballast(TESTS, "tests", 1, 40000),
    )


def test_sections_count_unless_their_file_does() -> None:
    files = {"a.so": 100, "b.so": 100, "c.so": 100, "demo/tests/d.so": 100}
    assert ballast(files, {"a.so": 60, "b.so": 7, "c.so": 0, "demo/tests/d.so": 50}) == (
        Ballast(DEBUG_SECTIONS, "", 2, 67),
        Ballast(TESTS, "tests", 1, 100),
    )


def test_metadata_stays() -> None:
    assert ballast({"demo-1.0.dist-info/tests/x.txt": 1}) == ()


def test_other_folders_of_a_layer_have_none() -> None:
    assert wheel_ballast([("share/demo/tests/x.txt", 1), ("bin/tests", 1)], [], SITE) == ()
