"""Where modules may lie, and which files of a package directory belong to it."""

from __future__ import annotations

import pytest

from venvstacks_rules.model.layers.modules import (
    module_files,
    module_folders,
    module_globs,
    module_place,
)


@pytest.mark.parametrize(
    ("folder", "path", "place"),
    [
        ("src/app", "tool.py", "src/app/tool.py"),
        ("src/app", "tool/", "src/app/tool"),
        ("src/app", "./a//tool.py", "src/app/a/tool.py"),
        ("src/app", "../shared/tool.py", "src/shared/tool.py"),
        ("src/app", "../../tool", "tool"),
        ("", "tool.py", "tool.py"),
        ("src/app", "../../../tool.py", None),
        ("src/app", "../../..", None),
        ("src/app", "/etc/tool.py", None),
        ("", ".", None),
        ("", "..", None),
    ],
)
def test_places(folder: str, path: str, place: str | None) -> None:
    assert module_place(folder, path) == place


def test_globs() -> None:
    assert module_globs("src/tool.py") == ("src/tool.py",)
    assert module_globs("src/tool") == ("src/tool/**", "!src/tool/**/__pycache__/**")


FILES = (
    "b.py",
    "a.py",
    "a/.gitignore",
    "a/b/.gitkeep",
    ".github/workflows/x.yml",
    "a/.git-notes/c/d.txt",
    "c/.data/e.txt",
)


def test_files_of_version_control_do_not_belong_to_a_module() -> None:
    assert module_files(FILES) == ("a.py", "b.py", "c/.data/e.txt")


def test_a_build_file_changes_nothing() -> None:
    build_files = ["BUILD", "a/BUILD.pants", "d/BUILD"]
    assert module_files([*FILES, *build_files]) == module_files(FILES)
    assert module_folders([*FILES, *build_files]) == module_folders(FILES)


def test_what_is_only_called_like_a_build_file_belongs_to_a_module() -> None:
    files = ("BUILD/a.py", "BUILDER", "build", "build.py", "my.BUILD")
    assert module_files(files) == files
    assert module_folders(files) == ("BUILD",)


def test_a_folder_kept_for_its_own_sake_belongs_to_a_module() -> None:
    assert module_folders(FILES) == ("a", "a/b", "c", "c/.data")
    assert module_folders(["a.py"]) == ()
