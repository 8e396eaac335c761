"""After a crash at any step, the old or the new version runs, and the next command completes."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.client_repository import (
    APP,
    MAIN,
    RUNTIME,
    SITE,
    ClientRepository,
    Content,
    called,
    own_files,
    own_links,
    runtime_content,
)
from tests.support.crashing_disk import CrashingDisk, State, restore
from venvstacks_rules.client.commands.repairing import repair
from venvstacks_rules.client.commands.tidying import gc, rollback
from venvstacks_rules.client.commands.updating import install, update

_SOME = 8
"""States that every run of the tests looks at; the others take minutes."""


def publish(repository: ClientRepository, version: str) -> None:
    """A version of two small layers."""
    main = {
        f"{SITE}/hello.py": MAIN.format(version=version),
        f"{SITE}/words.py": f"WORD = 'says {version}'\n",
        f"{SITE}/same.py": "x = 1\n",
    }
    contents = [Content("layer", {**main, **own_files((RUNTIME,), "hello")}, own_links())]
    runtime = repository.layer(RUNTIME, "runtime", (), [runtime_content()])
    app = repository.layer(APP, "application", (RUNTIME,), contents)
    repository.release(version, [runtime, app])


@pytest.fixture
def small(tmp_path: Path) -> ClientRepository:
    made = ClientRepository(tmp_path / "repository")
    publish(made, "1.0")
    return made


def chosen(disk: CrashingDisk, *, every: bool) -> dict[str, State]:
    """All states, or some of them, which include the last ones."""
    assert len(disk.states) > 2 * _SOME
    if every:
        return disk.states
    names = list(disk.states)
    some = random.Random(16).sample(names[:-4], _SOME - 4)
    return {name: disk.states[name] for name in (*some, *names[-4:])}


def replay(folder: Path, states: dict[str, State], runs: tuple[str, ...], after: str) -> set[str]:
    """In each state start the application, update and verify; the versions that were started."""
    started = set()
    for name, state in states.items():
        restore(folder, state)
        done = called("run", "--into", folder)
        version = done.stdout.split(" ")[0]
        assert version in runs, (name, done)
        assert done.stdout == f"{version} says {version}\n", name
        started.add(version)
        done = called("update", "--into", folder)
        assert done.returncode == 0, (name, done)
        done = called("verify", "--into", folder)
        assert (done.returncode, "verified" in done.stdout) == (0, True), (name, done)
        done = called("run", "--into", folder)
        assert done.stdout == f"{after} says {after}\n", (name, done)
        assert not list((folder / "staging").iterdir()), name
    return started


@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_an_update_can_crash_at_every_step(
    small: ClientRepository, tmp_path: Path, *, every: bool
) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    disk = CrashingDisk(folder)
    update(folder, disk=disk)
    disk.step("end", str(folder))
    assert replay(folder, chosen(disk, every=every), ("1.0", "1.1"), "1.1") == {"1.0", "1.1"}


@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_an_update_that_removes_old_generations_can_crash_at_every_step(
    small: ClientRepository, tmp_path: Path, *, every: bool
) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    update(folder)
    publish(small, "1.2")
    update(folder)
    disk = CrashingDisk(folder)
    gc(folder, disk=disk, keep=1)
    disk.step("end", str(folder))
    assert replay(folder, chosen(disk, every=every), ("1.2",), "1.2") == {"1.2"}


@pytest.mark.parametrize(
    "every", [False, pytest.param(True, marks=[pytest.mark.slow, pytest.mark.timeout(3600)])]
)
def test_a_first_install_can_crash_at_every_step(
    small: ClientRepository, tmp_path: Path, *, every: bool
) -> None:
    folder = tmp_path / "apps"
    folder.mkdir()
    disk = CrashingDisk(folder)
    install(folder, small.request(), disk=disk)
    disk.step("end", str(folder))
    for name, state in chosen(disk, every=every).items():
        restore(folder, state)
        assert install(folder, small.request()).version == "1.0", name
        assert called("verify", "--into", folder).returncode == 0, name
        assert called("run", "--into", folder).stdout == "1.0 says 1.0\n", name


def test_a_rollback_can_crash_at_every_step(small: ClientRepository, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    update(folder)
    disk = CrashingDisk(folder)
    rollback(folder, disk=disk)
    disk.step("end", str(folder))
    assert len(disk.states) > 3
    assert replay(folder, disk.states, ("1.0", "1.1"), "1.1") == {"1.0", "1.1"}


def test_a_repair_can_crash_at_every_step(small: ClientRepository, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    layer = folder / "apps" / APP / "1/layers" / APP
    (layer / SITE / "same.py").write_text("x = 2\n")
    (layer / "pyvenv.cfg").unlink()
    disk = CrashingDisk(folder)
    repair(folder, disk=disk)
    disk.step("end", str(folder))
    for name, state in disk.states.items():
        restore(folder, state)
        assert called("run", "--into", folder).stdout == "1.0 says 1.0\n", name
        done = called("repair", "--into", folder)
        assert done.returncode == 0, (name, done)
        assert called("verify", "--into", folder).returncode == 0, name


def test_an_update_that_is_killed_at_any_time_leaves_a_version_that_runs(
    small: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    command = [sys.executable, "-m", "venvstacks_rules.client", "update", "--into", str(folder)]
    begin = time.monotonic()
    subprocess.run(command, check=True, capture_output=True)
    whole = time.monotonic() - begin
    generator = random.Random(16)
    for number in range(1, 6):
        publish(small, f"1.{number}")
        with subprocess.Popen(
            command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, start_new_session=True
        ) as process:
            time.sleep(generator.uniform(whole / 4, 3 * whole))
            os.killpg(process.pid, signal.SIGKILL) if process.poll() is None else None
            process.communicate()
        done = called("run", "--into", folder)
        assert done.stdout.split(" ")[0] in {f"1.{number - 1}", f"1.{number}"}, done
        assert called("update", "--into", folder).returncode == 0
        assert called("run", "--into", folder).stdout == f"1.{number} says 1.{number}\n"
        assert called("verify", "--into", folder, "--all").returncode == 0
