"""Real disks that are full, read-only, or whose files others have open: nothing is lost."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Iterator
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
    events,
    own_files,
    own_links,
    runtime_content,
)
from tests.support.packaged_stack import PackagedStack
from venvstacks_rules.client.commands.updating import install, update
from venvstacks_rules.client.disk.operations import Disk

_MANY = 250


def publish(
    repository: ClientRepository, version: str, files: dict[str, str] | None = None
) -> None:
    main = {f"{SITE}/hello.py": MAIN.format(version=version), f"{SITE}/words.py": "WORD = 'x'\n"}
    own = own_files((RUNTIME,), "hello")
    contents = [
        Content("more.whl", {f"{SITE}/more.txt": version, **(files or {})}),
        Content("layer", {**main, **own}, own_links()),
    ]
    runtime = repository.layer(RUNTIME, "runtime", (), [runtime_content()])
    repository.release(
        version, [runtime, repository.layer(APP, "application", (RUNTIME,), contents)]
    )


@pytest.fixture
def small(tmp_path: Path) -> ClientRepository:
    made = ClientRepository(tmp_path / "repository")
    publish(made, "1.0")
    return made


def mount(*options: str, place: Path) -> None:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", str(place)],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"needs leave to mount a disk: {done.stderr.strip()}")


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A disk of its own, in memory."""
    place = tmp_path / "disk"
    place.mkdir()
    mount("-o", "size=8m", place=place)
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)


def as_it_was(folder: Path, version: str = "1.0") -> None:
    """The old application runs, and nothing is left on the disk."""
    assert called("run", "--into", folder).stdout == f"{version} x\n"
    assert called("verify", "--into", folder).returncode == 0
    assert not list((folder / "staging").iterdir())
    assert not (folder / "downloads").exists() or not list((folder / "downloads").iterdir())


def then_completes(folder: Path) -> None:
    done = called("update", "--into", folder)
    assert done.returncode == 0, done
    as_it_was(folder, "1.1")


@pytest.mark.parametrize("option", ["size", pytest.param("nr_inodes", marks=pytest.mark.slow)])
def test_a_disk_that_fills_while_files_are_written(
    small: ClientRepository, disk: Path, option: str
) -> None:
    folder = disk / "apps"
    install(folder, small.request())
    # Small ones, which take more than their bytes, each a block and a number.
    publish(small, "1.1", {f"{SITE}/f{number}.txt": f"{number}\n" for number in range(_MANY)})
    used = sum(1 for _ in disk.rglob("*")) + 1
    room = {"size": f"{du(disk) + _MANY * 2048}", "nr_inodes": str(used + _MANY // 2)}
    mount("-o", f"remount,{option}={room[option]}", place=disk)
    done = called("update", "--into", folder)
    assert done.returncode == 6, done
    first, said, last = done.stderr.splitlines()[-3:]
    assert first == "error: The disk has no room for the new version."
    if option == "size":
        assert said.startswith(f"  * `{folder}/staging/"), done
        assert said.endswith("`: No space left on device; nothing was changed"), done
    else:
        assert said.startswith("  * it needs 2"), done
        assert " files (inodes) in " in said, done
    assert last == (
        "  * there are no old versions to remove; make room on the disk of the installation"
    )
    as_it_was(folder)
    mount("-o", f"remount,{option}={'20m' if option == 'size' else 5000}", place=disk)
    then_completes(folder)


def test_a_disk_that_byte_code_fills(small: ClientRepository, disk: Path) -> None:
    folder = disk / "apps"
    install(folder, small.request())
    publish(small, "1.1", {f"{SITE}/m{number}.py": "x = 1\n" for number in range(_MANY)})
    # For the modules, but not for what is made of them.
    mount("-o", f"remount,size={du(disk) + _MANY * 4096 * 3 // 2}", place=disk)
    done = called("update", "--into", folder)
    assert done.returncode == 6, done
    assert done.stderr.endswith(
        "error: The disk has no room for the new version.\n"
        "  * it is full now; nothing was changed\n"
        "  * there are no old versions to remove; make room on the disk of the installation\n"
    )
    as_it_was(folder)
    mount("-o", "remount,size=20m", place=disk)
    then_completes(folder)


def test_a_disk_whose_files_byte_code_uses_up(small: ClientRepository, disk: Path) -> None:
    """Inodes for the modules, but not for what is made of them."""
    folder = disk / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    update(folder)
    modules = {f"{SITE}/p{number}/m.py": "x = 1\n" for number in range(_MANY)}
    publish(small, "1.2", modules)
    used = sum(1 for _ in disk.rglob("*")) + 1
    mount("-o", f"remount,nr_inodes={used + 5 * _MANY // 2}", place=disk)
    done = called("update", "--into", folder)
    assert done.returncode == 6, done
    assert done.stderr.endswith(
        "error: The disk has no room for the new version.\n"
        "  * the disk holds no more files (inodes), whatever room it has for bytes; nothing was "
        "changed\n"
        "  * `venvstacks-deploy gc --keep 1` removes old versions\n"
    )
    as_it_was(folder, "1.1")


def du(folder: Path) -> int:
    """The bytes of the blocks in use."""
    done = subprocess.run(["du", "-sk", str(folder)], capture_output=True, text=True, check=True)
    return int(done.stdout.split()[0]) * 1024


def test_byte_code_counts_before_anything_is_fetched(small: ClientRepository, disk: Path) -> None:
    folder = disk / "apps"
    install(folder, small.request())
    publish(small, "1.1", {f"{SITE}/large.py": "#" * 5_000_000})
    done = called("update", "--into", folder)
    assert done.returncode == 6, done
    assert (
        "error: The disk has no room for the new version.\n  * it needs 10.0 MB in" in done.stderr
    )
    as_it_was(folder)


def test_a_read_only_disk(small: ClientRepository, disk: Path) -> None:
    folder = disk / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    mount("-o", "remount,ro", place=disk)
    for command in ("update", "rollback", "repair", "gc", "uninstall"):
        done = called(command, "--into", folder)
        assert (done.returncode, done.stderr) == (
            6,
            f"error: `{folder}/lock`: Read-only file system. What was installed is as it was.\n",
        )
    assert called("list", "--into", folder).returncode == 0
    done = called("update", "--into", folder, "--check")
    assert (done.returncode, done.stdout.splitlines()[-1]) == (
        0,
        f"{APP} 1.1 is available; 1.0 is installed.",
    )
    as_it_was(folder)
    mount("-o", "remount,rw", place=disk)
    then_completes(folder)


def test_archives_are_asked_for_on_a_read_only_disk_too(tmp_path: Path, disk: Path) -> None:
    packaged, folder = PackagedStack(tmp_path / "dist"), disk / "apps"
    packaged.package("1.0")
    install(folder, packaged.request(allow_unsigned=True))
    packaged.package("1.1", word="hi")
    mount("-o", "remount,ro", place=disk)
    done = called("update", "--into", folder, "--check", "--json")
    assert done.returncode == 0, done
    assert [event["event"] for event in events(done.stdout)][-1] == "available"


class Locked(Disk):
    """A disk of Windows, where files that another program has open cannot be renamed or removed."""

    pauses = (0.0, 0.0, 0.0)

    def __init__(self, locked: Callable[[str, int], bool]) -> None:
        super().__init__()
        self._locked = locked
        self._tried: dict[str, int] = {}

    def _replace(self, path: str, place: str) -> None:
        self._look(place)
        super()._replace(path, place)

    def unlink(self, path: str) -> None:
        """Remove a file."""
        if os.path.lexists(path):
            self._look(path)
        super().unlink(path)

    def _look(self, path: str) -> None:
        self._tried[path] = self._tried.get(path, 0) + 1
        if self._locked(path, self._tried[path]):
            raise PermissionError(13, "The process cannot access the file", path)


def test_a_file_that_is_locked_for_a_moment(small: ClientRepository, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    renamed = []

    def moment(path: str, tried: int) -> bool:
        renamed.append(path)
        return tried < 3

    assert update(folder, disk=Locked(moment)).version == "1.1"
    assert renamed.count(f"{folder}/apps/{APP}/2") == 3
    as_it_was(folder, "1.1")


@pytest.mark.parametrize("place", [f"apps/{APP}/2", f"apps/{APP}/current.json", "apps"])
def test_a_file_that_stays_locked(small: ClientRepository, tmp_path: Path, place: str) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    # Of `apps`, also what is in `staging`: nothing can be removed.
    everything = str(folder) if place == "apps" else f"{folder}/{place}"
    locked = Locked(lambda path, _: path.startswith(everything) and not path.endswith("seen.json"))
    with pytest.raises(PermissionError):
        update(folder, disk=locked)
    assert called("run", "--into", folder).stdout == "1.0 x\n"
    assert called("verify", "--into", folder).returncode == 0
    then_completes(folder)


def test_what_is_locked_in_an_old_generation_keeps_nobody_from_updating(
    small: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(folder, small.request())
    publish(small, "1.1")
    locked = Locked(lambda path, _: path.startswith(f"{folder}/staging/") and "words" in path)
    assert update(folder, disk=locked, keep=1).version == "1.1"
    (left,) = (folder / "staging").iterdir()
    assert left.name.startswith(f"{APP}-1-")
    publish(small, "1.2")
    assert update(folder, disk=locked).version == "1.2"
    assert left.exists()
    assert called("gc", "--into", folder).returncode == 0
    as_it_was(folder, "1.2")
