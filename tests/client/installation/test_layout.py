from __future__ import annotations

import errno
import os
import subprocess
import sys
import time
from pathlib import Path

from tests.support.client_repository import ClientRepository
from venvstacks_rules.client.commands.tidying import uninstall
from venvstacks_rules.client.commands.updating import install
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.installation.layout import changing, made_layout


def ended_process() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


def test_what_an_ended_installer_left_is_removed_after_minutes(tmp_path: Path) -> None:
    layout = made_layout(tmp_path / "into", Disk())
    ended = ended_process()
    gone, runs = (layout.folder / f".installing-{number}" for number in (ended, os.getpid()))
    for folder in (gone, runs):
        folder.mkdir()
    with changing(layout, Disk()):
        assert (gone.exists(), runs.exists()) == (True, True)
    for folder in (gone, runs):
        os.utime(folder, (time.time() - 11 * 60,) * 2)
    with changing(layout, Disk()):
        assert (gone.exists(), runs.exists()) == (False, True)


def test_an_uninstall_removes_it_at_once(repository: ClientRepository, tmp_path: Path) -> None:
    install(tmp_path / "apps", repository.request())
    (tmp_path / "apps" / f".installing-{ended_process()}" / "new").mkdir(parents=True)
    uninstall(tmp_path / "apps")
    assert not (tmp_path / "apps").exists()


class NotOurs(Disk):
    """A disk where what an installer left is of somebody else."""

    def unlink(self, path: str) -> None:
        if ".installing-" in path:
            raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
        super().unlink(path)


def test_an_uninstall_comes_to_its_end_beside_what_it_may_not_remove(
    repository: ClientRepository, tmp_path: Path
) -> None:
    install(tmp_path / "apps", repository.request())
    left = tmp_path / "apps" / f".installing-{ended_process()}"
    left.mkdir()
    (left / "file").touch()
    uninstall(tmp_path / "apps", disk=NotOurs())
    assert [path.name for path in (tmp_path / "apps").iterdir()] == [left.name]


def test_an_uninstall_leaves_what_an_installer_needs_that_runs(
    repository: ClientRepository, tmp_path: Path
) -> None:
    install(tmp_path / "apps", repository.request())
    runs = tmp_path / "apps" / f".installing-{os.getpid()}"
    runs.mkdir()
    uninstall(tmp_path / "apps")
    assert [path.name for path in (tmp_path / "apps").iterdir()] == [runs.name]


def test_what_killed_installers_left_is_removed_after_a_day(tmp_path: Path) -> None:
    layout = made_layout(tmp_path / "into", Disk())
    old, new = (layout.folder / f".installing-{number}" for number in (1, 2))
    for folder in (old, new):
        (folder / "new").mkdir(parents=True)
        (folder / "new/file").write_text("")
    yesterday = time.time() - 25 * 60 * 60
    os.utime(old, (yesterday, yesterday))
    with changing(layout, Disk()):
        assert (old.exists(), new.exists()) == (False, True)
