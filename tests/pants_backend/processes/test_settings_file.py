"""Who can read the file, and how long it is there."""

from __future__ import annotations

import os
import platform
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.requests.network import network_settings_file
from venvstacks_rules.pants_backend.processes.settings_file import settings_file


def test_nobody_else_can_read_it(tmp_path: Path) -> None:
    folder = tmp_path / "caches" / "network"
    folder.mkdir(parents=True, mode=0o755)
    old = os.umask(0)
    try:
        with settings_file(folder, "secret") as path:
            assert path == folder / network_settings_file(platform.node(), os.getpid())
            assert path.read_text() == "secret"
            assert stat.S_IMODE(path.stat().st_mode) == 0o600
            assert stat.S_IMODE(folder.stat().st_mode) == 0o700
            assert list(folder.iterdir()) == [path]
    finally:
        os.umask(old)
    assert list(folder.iterdir()) == []


def test_it_stays_until_its_last_user_has_ended(tmp_path: Path) -> None:
    with settings_file(tmp_path, "one") as path:
        with settings_file(tmp_path, "two"):
            assert path.read_text() == "two"
        assert path.exists()
    assert not path.exists()


def test_it_goes_when_the_work_fails(tmp_path: Path) -> None:
    with pytest.raises(KeyError), settings_file(tmp_path, "text"):
        raise KeyError
    assert list(tmp_path.iterdir()) == []


def test_files_of_killed_processes_go_and_those_of_others_stay(tmp_path: Path) -> None:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    killed = tmp_path / network_settings_file(platform.node(), done.pid)
    half = killed.with_name(f"{killed.name}.new")
    running = tmp_path / network_settings_file(platform.node(), os.getppid())
    elsewhere = tmp_path / network_settings_file(f"{platform.node()}x", done.pid)
    for path in (killed, half, running, elsewhere):
        path.write_text("")
    with settings_file(tmp_path, "text") as path:
        assert sorted(tmp_path.iterdir()) == sorted([running, elsewhere, path])


def test_a_folder_that_cannot_be_used_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NetworkError) as caught, settings_file(tmp_path / "file", "text"):
        pass
    assert str(caught.value) == (
        f"the network settings cannot be written to {tmp_path}/file: File exists. "
        "The folder must belong to you: choose another `[GLOBAL].named_caches_dir`, or remove it"
    )
