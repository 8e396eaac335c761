"""Comparing the backend with versions of Pants: small ones, in a repository made here."""

from __future__ import annotations

import ast
import re
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest

from check_pants_versions import (
    HALVES,
    PACKAGE,
    PAGE,
    half_of,
    modules_of,
    oldest,
    table,
    versions,
    with_table,
)
from pants_names import PantsNames

ENGINE = """
from pants_backend.pants_versions import RUNNING
if RUNNING < (2, 30):
    from pants_backend.engine._get import *
else:
    from pants_backend.engine._by_name import *
"""
FS = """
from dataclasses import dataclass
from pants.engine.native import Digest as Digest

@dataclass(frozen=True)
class Base:
    first: int

@dataclass(frozen=True)
class Request(Base):
    second: str = ""

async def merge(request: Request) -> Digest: ...
"""
NATIVE = """
class Digest:
    SIZE: int
    def __init__(self, fingerprint: str, size: int) -> None: ...
"""


def modules(**sources: str) -> dict[str, ast.Module]:
    texts = {"engine/__init__.py": ENGINE, **{f"{n}.py": text for n, text in sources.items()}}
    return {path: ast.parse(text) for path, text in texts.items()}


def git(folder: Path, *arguments: str) -> None:
    who = ("-c", "user.name=A", "-c", "user.email=a@example.org", "-c", "commit.gpgsign=false")
    subprocess.run(["git", *who, *arguments], cwd=folder, check=True, stdout=subprocess.DEVNULL)


def release(folder: Path, tag: str, files: Mapping[str, str], python: str = "==3.11.*") -> None:
    for path, text in files.items():
        file = folder / "src/python/pants" / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    (folder / "pants.toml").write_text(f'[python]\ninterpreter_constraints = ["{python}"]\n')
    git(folder, "add", ".")
    git(folder, "commit", "--allow-empty", "-m", tag)
    git(folder, "tag", tag)


@pytest.fixture(scope="module")
def pants(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("pants")
    git(folder, "init", "-q")
    release(folder, "release_2.16.0", {"engine/fs.py": FS, "engine/native.pyi": NATIVE})
    release(folder, "release_2.29.0", {}, "==3.9.*")
    release(folder, "release_2.29.1rc0", {}, "==3.9.*")
    release(folder, "release_2.29.1", {}, "==3.9.*")
    release(folder, "release_2.30.0.dev3", {"engine/fs.py": FS.replace("merge", "merge_digests")})
    release(folder, "release_2.30.0.dev12", {})
    return folder


def test_the_last_tag_of_each_minor_version_is_read(pants: Path) -> None:
    found = [version.number for version in versions(pants, (2, 17))]
    assert found == ["2.29.1", "2.30.0.dev12"]


def problems(pants: Path, **sources: str) -> list[str]:
    return [p for version in versions(pants, (2, 17)) for p in version.problems(modules(**sources))]


def test_all_that_is_taken_exists(pants: Path) -> None:
    text = (
        "import pants.engine.fs\n"
        "from pants.engine import fs\n"
        "from pants.engine.fs import Digest, Request as R\n"
        "fs.Digest, Digest.SIZE\n"
        "R(1), R(first=1, second='2'), R(**{}), fs.Request(1), Digest('a', size=1)\n"
    )
    assert problems(pants, a=text) == []


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("import pants.engine.none", "has no module pants.engine.none"),
        ("from pants.engine.fs import Nothing", "has no pants.engine.fs.Nothing"),
        ("from pants.engine import fs\nfs.none", "has no pants.engine.fs.none"),
        (
            "from pants.engine.fs import Digest\nDigest.NONE",
            "has no pants.engine.fs.Digest.NONE",
        ),
        (
            "from pants.engine.fs import Digest\nDigest('a', 1, 2)",
            "has pants.engine.fs.Digest, which takes 2 arguments by position, not 3",
        ),
        (
            "from pants.engine.fs import Request\nRequest(third=1)",
            "has pants.engine.fs.Request, which has no parameter `third`",
        ),
        (
            "from pants.engine.fs import Request\nRequest(second='a')",
            "has pants.engine.fs.Request, which also requires `first`",
        ),
    ],
)
def test_what_a_version_lacks_is_named_with_its_place(pants: Path, text: str, problem: str) -> None:
    line = text.count("\n") + 1
    assert problems(pants, a=text) == [
        f"pants_backend/a.py:{line}: Pants {number} {problem}"
        for number in ("2.29.1", "2.30.0.dev12")
    ]


def test_code_for_other_versions_is_not_compared(pants: Path) -> None:
    text = (
        "from pants_backend.pants_versions import RUNNING\n"
        "if RUNNING >= (2, 30):\n"
        "    from pants.engine.fs import merge_digests\n"
        "else:\n"
        "    from pants.engine.fs import merge\n"
    )
    assert problems(pants, a=text) == []
    assert problems(pants, a=text.replace("30", "31")) == [
        "pants_backend/a.py:5: Pants 2.30.0.dev12 has no pants.engine.fs.merge"
    ]


def test_only_the_half_that_a_version_takes_is_compared(pants: Path) -> None:
    halves = {
        "engine/_get": "from pants.engine.fs import merge",
        "engine/_by_name": "from pants.engine.fs import merge_digests",
    }
    assert problems(pants, **halves) == []


def test_the_table_is_put_between_its_markers(pants: Path) -> None:
    begin, end = (f"<!-- {w}: build-support/check-pants-versions -->\n" for w in ("begin", "end"))
    made = with_table(f"# A\n{begin}old\n{end}tail\n", table(versions(pants, (2, 17)), modules()))
    assert made == (
        f"# A\n{begin}"
        "| Pants | checked | its CPython | engine half | proof |\n"
        "|---|---|---|---|---|\n"
        "| 2.29 | 2.29.1 | 3.9 | awaits `Get` | examples |\n"
        "| 2.30 | 2.30.0.dev12 | 3.11 | calls by name | rules |\n"
        f"{end}tail\n"
    )


def test_the_page_has_a_row_for_every_supported_version() -> None:
    ours = modules_of(PACKAGE)
    rows = re.findall(r"^\| (\d+)\.(\d+) \| \S+ \| \S+ \| (.+?) \|", PAGE.read_text(), re.MULTILINE)
    minors = [(int(major), int(minor)) for major, minor, _ in rows]
    assert minors == [(2, number) for number in range(oldest(ours)[1], minors[-1][1] + 1)]
    assert [half for _, _, half in rows] == [HALVES[half_of(ours, minor)] for minor in minors]


def test_names_are_followed_through_imports_and_stars() -> None:
    files = {
        "pants/a.py": "from pants.b import *\nfrom pants.c import x as y\nz = y",
        "pants/b.py": "def f(one, *, two=2): ...",
        "pants/c.py": "from os import path as x",
    }
    names = PantsNames(files.get)
    f = names.look_up("pants.a", "f")
    assert f is not None
    assert f.module == "pants.b"
    assert names.look_up("pants.a", "y") is not None
    assert names.look_up("pants.a", "z") is not None
    assert names.look_up("pants.a", "none") is None
    parameters = names.parameters(f)
    assert parameters is not None
    assert parameters.positional == ("one",)
    assert parameters.required == {"one"}
