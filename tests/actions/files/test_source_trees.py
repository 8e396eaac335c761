"""Source archives, unpacked to be built: nothing of them leaves its folder."""

from __future__ import annotations

import io
import os
import tarfile
import zipfile
from pathlib import Path

from venvstacks_rules.actions.files.source_trees import unpack_source, version_variables


def test_files_and_links_that_lead_out_are_left_out(tmp_path: Path) -> None:
    archive = tmp_path / "x.tar.gz"
    outside = tmp_path / "outside"
    outside.mkdir()
    with tarfile.open(archive, "w:gz") as tar:
        for name, mode in (("top/a", 0o644), ("top/run", 0o755), ("../evil", 0o644)):
            add(tar, name, b"x", mode)
        add(tar, f"{outside}/evil", b"x")
        link(tar, "top/b/ok", "../a")
        link(tar, "top/up", "../../outside")
        link(tar, "top/absolute", str(outside))
        link(tar, "top/beside", "..")
        link(tar, "top/folder", "b")
        add(tar, "top/folder/through", b"x")
        add(tar, "top/a", b"again")
        add(tar, "./top/c", b"x")
        device = tarfile.TarInfo("top/device")
        device.type = tarfile.CHRTYPE
        tar.addfile(device)
    folder = tmp_path / "out"
    unpack_source(archive, folder)
    found = {str(path.relative_to(folder)) for path in folder.rglob("*") if not path.is_dir()}
    assert found == {"top/a", "top/run", "top/b/ok", "top/c"}
    assert (folder / "top/folder").is_symlink()
    assert (folder / "top/b/ok").read_bytes() == b"x"
    assert os.access(folder / "top/run", os.X_OK)
    assert not os.access(folder / "top/a", os.X_OK)
    assert list(outside.iterdir()) == []
    assert sorted(path.name for path in tmp_path.iterdir()) == ["out", "outside", "x.tar.gz"]


def test_zip_archives(tmp_path: Path) -> None:
    archive = tmp_path / "x.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("top/a", "x")
        zipped.writestr("../evil", "x")
    unpack_source(archive, tmp_path / "out")
    assert (tmp_path / "out/top/a").read_text() == "x"
    assert not (tmp_path / "evil").exists()


def test_the_version_of_a_lockfile_is_told_to_backends_that_ask_the_history() -> None:
    assert version_variables(None) == {}
    told = version_variables("1.2.dev3+gabc")
    assert told["SETUPTOOLS_SCM_PRETEND_VERSION"] == "1.2.dev3+gabc"


def add(tar: tarfile.TarFile, name: str, data: bytes, mode: int = 0o644) -> None:
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(data), mode
    tar.addfile(member, io.BytesIO(data))


def link(tar: tarfile.TarFile, name: str, target: str) -> None:
    member = tarfile.TarInfo(name)
    member.type, member.linkname = tarfile.SYMTYPE, target
    tar.addfile(member)
