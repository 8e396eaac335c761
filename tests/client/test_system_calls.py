"""The client changes a disk only where `Disk` says so, and what it calls safe is on the disk.

Otherwise the states that tests of crashes look at would not be all that there are.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_repository import APP, FRAMEWORK, SITE, ClientRepository, called
from venvstacks_rules.client.commands.updating import install

pytestmark = pytest.mark.skipif(shutil.which("strace") is None, reason="needs strace")

_MARK = "/client-disk-step/"
_DRIVER = f"""
import contextlib, os, sys
from pathlib import Path
from venvstacks_rules.client.commands.repairing import repair
from venvstacks_rules.client.commands.tidying import rollback, uninstall
from venvstacks_rules.client.commands.updating import update
from venvstacks_rules.client.disk.operations import Disk

class Marking(Disk):
    def step(self, what, path):
        with contextlib.suppress(FileNotFoundError):
            os.stat("{_MARK}" + what + path)

folder, command = Path(sys.argv[1]), sys.argv[2]
keep = int(sys.argv[3])
options = {{"update": {{"keep": keep}}, "repair": {{"remove_extra": True}}}}
globals()[command](folder, disk=Marking(), **options.get(command, {{}}))
"""
_WRITING = ("write", "pwrite64", "writev", "pwritev", "fallocate", "ftruncate", "fchmod", "fchown")
_CHANGING = (
    *_WRITING,
    *("mkdir", "mkdirat", "rename", "renameat", "renameat2", "link", "linkat", "symlink"),
    *("symlinkat", "unlink", "unlinkat", "rmdir", "truncate", "chmod", "fchmodat", "chown"),
    *("fchownat", "lchown", "utimensat", "utime", "utimes", "futimesat", "mknod", "mknodat"),
    *("setxattr", "lsetxattr", "fsetxattr", "copy_file_range", "sendfile"),
)
_TRACED = ",".join(
    [*_CHANGING, "open,openat,creat,ioctl,execve,stat,newfstatat,statx,fsync,syncfs"]
)
_CALL = re.compile(r"[\d.]+ (\w+)\((.*)\) += (-?\d+|\?)")
_PATH = re.compile(r'"(/[^"]*)"|<(/[^>]*)>')


class Traced:
    """What one command of the client asked the system for, by process or thread."""

    def __init__(self, folder: Path, command: str, logs: Path, keep: int = 1) -> None:
        self.folder = str(folder)
        logs.mkdir()
        strace = ["strace", "-ff", "-y", "-ttt", "-s", "4096", "-e", f"trace={_TRACED}"]
        subprocess.run(
            [
                *strace,
                "-o",
                str(logs / "log"),
                sys.executable,
                "-c",
                _DRIVER,
                self.folder,
                command,
                str(keep),
            ],
            check=True,
            capture_output=True,
        )
        texts = {log.name: log.read_text().splitlines() for log in logs.iterdir()}
        self._logs = {name: list(map(self._read, lines)) for name, lines in texts.items()}
        self.main = next(
            calls
            for calls in self._logs.values()
            if calls[0][0] == "execve" and any(_MARK in call[1] for call in calls)
        )

    def _read(self, line: str) -> tuple[str, str, bool]:
        """Name, arguments, and whether it succeeded."""
        match = _CALL.match(line)
        if match is None:
            return "", line, False
        return match[1], match[2], match[3] not in ("-1", "?")

    def _paths(self, name: str, arguments: str) -> list[str]:
        if name in _WRITING:
            # The rest is what is written.
            arguments = arguments.split(",", 1)[0]
        found = [match[1] or match[2] for match in _PATH.finditer(arguments)]
        return [path for path in found if f"{path}/".startswith(f"{self.folder}/")]

    def changes(self) -> Iterator[tuple[str, str, str]]:
        """Each change: the step before it or ``program``, the call, and the path."""
        for calls in self._logs.values():
            programs = sum(name == "execve" for name, _, _ in calls) and calls is not self.main
            step = "program" if programs else "none"
            for name, arguments, succeeded in calls:
                if _MARK in arguments:
                    step = arguments.split(_MARK, 1)[1].split('"')[0]
                elif succeeded and _is_change(name, arguments):
                    for path in self._paths(name, arguments)[-1:]:
                        yield step, name, path


def _is_change(name: str, arguments: str) -> bool:
    if name in ("open", "openat", "creat"):
        return any(word in arguments for word in ("O_WRONLY", "O_RDWR", "O_CREAT", "O_TRUNC"))
    return name in _CHANGING or (name == "ioctl" and "FICLONE" in arguments)


@pytest.fixture
def folder(repository: ClientRepository, tmp_path: Path) -> Path:
    folder = tmp_path / "apps"
    install(folder, repository.request())
    return folder


@pytest.mark.parametrize("command", ["update", "repair", "rollback", "uninstall"])
def test_every_change_is_a_step(
    repository: ClientRepository, folder: Path, tmp_path: Path, command: str
) -> None:
    repository.publish("1.1", word="new")
    if command == "rollback":
        assert called("update", "--into", folder).returncode == 0
    if command == "repair":
        site = folder / "apps" / APP / "1/layers" / FRAMEWORK / SITE
        (site / "words.py").write_text("WORD = 'damaged'\n")
        (site / "extra.py").write_text("")
        next((site / "__pycache__").iterdir()).unlink()
    traced = Traced(folder, command, tmp_path / "logs")
    found = list(traced.changes())
    assert len(found) >= {"rollback": 3, "repair": 15}.get(command, 20)
    layers = re.compile(rf"{re.escape(str(folder))}/(staging/\w+|apps/{APP}/\d+)/layers/\w")
    for step, name, path in found:
        if step == "program":
            assert layers.match(path), (name, path)
        elif path != str(folder / "lock"):
            # Made by its first user, before anything else: nothing is lost with it.
            assert step.partition("/")[2] == path[1:], (step, name, path)


def test_what_an_update_switches_to_is_on_the_disk_before(
    repository: ClientRepository, folder: Path, tmp_path: Path
) -> None:
    repository.publish("1.1", word="new")
    # What is linked is so once more in the generation before.
    traced = Traced(folder, "update", tmp_path / "logs", keep=2)
    app = folder / "apps" / APP
    calls = [(name, arguments) for name, arguments, succeeded in traced.main if succeeded]
    (moved,) = [
        number
        for number, (name, arguments) in enumerate(calls)
        if name.startswith("rename") and arguments.endswith(f'"{app}/2"')
    ]
    synced = {
        _PATH.findall(arguments)[0][1] for name, arguments in calls[:moved] if name == "fsync"
    }
    staged = _PATH.findall(calls[moved][1])[0][0]
    assert not any(name == "syncfs" for name, _ in calls)
    for here, folders, names in os.walk(app / "2"):
        place = staged + here[len(f"{app}/2") :]
        assert place in synced
        for name in (*folders, *names):
            status = os.lstat(f"{here}/{name}")
            if stat.S_ISREG(status.st_mode) and status.st_nlink == 1:
                assert f"{place}/{name}" in synced
    after = [
        (name.rstrip("at2"), _PATH.findall(arguments)[-1])
        for name, arguments in calls[moved + 1 :]
        if name == "fsync" or name.startswith("rename")
    ]
    assert [(name, (quoted or opened).removeprefix(f"{app}/")) for name, (quoted, opened) in after][
        :4
    ] == [
        ("fsync", str(app)),
        ("fsync", "current.json.new"),
        ("rename", "current.json"),
        ("fsync", str(app)),
    ]
