"""``.gitignore`` files, compared with what git itself says of the same paths."""

from __future__ import annotations

import itertools
import subprocess
from pathlib import Path

import pytest

from venvstacks_rules.model.gitignore import IgnoreRules, folders_above

PATHS = (
    "a.py",
    "a.log",
    "#x",
    "!x",
    "a ",
    "a\\b",
    "[x]",
    "build/a.py",
    "pkg/a.log",
    "pkg/b.log",
    "pkg/build",
    "pkg/build2/a.py",
    "pkg/data/a.py",
    "pkg/data/x/a.log",
    "pkg/data/x/y/a.py",
    "pkg/dist/data/a.py",
    "pkg/sub/keep.log",
    "pkg/sub/deep/a.txt",
    "pkg/sub/deep/b.txt",
)

PATTERNS = (
    "*.log",
    "/a.log",
    "a.log",
    "build",
    "build/",
    "/build/",
    "build*/",
    "pkg/build",
    "pkg/*.log",
    "pkg/**",
    "pkg/data/**",
    "**/data",
    "**/data/a.py",
    "pkg/**/a.py",
    "pkg/**a.py",
    "data/x",
    "/pkg/data/x/",
    "data/**/a.py",
    "**",
    "*",
    "?.py",
    "[ab].log",
    "[!b].log",
    "[^b].log",
    "[a-c].log",
    "[[:alpha:]].log",
    "[]x[]",
    "\\[x]",
    "\\#x",
    "#x",
    "\\!x",
    "a\\ ",
    "a ",
    "a\\\\b",
    "*.txt\n!b.txt",
    "!b.txt\n*.txt",
    "pkg/\n!pkg/a.log",
    "pkg/*\n!pkg/sub",
    "pkg/sub/*\n!pkg/sub/keep.log",
    "/",
    "[",
    "[z-a].log",
    "",
)


def said_by_git(root: Path, files: dict[str, str]) -> set[str]:
    subprocess.run(["git", "init", "-q"], cwd=root, check=True)
    for folder, text in files.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / ".gitignore").write_text(text)
    done = subprocess.run(
        ["git", "-c", "core.excludesFile=", "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=root,
        input="\0".join(PATHS),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return {path for path in done.stdout.split("\0") if path}


def said_by_us(files: dict[str, str]) -> set[str]:
    rules = IgnoreRules(files)
    return {path for path in PATHS if rules.ignored(path)}


@pytest.mark.parametrize("pattern", PATTERNS)
@pytest.mark.parametrize("folder", ["", "pkg"])
def test_one_file(tmp_path: Path, folder: str, pattern: str) -> None:
    files = {folder: pattern}
    assert said_by_us(files) == said_by_git(tmp_path, files)


@pytest.mark.parametrize(
    ("upper", "lower"),
    list(
        itertools.product(
            ["*.log", "!*.log", "pkg/", "sub/", "*\n!*/"], ["!*.log", "*.log", "!sub/", "/sub"]
        )
    ),
)
def test_the_nearer_file_decides(tmp_path: Path, upper: str, lower: str) -> None:
    files = {"": upper, "pkg": lower}
    assert said_by_us(files) == said_by_git(tmp_path, files)


def test_folders_above() -> None:
    assert folders_above(["a/b/c.py", "a/d.py", "e.py"]) == ("", "a", "a/b")
