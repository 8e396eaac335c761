from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.exports import FRAMEWORK, SITE, Stack, run
from venvstacks_rules.actions.deployment import links
from venvstacks_rules.actions.files.tree import Tree
from venvstacks_rules.model.contents.files import ArchivedFile


@pytest.fixture
def stack(tmp_path: Path) -> Stack:
    return Stack(tmp_path / "made")


def test_a_changed_file_of_the_cache_is_unpacked_again(tmp_path: Path, stack: Stack) -> None:
    stack.export(tmp_path / "one")
    # Written in place, through the link: the cache has it, too.
    (tmp_path / "one" / FRAMEWORK / SITE / "demo/__init__.py").write_text("VALUE = 9\n")
    stack.export(tmp_path / "two")
    assert run(tmp_path / "two") == "1\n"
    assert run(tmp_path / "one") == "9\n"


def test_files_are_copied_to_another_file_system(tmp_path: Path, stack: Stack) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("there is no second file system")
    destination = memory / f"venvstacks-rules-{os.getpid()}"
    try:
        done = stack.export(destination)
        stack.export(tmp_path / "out")
        assert (done[FRAMEWORK].linked, done[FRAMEWORK].copied) == (0, 6)
        assert run(destination) == "1\n"
        name = f"{FRAMEWORK}/{SITE}/demo/__init__.py"
        copy, link = (folder / name for folder in (destination, tmp_path / "out"))
        assert (copy.stat().st_mode, copy.stat().st_mtime_ns) == (
            link.stat().st_mode,
            link.stat().st_mtime_ns,
        )
        assert copy.stat().st_nlink == 1
    finally:
        shutil.rmtree(destination, ignore_errors=True)


def test_a_file_with_too_many_links_is_copied(tmp_path: Path) -> None:
    source = tmp_path / "files/a"
    source.parent.mkdir()
    source.write_text("x")
    limit = os.pathconf(tmp_path, "PC_LINK_MAX")
    if not 1 < limit <= 100_000:
        pytest.skip(f"the file system has a limit of {limit} links")
    (tmp_path / "links").mkdir()
    try:
        for number in range(limit - 1):
            os.link(source, tmp_path / f"links/{number}")
    except OSError:
        pytest.skip("the file system has no such limit")
    file = ArchivedFile("a", 1, "")
    files = {"a": (Tree(source.parent, (file,)), file)}
    assert links.place_trees(files, tmp_path / "out").copied == 1
    assert (tmp_path / "out/a").read_text() == "x"
