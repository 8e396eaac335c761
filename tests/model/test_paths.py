from __future__ import annotations

import fnmatch

import pytest

from venvstacks_rules.model.paths import (
    folded,
    link_problem,
    literal_glob,
    path_problem,
    place_inside,
    windows_problem,
)


@pytest.mark.parametrize("path", ["a", "a/b.py", "a b/ü", "..a/b..", "@x/-", "ab:c"])
def test_paths_that_are_accepted(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "the path contains an empty component or `.`"),
        ("a//b", "the path contains an empty component or `.`"),
        ("a/", "the path contains an empty component or `.`"),
        ("./a", "the path contains an empty component or `.`"),
        ("/a", "the path is absolute"),
        ("c:\\a", "the path contains a backslash or a control character"),
        ("c:a", "the path is absolute"),
        ("a/../b", "the path contains `..`"),
        ("a\0", "the path contains a backslash or a control character"),
        ("a\x7f", "the path contains a backslash or a control character"),
        ("a\udc80", "the path is not Unicode text"),
    ],
)
def test_paths_that_are_refused(path: str, problem: str) -> None:
    assert path_problem(path) == problem


def test_a_name_is_measured_in_bytes() -> None:
    name = "\u4e2d" * 90
    problem = f"`{name[:20]}...` is a name of 270 bytes"
    assert path_problem(name) == problem
    # A name with more characters has fewer bytes.
    assert path_problem(f"{'a' * 100}/{name}") == problem


@pytest.mark.parametrize(
    ("path", "target"),
    [
        ("bin/python", "../../cpython/bin/python3"),
        ("bin/python3", "python"),
        ("a/b/c", "../../d"),
        ("share/venv/dynlib/x.so", "../../../lib/x.so"),
        ("x", "../other"),
    ],
)
def test_links_that_are_accepted(path: str, target: str) -> None:
    assert link_problem(path, target) is None


@pytest.mark.parametrize(
    ("path", "target", "problem"),
    [
        (
            "bin/python",
            "../../../usr/bin/python3",
            "the link's target is outside of the layers' folder",
        ),
        ("x", "..", "the link's target is outside of the layers' folder"),
        ("x", "../a/../..", "the link's target is outside of the layers' folder"),
        ("x", "../../layers/a", "the link's target is outside of the layers' folder"),
        ("a/x", "../../../layers/a/x", "the link's target is outside of the layers' folder"),
        ("x", "/usr", "the link's target is not a relative path"),
        ("x", "c:x", "the link's target is not a relative path"),
        ("x", "", "the link's target is not a relative path"),
        ("x", "a\\b", "the link's target contains a backslash or a control character"),
        ("x", "\udcff", "the link's target is not Unicode text"),
    ],
)
def test_links_that_are_refused(path: str, target: str, problem: str) -> None:
    assert link_problem(path, target) == problem
    assert link_problem(path, target, ups_first=True) is not None


@pytest.mark.parametrize("target", ["d/../e", "../a/../b", "./d/..", "d//../e"])
def test_steps_up_may_have_to_come_first(target: str) -> None:
    assert link_problem("a/b/x", target) is None
    problem = "the link's target has `..` after a name"
    assert link_problem("a/b/x", target, ups_first=True) == problem
    assert link_problem("a/b/x", "./../../d/e", ups_first=True) is None


@pytest.mark.parametrize(
    ("folder", "path", "place", "place_beside"),
    [
        ("", "a/./b//c", "a/b/c", "a/b/c"),
        ("a/b", "../c", "a/c", "a/c"),
        ("a", "..", ".", "."),
        ("a", "../..", None, None),
        ("", "", ".", "."),
        ("", "../b/c", None, "../b/c"),
        ("a", "../../b/../c", None, "../c"),
        ("a", "../../b/..", None, None),
        ("a", "../../../b", None, None),
        ("", "/a", None, None),
        ("a", "//a", None, None),
        ("/", "a", None, None),
        ("", "..a/b", "..a/b", "..a/b"),
    ],
)
def test_places(folder: str, path: str, place: str | None, place_beside: str | None) -> None:
    assert place_inside(folder, path) == place
    assert place_inside(folder, path, siblings=True) == place_beside


@pytest.mark.parametrize("path", ["plain/a-1.0+x.whl", "a[b]c", "*", "what?", "[!x]/]["])
def test_a_literal_glob_matches_its_path_alone(path: str) -> None:
    glob = literal_glob(path)
    assert fnmatch.fnmatchcase(path, glob)
    assert not any(fnmatch.fnmatchcase(other, glob) for other in (f"{path}x", f"x{path}", "b", "x"))


# As `ntpath.isreserved` of CPython 3.13 judges them; but for the colon, which is no name either.
@pytest.mark.parametrize(
    "name",
    [
        *("con", "CON.txt", "aux.py", "nul ", "nul .txt", "com1", "COM\u00b2.x", "lpt9", "conin$"),
        *("conout$.x", "x.", "x ", "...", "a*", "a?", "a<b", 'a"b', "a|b", "PRN", "a:b"),
    ],
)
def test_names_that_windows_has_not(name: str) -> None:
    assert windows_problem(name) is not None
    assert windows_problem(f"a/{name}/b") is not None


@pytest.mark.parametrize(
    "name",
    ["com0", "console", "auxiliary.py", "com10", "a.con", ".hidden", "lpt0", "x y", "\u00e4"],
)
def test_names_that_windows_has(name: str) -> None:
    assert windows_problem(f"a/{name}") is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("a/aux.py", "on Windows `aux.py` is the name of a device"),
        ("a./b", "on Windows a name cannot end with a dot or a space, as `a.` does"),
        ("what?/<x>", "Windows does not allow ? in a name"),
        ("a/<x>", "Windows does not allow < > in a name"),
        ("a/" + "\U0001f600" * 128, "on Windows a name cannot have more than 255 characters"),
    ],
)
def test_what_is_said_of_names_that_windows_has_not(path: str, problem: str) -> None:
    assert windows_problem(path) == problem


def test_names_that_are_one_where_case_does_not_count() -> None:
    assert folded("Stra\u00dfe/\u00c9.py") == folded("STRASSE/e\u0301.py")
    assert folded("a/b") != folded("a/c")
