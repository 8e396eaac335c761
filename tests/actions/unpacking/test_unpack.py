"""Archives that are hostile, damaged or not the ones announced are refused."""

from __future__ import annotations

import dataclasses
import os
import tarfile
from pathlib import Path

import pytest

from tests.support.layer_archives import (
    Tar,
    announced,
    tree,
    write_archive,
)
from venvstacks_rules.actions.unpacking import unpack
from venvstacks_rules.local.files import streams
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.requests.deploy import DeployedArchive


def refused(archive: DeployedArchive, folder: Path) -> tuple[str, ...]:
    folder.mkdir()
    with pytest.raises(ArchiveError) as caught:
        unpack.unpack(archive, folder)
    expected = f"`{archive.install_target}` cannot be deployed from `{archive.archive}`"
    assert caught.value.summary == expected
    return caught.value.problems


HOSTILE = {
    "absolute": (Tar().add("/x/a"), ["`/x/a`: the path is absolute"]),
    "parent": (Tar().add("x/../../a"), ["`x/../../a`: the path contains `..`"]),
    "backslash": (
        Tar().add("x/a\\b"),
        ["`x/a\\b`: the path contains a backslash or a control character"],
    ),
    "other folder": (Tar().add("y/a"), ["`y/a`: not below `x/`"]),
    "top-level file": (Tar().add("x"), ["it has no folder `x`"]),
    "device": (
        Tar().add("x/null", kind=tarfile.CHRTYPE),
        ["`x/null`: neither a file, a folder nor a link"],
    ),
    "pipe": (
        Tar().add("x/pipe", kind=tarfile.FIFOTYPE),
        ["`x/pipe`: neither a file, a folder nor a link"],
    ),
    "absolute link": (
        Tar().symlink("x/l", "/etc/passwd"),
        ["`x/l`: a symbolic link to `/etc/passwd`: the link's target is not a relative path"],
    ),
    "link outside": (
        Tar().symlink("x/b/l", "../../../etc"),
        [
            "`x/b/l`: a symbolic link to `../../../etc`: "
            "the link's target is outside of the layers' folder"
        ],
    ),
    "winding link": (
        Tar().symlink("x/d", ".").symlink("x/l", "d/d/d/../../.."),
        [
            "`x/l`: a symbolic link to `d/d/d/../../..`: the link's target has `..` after a name",
        ],
    ),
    "through a good link": (
        Tar().symlink("x/l", "../other").add("x/l/a/b", "a"),
        ["`x/l/a/b`: below `x/l`, which is a symbolic link"],
    ),
    "below a file": (
        Tar().add("x/f", "f").add("x/f/a", "a"),
        ["`x/f/a`: below `x/f`, which is a file"],
    ),
    "file, then link": (
        Tar().add("x/f", "f").symlink("x/f", "../other"),
        ["`x/f`: a symbolic link, but a file earlier in the same archive"],
    ),
    "link, then folder": (
        Tar().symlink("x/f", "../other").add("x/f", kind=tarfile.DIRTYPE),
        ["`x/f`: a folder, but a symbolic link earlier in the same archive"],
    ),
    "hard link": (
        Tar().add("x/h", kind=tarfile.LNKTYPE, link="../../etc/passwd"),
        ["`x/h`: a hard link to `../../etc/passwd`, which is not a file before it"],
    ),
    "deep": (
        Tar().add("x/" * 3000 + "a"),
        [f"`{'x/' * 3000}a`: the path has 3000 folders; 100 are accepted"],
    ),
    "long": (
        Tar().add("x/" + "/".join(["n" * 200] * 9)),
        [f"`x/{'/'.join(['n' * 200] * 9)}`: the path has 1810 bytes; 1024 are accepted"],
    ),
    "long name": (
        Tar().add("x/" + "n" * 256),
        [f"`x/{'n' * 256}`: `nnnnnnnnnnnnnnnnnnnn...` is a name of 256 bytes"],
    ),
    "several": (
        Tar().add("y/a").add("x/ok").add("/x/b"),
        ["`y/a`: not below `x/`", "`/x/b`: the path is absolute"],
    ),
    "empty": (Tar(), ["it has no folder `x`"]),
}


@pytest.mark.parametrize("name", sorted(HOSTILE))
def test_hostile_members_are_refused_by_name(tmp_path: Path, name: str) -> None:
    tar, problems = HOSTILE[name]
    archive = write_archive(tmp_path, "x", tar)
    before = tree(tmp_path)
    assert list(refused(archive, tmp_path / "folder")) == problems
    after = tree(tmp_path)
    assert {key: value for key, value in after.items() if not key.startswith("folder")} == before


def test_problems_are_cut_off_after_twenty(tmp_path: Path) -> None:
    tar = Tar()
    for number in range(30):
        tar.add(f"y/{number}")
    problems = refused(write_archive(tmp_path, "x", tar), tmp_path / "folder")
    assert len(problems) == 21
    assert problems[-1] == "and perhaps more: the rest was not checked"


def test_set_id_bits_are_dropped_and_the_last_of_two_files_counts(tmp_path: Path) -> None:
    tar = Tar().add("x/f", "first", mode=0o6777).add("x/f", "second", mode=0o4711)
    tar.add("x/h", kind=tarfile.LNKTYPE, link="x/f").add("x/deep/er/f", mode=0o7666)
    (tmp_path / "folder").mkdir()
    unpack.unpack(write_archive(tmp_path, "x", tar, "tar.gz"), tmp_path / "folder")
    assert (tmp_path / "folder/x/h").read_text() == "second"
    assert (tmp_path / "folder/x/f").stat().st_mode & 0o7777 == 0o755
    assert (tmp_path / "folder/x/deep/er/f").stat().st_mode & 0o7777 == 0o644


@pytest.mark.parametrize("suffix", ["tar.zst", "tar.xz", "tar.gz"])
def test_a_bomb_is_stopped(tmp_path: Path, suffix: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(streams, "MIN_EXPANSION", 1_000_000)
    archive = write_archive(tmp_path, "x", Tar().add("x/zeros", bytes(8_000_000)), suffix)
    limit = max(1_000_000, 200 * archive.size)
    assert refused(archive, tmp_path / "folder") == (
        f"damaged: it unpacks to more than the {limit} bytes that are accepted",
    )


@pytest.mark.parametrize("suffix", ["tar.zst", "tar.xz", "tar.gz"])
def test_the_announced_size_is_the_bound_if_there_is_one(tmp_path: Path, suffix: str) -> None:
    tar = Tar().add("x", kind=tarfile.DIRTYPE).add("x/zeros", bytes(200_000_000))
    size = len(tar.bytes())
    archive = write_archive(tmp_path, "x", tar, suffix)
    assert size > 200 * archive.size
    (tmp_path / "whole").mkdir()
    unpack.unpack(dataclasses.replace(archive, unpacked_size=size), tmp_path / "whole")
    assert (tmp_path / "whole/x/zeros").stat().st_size == 200_000_000
    smaller = dataclasses.replace(archive, unpacked_size=size - 1)
    assert refused(smaller, tmp_path / "folder") == (
        f"damaged: it unpacks to more than the {size - 1} bytes that are accepted",
    )


def test_size_and_hash_are_checked_before_anything_else(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, "x", Tar().add("/x"))
    longer = dataclasses.replace(archive, size=archive.size + 1)
    assert refused(longer, tmp_path / "1") == (
        f"it has {archive.size} bytes, not {archive.size + 1} as announced",
    )
    other = dataclasses.replace(archive, sha256="0" * 64)
    assert refused(other, tmp_path / "2") == (
        f"its sha256 is {archive.sha256}, not {'0' * 64} as announced",
    )
    missing = dataclasses.replace(archive, archive=str(tmp_path / "none"))
    assert refused(missing, tmp_path / "3") == ("cannot read it: No such file or directory",)


@pytest.mark.parametrize("suffix", ["tar.zst", "tar.xz", "tar.gz"])
def test_truncated_archives_are_refused(tmp_path: Path, suffix: str) -> None:
    tar = Tar().add("x/noise", os.urandom(100_000))
    archive = write_archive(tmp_path, "x", tar, suffix)
    data = Path(archive.archive).read_bytes()
    Path(archive.archive).write_bytes(data[: len(data) // 2])
    (problem,) = refused(announced(Path(archive.archive), "x"), tmp_path / "folder")
    assert problem.startswith("damaged: ")


def test_other_files_are_refused(tmp_path: Path) -> None:
    (tmp_path / "x.rar").write_bytes(b"Rar!\x1a\7\1\0")
    assert refused(announced(tmp_path / "x.rar", "x"), tmp_path / "folder") == (
        "damaged: `x.rar` is not a .tar.zst, .tar.xz, .tar.gz or .zip",
    )
