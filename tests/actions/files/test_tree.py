from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment.tree_cache import TreeCache, key, tree_cache
from venvstacks_rules.actions.files.tree import TreeWriter, read_tree
from venvstacks_rules.model.contents.files import MODIFICATION_TIME, ArchivedFile

DAYS = 24 * 3600


def write(writer: TreeWriter) -> None:
    writer.add_file("lib/deep/a.py", [b"x = ", b"1\n"], 6)
    writer.add_file("bin/run", [b"#!"], 2, executable=True)
    writer.add_link("lib/deep/link", "a.py")


def place(cache: Path, name: str) -> Path:
    return cache / "trees" / name


def test_a_tree_has_the_files_modes_and_times_of_an_archive(tmp_path: Path) -> None:
    with tree_cache(str(tmp_path)) as cache:
        tree = cache.add("k", write)
    assert tree.files == (
        ArchivedFile("lib/deep/a.py", 6, hashlib.sha256(b"x = 1\n").hexdigest()),
        ArchivedFile("bin/run", 2, hashlib.sha256(b"#!").hexdigest(), executable=True),
        ArchivedFile("lib/deep/link", 0, "", link_target="a.py"),
    )
    assert (tree.folder / "lib/deep/a.py").read_bytes() == b"x = 1\n"
    assert (tree.folder / "lib/deep/link").readlink() == Path("a.py")
    states = [(tree.folder / name).stat() for name in ("lib/deep/a.py", "bin/run")]
    assert [state.st_mode & 0o7777 for state in states] == [0o644, 0o755]
    assert {state.st_mtime for state in states} == {MODIFICATION_TIME}
    assert read_tree(place(tmp_path, "k")) == tree


def test_content_of_another_size_is_refused_and_nothing_is_left(tmp_path: Path) -> None:
    def wrong(writer: TreeWriter) -> None:
        writer.add_file("a", [b"1234"], 3)

    with (
        pytest.raises(ValueError, match="^`a` was announced with 3 bytes and has 4$"),
        tree_cache(str(tmp_path)) as cache,
    ):
        cache.add("k", wrong)
    assert sorted(path.name for path in tmp_path.rglob("*")) == ["lock", "staging", "trees"]


@pytest.mark.parametrize("change", ["write", "append", "mode", "remove", "replace", "link"])
def test_a_tree_that_was_changed_is_not_found_and_is_made_anew(tmp_path: Path, change: str) -> None:
    with tree_cache(str(tmp_path)) as cache:
        root = cache.add("k", write).folder
        file = root / "lib/deep/a.py"
        if change == "write":  # Through a hard link, and of the same size.
            os.link(file, tmp_path / "elsewhere.py")
            (tmp_path / "elsewhere.py").write_bytes(b"x = 2\n")
        elif change == "append":
            with file.open("ab") as stream:
                stream.write(b"y")
            os.utime(file, (MODIFICATION_TIME, MODIFICATION_TIME))
        elif change == "mode":
            file.chmod(0o600)
        elif change == "remove":
            file.unlink()
        elif change == "replace":
            file.unlink()
            file.symlink_to("b.py")
        else:
            (root / "lib/deep/link").unlink()
            (root / "lib/deep/link").symlink_to("b.py")
        assert cache.find("k") is None
        tree = cache.add("k", write)
        assert (tree.folder / "lib/deep/a.py").read_bytes() == b"x = 1\n"
        assert cache.find("k") == tree


def test_a_tree_that_another_run_made_meanwhile_stays(tmp_path: Path) -> None:
    with tree_cache(str(tmp_path)) as one, tree_cache(str(tmp_path)) as other:
        first = one.add("k", write)
        inode = (first.folder / "bin/run").stat().st_ino
        assert other.add("k", write) == first
        assert (first.folder / "bin/run").stat().st_ino == inode
        assert list(other.staging.iterdir()) == []


def test_a_listing_that_is_damaged_is_no_tree(tmp_path: Path) -> None:
    with tree_cache(str(tmp_path)) as cache:
        cache.add("k", write)
        for text in ("[[1]]", "{", '[["a"]]', "7"):
            (place(tmp_path, "k") / "tree.json").write_text(text)
            assert cache.find("k") is None


def add_all(cache: TreeCache, *names: str) -> None:
    for name in names:
        cache.add(name, write)


def test_what_nobody_used_for_long_goes(tmp_path: Path) -> None:
    with tree_cache(str(tmp_path)) as cache:
        add_all(cache, "old", "used", "new", "broken")
    for name in ("old", "used"):
        long_ago = time.time() - 31 * DAYS
        os.utime(place(tmp_path, name) / "tree.json", (long_ago, long_ago))
    (place(tmp_path, "broken") / "tree.json").unlink()
    with tree_cache(str(tmp_path)), tree_cache(str(tmp_path)):
        pass
    assert sorted(path.name for path in (tmp_path / "trees").iterdir()) == ["new"]


def test_using_a_tree_keeps_it(tmp_path: Path) -> None:
    with tree_cache(str(tmp_path)) as cache:
        add_all(cache, "k")
        long_ago = time.time() - 31 * DAYS
        os.utime(place(tmp_path, "k") / "tree.json", (long_ago, long_ago))
        assert cache.find("k") is not None
    with tree_cache(str(tmp_path)) as cache:
        assert cache.find("k") is not None


def test_nothing_goes_while_somebody_uses_the_cache(tmp_path: Path) -> None:
    with tree_cache(str(tmp_path)) as cache:
        add_all(cache, "k")
        os.utime(place(tmp_path, "k") / "tree.json", (0, 0))
        (cache.staging / "in the making").mkdir()
        with tree_cache(str(tmp_path)):
            pass
        assert place(tmp_path, "k").is_dir()
        assert (cache.staging / "in the making").is_dir()


def test_what_a_killed_run_left_goes(tmp_path: Path) -> None:
    (tmp_path / "staging/killed/half").mkdir(parents=True)
    with tree_cache(str(tmp_path)):
        assert not (tmp_path / "staging/killed").exists()
    assert list((tmp_path / "staging").iterdir()) == []


def test_keys_tell_their_parts_apart() -> None:
    assert len({key("ab", "c"), key("a", "bc"), key("a", "b", "c"), key("abc")}) == 4
    assert key("a", "b") == key("a", "b")


def test_a_tree_that_changes_while_it_is_written_is_not_taken_again(tmp_path: Path) -> None:
    def damaged(writer: TreeWriter) -> None:
        write(writer)
        (file,) = (tmp_path / "staging").glob("*/k/files/lib/deep/a.py")
        os.utime(file)

    with tree_cache(str(tmp_path)) as cache:
        tree = cache.add("k", damaged)
        assert cache.find("k") is None
        assert cache.add("k", write) == tree == cache.find("k")
