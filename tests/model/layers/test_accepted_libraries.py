"""Entries of the field `accepted_libraries`."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.accepted_libraries import entry_problem, is_accepted


@pytest.mark.parametrize("entry", ["desktop", "libpq.so.5", "lib*", "X.framework/X", "P.dll"])
def test_entries(entry: str) -> None:
    assert entry_problem(entry) is None


@pytest.mark.parametrize("entry", ["desktops", "", "libpq"])
def test_entries_that_are_no_library(entry: str) -> None:
    assert entry_problem(entry) == (
        f"is {entry!r}, which is neither the name of a library nor 'desktop'. Write, for example, "
        "'libpq.so.5'."
    )


@pytest.mark.parametrize(
    ("library", "entry", "expected"),
    [
        ("libpq.so.5", "libpq.so.5", True),
        ("libpq.so.5", "libpq.so.*", True),
        ("libpq.so.5", "pq.so.5", False),
        ("MSVCP140.dll", "msvcp140.DLL", True),
        ("@rpath/libomp.dylib", "libomp.dylib", True),
        ("/opt/x/Q.framework/Q", "Q.framework/*", True),
        # It stands for libraries of desktops, and is not a glob.
        ("desktop", "desktop", False),
    ],
)
def test_names_of_libraries(library: str, entry: str, expected: bool) -> None:
    assert is_accepted(library, (entry,), on_desktops=False) == expected
