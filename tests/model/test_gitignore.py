"""``.gitignore`` files, compared with what git itself says of the same paths."""

from __future__ import annotations

import atexit
import functools
import itertools
import random
import shutil
import subprocess
import tempfile
from collections.abc import Iterable, Sequence
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
    "[[:punct:]]x",
    "[[:nothing:]]x",
    "[--0]x",
    "//a.py",
    "build//",
    "***/a.py",
    "pkg**/a.py",
    "pkg/d**/a.py",
    "pkg/b**",
    "/pk**",
    "pkg**//",
    "pkg**/build",
    "?kg**/a.py",
    "/**",
    "a\\\\ ",
    "\ufeff*.log",
    "*.log\r",
    "*.log\r\r",
    "",
)


@functools.cache
def _database() -> str:
    """That of a repository, for many work trees: git reads no file of ignored ones from it."""
    folder = tempfile.mkdtemp(prefix="venvstacks-rules-git-")
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    subprocess.run(["git", "init", "-q", folder], check=True)
    return f"{folder}/.git"


def said_by_git(root: Path, files: dict[str, str], paths: Iterable[str] = PATHS) -> set[str]:
    for folder, text in files.items():
        (root / folder).mkdir(parents=True, exist_ok=True)
        (root / folder / ".gitignore").write_text(text, encoding="utf-8")
    command = ["git", f"--git-dir={_database()}", "--work-tree=.", "-c", "core.excludesFile="]
    done = subprocess.run(
        [*command, "check-ignore", "--no-index", "-z", "--stdin"],
        cwd=root,
        input="\0".join(paths),
        capture_output=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode in (0, 1), done.stderr
    return {path for path in done.stdout.split("\0") if path}


def said_by_us(files: dict[str, str], paths: Iterable[str] = PATHS) -> set[str]:
    rules = IgnoreRules({folder: text.encode() for folder, text in files.items()})
    return {path for path in paths if rules.ignored(path)}


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


NAMES = ("a", "b", "ab", "a.py", "a b", "#x", "!y", "[z]", "A", "é", "x*", "a\\b", "]", "^", "-")
ATOMS = (
    *("a", "b", "x", "é", "*", "**", "***", "?", "/", "/**", "**/", ".py", "#", "!", " ", "\\"),
    *("[ab]", "[!a]", "[^b]", "[a-c]", "[]a]", "[!]a]", "[a", "[z-a]", "[[a]", "[a-]", "[--0]"),
    *("[a\\-c]", "[\\]]", "[^]", "[!]", "[&&a]", "[[:upper:]]", "[[:punct:]x]", "[[:foo:]]"),
    *("\\*", "\\[", "\\ "),
)


PLAIN_NAMES = ("a", "b", "ab", "a.py", "b.py", "x", "c")
PLAIN_ATOMS = ("a", "b", "x", "*", "**/", "/**", "/", ".py", "?", "[ab]", "[!a]", "[a-c]")


def random_files(
    seed: int, names: Sequence[str], atoms: Sequence[str]
) -> tuple[dict[str, str], set[str]]:
    """1500 files of one to four patterns by their folders, and eight paths for each."""
    chance = random.Random(seed)

    def path() -> str:
        return "/".join(chance.choice(names) for _ in range(chance.randint(1, 3)))

    def pattern() -> str:
        text = "".join(chance.choice(atoms) for _ in range(chance.randint(1, 4)))
        if chance.random() < 0.3:
            text = chance.choice(("", "/")) + path() + chance.choice(("", "/"))
        return chance.choice(("", "", "", "!")) + text

    files = {
        f"{number}": "\n".join(pattern() for _ in range(chance.randint(1, 4)))
        for number in range(1500)
    }
    return files, {f"{folder}/{path()}" for folder in files for _ in range(8)}


@pytest.mark.parametrize(
    ("names", "atoms"), [(NAMES, ATOMS), (PLAIN_NAMES, PLAIN_ATOMS)], ids=["any", "plain"]
)
def test_random_patterns(tmp_path: Path, names: Sequence[str], atoms: Sequence[str]) -> None:
    files, paths = random_files(20240229, names, atoms)
    by_git = said_by_git(tmp_path, files, paths)
    assert 1000 < len(by_git) < len(paths) - 1000
    assert said_by_us(files, paths) == by_git


@pytest.mark.timeout(20)
@pytest.mark.parametrize(
    "line",
    ["[" + "a-" * 1000, "a" + " " * 1000 + "\\", "[[:" * 1000],
    ids=["ranges", "spaces", "classes"],
)
def test_what_does_not_end_is_read_in_one_go(tmp_path: Path, line: str) -> None:
    assert said_by_us({"": line}) == said_by_git(tmp_path, {"": line})


def test_folders_above() -> None:
    assert folders_above(["a/b/c.py", "a/d.py", "e.py"]) == ("", "a", "a/b")
