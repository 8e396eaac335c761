from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest

from tests.support.exports import FRAMEWORK, SITE, Stack, run
from venvstacks_rules.actions.deployment import layer_files, links
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
    assert layer_files.place_trees(files, tmp_path / "out").copied == 1
    assert (tmp_path / "out/a").read_text() == "x"


def test_trees_are_copied_where_they_cannot_be_linked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/b/f").write_text("x")
    (tmp_path / "a/b/f").chmod(0o755)
    (tmp_path / "a/l").symlink_to("../nowhere")

    def refuse(*args: object, **kwargs: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "link", refuse)
    links.place_folder(tmp_path / "a", tmp_path / "c")
    assert (tmp_path / "c/b/f").read_text() == "x"
    assert (tmp_path / "c/b/f").stat().st_mode & 0o777 == 0o755
    assert str((tmp_path / "c/l").readlink()) == "../nowhere"
    assert (tmp_path / "c/b/f").stat().st_nlink == 1


def test_a_file_that_is_there_is_not_written_to(tmp_path: Path) -> None:
    (tmp_path / "a").write_text("a")
    (tmp_path / "b").write_text("b")
    with pytest.raises(FileExistsError):
        links.place_file(str(tmp_path / "a"), str(tmp_path / "b"))
    assert (tmp_path / "b").read_text() == "b"
