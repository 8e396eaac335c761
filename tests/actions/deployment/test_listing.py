from __future__ import annotations

import os
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment.listing import (
    ListedFile,
    damaged_files,
    list_files,
    listed_again,
    named_damage,
    read_listing,
    write_listing,
)

ABC = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
TIME = 10**18


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    folder = tmp_path / "layer"
    (folder / "lib/deep").mkdir(parents=True)
    (folder / "lib/deep/a.py").write_text("abc")
    (folder / "run").write_text("abc")
    (folder / "run").chmod(0o755)
    (folder / "link").symlink_to("lib")
    for name in ("run", "lib/deep/a.py"):
        os.utime(folder / name, ns=(TIME, TIME))
    return folder


FILES = (
    ListedFile("lib/deep/a.py", 3, TIME, False, ABC),
    ListedFile("link", link_target="lib"),
    ListedFile("run", 3, TIME, True, ABC),
)


def test_a_list_has_all_files_and_is_read_as_it_was_written(layer: Path, tmp_path: Path) -> None:
    assert list_files(layer) == FILES
    write_listing(tmp_path / "files", FILES)
    assert read_listing(tmp_path / "files") == FILES
    (tmp_path / "files").write_bytes((tmp_path / "files").read_bytes()[:-3])
    assert read_listing(tmp_path / "files") is None


def test_hashes_of_files_that_are_known_are_not_computed_again(layer: Path) -> None:
    known = {file.path: file._replace(sha256="known") for file in FILES}
    (layer / "run").write_text("abcd")
    assert [file.sha256 for file in list_files(layer, known=known)] == [
        "known",
        "",
        "88d4266fd4e6338d13b845fcf289579d209c897823b9217da3e161936f031589",
    ]


def test_a_second_list_has_the_files_of_the_first(layer: Path) -> None:
    (layer / "mine").write_text("x")
    (layer / "run").chmod(0o644)
    assert listed_again(layer, FILES) == (*FILES[:2], FILES[2]._replace(executable=False))


@pytest.mark.parametrize(
    ("change", "path"),
    [
        ("remove", "run"),
        ("cut", "run"),
        ("touch", "run"),
        ("mode", "run"),
        ("folder", "run"),
        ("link", "link"),
        ("file for a link", "link"),
        ("link for a file", "run"),
    ],
)
def test_a_look_at_sizes_times_and_modes(layer: Path, change: str, path: str) -> None:
    assert damaged_files(layer, FILES) == damaged_files(layer, FILES, thorough=True) == []
    place = layer / path
    if change == "touch":
        os.utime(place)
    elif change == "mode":
        place.chmod(0o644)
    elif change == "cut":
        place.write_text("ab")
        os.utime(place, ns=(TIME, TIME))
    else:
        place.unlink()
    if change == "folder":
        place.mkdir()
    elif change.startswith("link"):
        place.symlink_to("elsewhere")
    elif change.startswith("file"):
        place.write_text("")
    assert damaged_files(layer, FILES) == damaged_files(layer, FILES, thorough=True) == [path]


def test_a_thorough_look_reads_the_files(layer: Path) -> None:
    (layer / "run").write_text("abd")
    os.utime(layer / "run", ns=(TIME, TIME))
    assert damaged_files(layer, FILES) == []
    assert damaged_files(layer, FILES, thorough=True) == ["run"]


def test_what_people_add_is_no_damage(layer: Path) -> None:
    (layer / "lib/mine").write_text("x")
    assert damaged_files(layer, FILES, thorough=True) == []


def test_damage_in_words() -> None:
    assert named_damage(["a"]) == "1 file missing or changed: `a`"
    assert named_damage(list("abcdef\x1b")) == (
        "7 files missing or changed: `a`, `b`, `c`, `d`, `e` and 2 more"
    )
    assert named_damage(["\x1b"]) == "1 file missing or changed: `\\x1b`"
