from __future__ import annotations

import fnmatch

import pytest

from venvstacks_rules.model.paths import link_problem, literal_glob, path_problem


@pytest.mark.parametrize("path", ["a", "a/b.py", "a b/ü", "..a/b..", "@x/-", "ab:c"])
def test_paths_that_are_accepted(path: str) -> None:
    assert path_problem(path) is None


@pytest.mark.parametrize(
    ("path", "problem"),
    [
        ("", "the path holds an empty component or `.`"),
        ("a//b", "the path holds an empty component or `.`"),
        ("a/", "the path holds an empty component or `.`"),
        ("./a", "the path holds an empty component or `.`"),
        ("/a", "the path is absolute"),
        ("c:\\a", "the path holds a backslash or a control character"),
        ("c:a", "the path is absolute"),
        ("a/../b", "the path holds `..`"),
        ("a\0", "the path holds a backslash or a control character"),
        ("a\x7f", "the path holds a backslash or a control character"),
        ("a\udc80", "the path is not Unicode text"),
    ],
)
def test_paths_that_are_refused(path: str, problem: str) -> None:
    assert path_problem(path) == problem


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
        ("x", "a\\b", "the link's target holds a backslash or a control character"),
    ],
)
def test_links_that_are_refused(path: str, target: str, problem: str) -> None:
    assert link_problem(path, target) == problem


@pytest.mark.parametrize("path", ["plain/a-1.0+x.whl", "a[b]c", "*", "what?", "[!x]/]["])
def test_a_literal_glob_matches_its_path_alone(path: str) -> None:
    glob = literal_glob(path)
    assert fnmatch.fnmatchcase(path, glob)
    assert not any(fnmatch.fnmatchcase(other, glob) for other in (f"{path}x", f"x{path}", "b", "x"))
