"""A rollback goes to what was started before, and old generations go by that, not by number."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tests.support.client_repository import APP, SITE, ClientRepository, called
from venvstacks_rules.client.commands.tidying import gc, rollback
from venvstacks_rules.client.commands.updating import install, update


@pytest.fixture
def folder(repository: ClientRepository, tmp_path: Path) -> Path:
    """An installation of 1.0."""
    install(tmp_path / "apps", repository.request())
    return tmp_path / "apps"


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in (folder / "apps" / APP).iterdir() if path.is_dir())


def current(folder: Path) -> dict[str, object]:
    read: dict[str, object] = json.loads((folder / "apps" / APP / "current.json").read_text())
    return read


def test_what_ran_until_an_update_stays_and_is_gone_back_to(
    repository: ClientRepository, folder: Path
) -> None:
    repository.publish("1.1", word="bad")
    update(folder)
    rollback(folder)
    repository.publish("1.2", word="hi")
    update(folder, keep=2)
    assert numbers(folder) == [1, 3]
    assert current(folder) == {"generation": 3, "before": [1]}
    done = called("rollback", "--into", folder)
    assert done.stdout == f"{APP} is at 1.0 again (generation 1).\n"


def test_several_rollbacks_go_further_back(repository: ClientRepository, folder: Path) -> None:
    for number in range(1, 5):
        repository.publish(f"1.{number}")
        update(folder, keep=9)
        if number == 2:
            # Nobody wants 1.2 again.
            rollback(folder)
    assert [rollback(folder) for _ in range(3)] == [4, 2, 1]
    done = called("rollback", "--into", folder)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: No generation of `{APP}` was started before 1.\n"
        "  * `venvstacks-deploy list` shows those that are there; name one with `--to`\n",
    )
    assert rollback(folder, number=3) == 3
    assert current(folder) == {"generation": 3, "before": [1]}
    update(folder)
    assert current(folder) == {"generation": 5, "before": [3, 1]}


def test_an_older_version_that_was_asked_for_is_left_by_a_rollback(
    repository: ClientRepository, folder: Path
) -> None:
    repository.publish("1.1")
    update(folder)
    update(folder, version="1.0")
    assert current(folder) == {"generation": 1, "before": [2]}
    assert rollback(folder) == 2


def test_what_gc_removed_is_not_gone_back_to(repository: ClientRepository, folder: Path) -> None:
    for number in range(1, 4):
        repository.publish(f"1.{number}")
        update(folder)
    assert rollback(folder, number=2) == 2
    # The next update may need what comes after it.
    assert [number for _, number in gc(folder, keep=1).generations] == [3]
    assert numbers(folder) == [2, 4]
    done = called("rollback", "--into", folder)
    assert done.stderr.startswith(f"error: No generation of `{APP}` was started before 2.\n")


@pytest.mark.parametrize("by", ["repair", "update"])
def test_in_a_moved_installation_it_goes_to_what_runs_there(
    repository: ClientRepository, folder: Path, tmp_path: Path, by: str
) -> None:
    repository.publish("1.1", word="hi")
    update(folder)
    moved = folder.rename(tmp_path / "moved")
    if by == "update":
        repository.publish("1.2")
    assert called(by, "--into", moved).returncode == 0
    # It needs no network.
    shutil.move(str(repository.folder), str(tmp_path / "away"))
    if by == "update":
        assert called("rollback", "--into", moved).stdout.splitlines() == [
            f"{APP} is at 1.1 again (generation 2)."
        ]
        assert called("run", "--into", moved).stdout == "1.1 hi\n"
    done = called("rollback", "--into", moved)
    assert (done.returncode, done.stdout) == (0, f"{APP} is at 1.0 again (generation 1).\n")
    assert called("run", "--into", moved).stdout == "1.0 hello\n"
    assert called("verify", "--into", moved).returncode == 0


def test_what_cannot_be_made_ready_is_not_gone_back_to(
    repository: ClientRepository, folder: Path, tmp_path: Path
) -> None:
    repository.publish("1.1", word="hi")
    update(folder)
    moved = folder.rename(tmp_path / "moved")
    assert called("repair", "--into", moved).returncode == 0
    lost = moved / "apps" / APP / "1/layers" / APP / SITE / "hello.py"
    lost.unlink()
    shutil.move(str(repository.folder), str(tmp_path / "away"))
    done = called("rollback", "--into", moved)
    # As for a repository that lacks it: both are folders without the file.
    assert done.returncode == 4
    assert done.stderr.splitlines()[0].endswith("` is missing.")
    assert called("run", "--into", moved).stdout == "1.1 hi\n"
    shutil.move(str(tmp_path / "away"), str(repository.folder))
    assert called("rollback", "--into", moved).returncode == 0
    assert called("run", "--into", moved).stdout == "1.0 hello\n"


def test_an_application_that_follows_nothing_is_made_ready_too(
    repository: ClientRepository, folder: Path, tmp_path: Path
) -> None:
    repository.publish("1.1", word="hi")
    update(folder)
    settings = folder / "apps" / APP / "settings.json"
    read = json.loads(settings.read_text())
    del read["repository"]
    settings.write_text(json.dumps(read))
    moved = folder.rename(tmp_path / "moved")
    assert called("repair", "--into", moved).returncode == 0
    assert called("rollback", "--into", moved).returncode == 0
    assert called("run", "--into", moved).stdout == "1.0 hello\n"
    (moved / "apps" / APP / "1/layers" / APP / SITE / "hello.py").unlink()
    done = called("repair", "--into", moved)
    assert (done.returncode, without_progress(done.stderr)) == (
        1,
        f"error: `{APP}` follows no channel: it came with an installer that names none.\n"
        "  * run a newer installer, or the same one to repair\n"
        "  * or follow a channel from now on: `venvstacks-deploy install --from ...`\n",
    )


def without_progress(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if " % of " not in line)


def test_a_file_that_does_not_say_what_ran_before_is_read(
    repository: ClientRepository, folder: Path
) -> None:
    for number in range(1, 3):
        repository.publish(f"1.{number}")
        update(folder)
    (folder / "apps" / APP / "current.json").write_text('{"generation": 3}\n')
    assert rollback(folder) == 2
    assert current(folder) == {"generation": 2, "before": [1]}
