"""Files that are lost, empty or cut: each is named, and one command mends it or says which does."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Callable

import pytest

from tests.support.client_repository import (
    APP,
    FRAMEWORK,
    SITE,
    ClientRepository,
    called,
    deploy,
    events,
)
from venvstacks_rules.client.api import Installation
from venvstacks_rules.client.commands.updating import install, update
from venvstacks_rules.client.disk.operations import Disk
from venvstacks_rules.client.exits import FAILED, failure
from venvstacks_rules.client.installation.layout import DamagedInstallationError
from venvstacks_rules.model.errors import DeploymentError

FORGOTTEN = (
    f"note: What was seen of the channel of `{APP}` is forgotten: the next `update` believes any "
    "record that has not expired, also an older one.\n"
)
FORGET = (
    "`venvstacks-deploy repair --forget-seen` begins anew: an older version than was seen before "
    "is then believed once, if its record has not expired"
)


def removed(path: Path) -> None:
    path.unlink()


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def without_keys(path: Path) -> None:
    path.write_bytes(b"{}")


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-9])


DAMAGES = (removed, emptied, without_keys, cut)


@pytest.fixture
def folder(repository: ClientRepository, tmp_path: Path) -> Path:
    """1.0 and 1.1 are installed."""
    folder = tmp_path / "apps"
    install(folder, repository.request())
    repository.publish("1.1", word="hi")
    update(folder)
    return folder


def named(folder: Path, name: str, damage: Callable[[Path], None]) -> None:
    """Damage a file; `verify` and `list` name it."""
    path = folder / "apps" / APP / name
    damage(path)
    line = f"{'changed' if path.exists() else 'missing'}: {path.relative_to(folder)}"
    for command in ("verify", "list"):
        done = called(command, "--into", folder)
        assert done.returncode == 3
        assert line in done.stdout.splitlines()


@pytest.mark.parametrize("damage", DAMAGES)
def test_what_was_seen_is_never_taken_for_nothing(
    repository: ClientRepository, folder: Path, damage: Callable[[Path], None]
) -> None:
    named(folder, "seen.json", damage)
    repository.publish("1.2")
    again = ("install", "--from", repository.url, "--app", APP, "--name", "hello")
    for words in (("update",), ("update", "--check"), (*again, "--allow-unsigned")):
        done = called(*words, "--into", folder)
        first, _, last = done.stderr.splitlines()
        assert (done.returncode, first) == (
            3,
            f"error: `{folder}/apps/{APP}`: what was believed before is not known any more.",
        )
        assert last == f"  * {FORGET}"
    done = called("repair", "--into", folder)
    assert done.returncode == 3
    assert f"note: `apps/{APP}/seen.json` cannot be repaired; {FORGET}\n" in done.stdout
    done = called("repair", "--into", folder, "--forget-seen")
    assert (done.returncode, FORGOTTEN in done.stdout) == (0, True)
    assert called("verify", "--into", folder).returncode == 0
    assert called("update", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.2 hello\n"


def test_another_channel_needs_nothing_that_was_seen_of_the_first(
    folder: Path, tmp_path: Path
) -> None:
    emptied(folder / "apps" / APP / "seen.json")
    other = ClientRepository(tmp_path / "other")
    other.publish("7.0")
    install(folder, other.request())
    assert called("verify", "--into", folder).returncode == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_the_settings_are_made_anew_by_an_install(
    repository: ClientRepository, folder: Path, damage: Callable[[Path], None]
) -> None:
    named(folder, "settings.json", damage)
    remedy = "`venvstacks-deploy install` with the same options makes it anew"
    done = called("update", "--into", folder)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == f"  * {remedy}"
    done = called("repair", "--into", folder)
    assert done.returncode == 3
    assert f"note: `apps/{APP}/settings.json` cannot be repaired; {remedy}\n" in done.stdout
    assert called("run", "--into", folder).stdout == "1.1 hi\n"
    install(folder, repository.request())
    assert called("verify", "--into", folder).returncode == 0
    assert called("update", "--into", folder).returncode == 0


@pytest.mark.parametrize("damage", DAMAGES)
def test_repair_chooses_the_generation_that_is_started(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    named(folder, "current.json", damage)
    for command in ("run", "rollback", "gc"):
        done = deploy(command, "--into", folder)
        assert done.returncode == 3
        assert done.stderr.splitlines()[-1] == (
            "  * `venvstacks-deploy repair` chooses the generation that is started"
        )
    done = called("repair", "--into", folder)
    assert (done.returncode, done.stdout.splitlines()[1:]) == (
        0,
        [
            f"note: It was not known which generation of `{APP}` is started; it is 2 now. "
            "`venvstacks-deploy rollback --to N` starts another one.",
            f"{APP} (generation 2): repaired.",
        ],
    )
    assert called("verify", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.1 hi\n"


@pytest.mark.parametrize("damage", DAMAGES)
def test_an_update_chooses_as_well(folder: Path, damage: Callable[[Path], None]) -> None:
    damage(folder / "apps" / APP / "current.json")
    assert called("update", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.1 hi\n"


def test_a_generation_that_is_gone(folder: Path) -> None:
    shutil.rmtree(folder / "apps" / APP / "2")
    done = deploy("run", "--into", folder)
    assert (done.returncode, done.stderr) == (
        3,
        f"error: `{APP}` cannot be started.\n"
        "  * generation 2 is not complete; run `venvstacks-deploy repair`\n",
    )
    done = called("update", "--into", folder, "--check")
    assert (done.returncode, done.stderr) == (
        3,
        f"error: `{APP}` has no generation 2, which is to be started.\n"
        "  * `venvstacks-deploy repair` chooses another one\n",
    )
    assert f"missing: apps/{APP}/2\n" in called("verify", "--into", folder).stdout
    assert called("repair", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.0 hello\n"
    assert called("update", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.1 hi\n"


def test_gc_keeps_what_is_started_in_the_place_of_one_that_is_gone(
    repository: ClientRepository, folder: Path
) -> None:
    repository.publish("1.2")
    update(folder)
    app = folder / "apps" / APP
    shutil.rmtree(app / "3")
    # Of those that were started before, the last one that can be read.
    (app / "2/generation.json").write_text("{}")
    done = called("gc", "--into", folder, "--keep", "1", "--json")
    assert done.returncode == 0
    removed = [event for event in events(done.stdout) if event["event"] == "removed"]
    assert [event["generation"] for event in removed] == [2]
    assert called("repair", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.0 hello\n"


class Killed(Disk):
    """A disk of a process that is killed before it switches to a generation."""

    def step(self, what: str, path: str) -> None:
        if what == "create" and path.endswith("current.json.new"):
            raise KeyboardInterrupt


@pytest.mark.parametrize("mended_by", ["repair", "install"])
def test_a_first_install_that_was_killed_just_before_its_end(
    repository: ClientRepository, tmp_path: Path, mended_by: str
) -> None:
    repository.publish("1.0")
    folder = tmp_path / "first"
    with pytest.raises(KeyboardInterrupt):
        install(folder, repository.request(), disk=Killed())
    assert f"missing: apps/{APP}/current.json\n" in called("list", "--into", folder).stdout
    if mended_by == "repair":
        assert called("repair", "--into", folder).returncode == 0
    else:
        install(folder, repository.request())
    assert called("verify", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.0 hello\n"


def test_all_generations_are_gone(repository: ClientRepository, folder: Path) -> None:
    for number in (1, 2):
        shutil.rmtree(folder / "apps" / APP / str(number))
    done = called("verify", "--into", folder)
    assert done.returncode == 3
    assert f"missing: apps/{APP}/2\n" in done.stdout
    done = called("repair", "--into", folder)
    assert (done.returncode, done.stdout.splitlines()[1]) == (
        3,
        f"note: `{APP}` has no generation; `venvstacks-deploy install` with the same options makes "
        "one",
    )
    install(folder, repository.request())
    assert called("run", "--into", folder).stdout == "1.1 hi\n"


@pytest.mark.parametrize("damage", DAMAGES)
def test_a_record_of_a_generation(folder: Path, damage: Callable[[Path], None]) -> None:
    named(folder, "2/generation.json", damage)
    done = called("repair", "--into", folder)
    record = folder / "apps" / APP / "2/generation.json"
    assert (done.returncode, done.stderr) == (
        3,
        f"error: Generation 2 of `{APP}` cannot be repaired.\n"
        f"  * `{record}` is damaged; `venvstacks-deploy update` installs the application anew, and "
        "`gc` removes this generation then\n",
    )
    done = deploy("run", "--into", folder)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == (
        "  * `venvstacks-deploy update` installs the application anew"
    )
    assert called("update", "--into", folder, "--check").returncode == 3
    assert called("update", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.1 hi\n"
    assert called("gc", "--into", folder).returncode == 0
    assert called("verify", "--into", folder, "--all").returncode == 0


def test_a_record_of_an_old_generation(folder: Path) -> None:
    emptied(folder / "apps" / APP / "1/generation.json")
    assert called("verify", "--into", folder).returncode == 0
    assert called("list", "--into", folder).returncode == 3
    done = called("repair", "--into", folder, "--all")
    assert done.returncode == 3
    assert done.stderr.endswith("is damaged; `venvstacks-deploy gc --keep 1` removes it\n")
    assert called("gc", "--into", folder, "--keep", "1").returncode == 0
    assert called("list", "--into", folder).returncode == 0


def test_what_was_learnt_of_archives_is_learnt_again(folder: Path) -> None:
    (folder / "apps" / APP / "archives.json").write_text("{}")
    assert called("verify", "--into", folder).returncode == 0
    named(folder, "archives.json", emptied)
    assert called("repair", "--into", folder).returncode == 0
    assert called("verify", "--into", folder).returncode == 0


@pytest.mark.parametrize("damage", [removed, emptied])
def test_the_file_that_says_what_the_folder_is(
    folder: Path, damage: Callable[[Path], None]
) -> None:
    damage(folder / "venvstacks-deploy.json")
    done = called("list", "--into", folder)
    assert done.returncode == 3
    assert done.stderr.splitlines()[-1] == '  * write {"layout_version": 1} into it'
    (folder / "venvstacks-deploy.json").write_text('{"layout_version": 1}')
    assert called("list", "--into", folder).returncode == 0


def test_an_application_that_dies_of_damage(folder: Path) -> None:
    layers = folder / "apps" / APP / "2/layers"
    python = next((layers / "cpython/bin").glob("python3*"))
    python.chmod(0o644)
    done = deploy("run", "--into", folder)
    remedy = "  * `venvstacks-deploy verify` names what is damaged, and `repair` mends it\n"
    assert (done.returncode, done.stderr) == (
        3,
        "error: The application cannot be started.\n"
        f"  * cannot execute `{layers / APP}/bin/python`: Permission denied\n{remedy}",
    )
    with pytest.raises(DamagedInstallationError, match="Permission denied"):
        Installation(folder).start()
    assert called("repair", "--into", folder).returncode == 0
    assert deploy("run", "--into", folder).stdout == "1.1 hi\n"
    config = layers / APP / "share/venv/metadata/venvstacks_layer.json"
    config.unlink()
    done = deploy("run", "--into", folder)
    assert (done.returncode, done.stderr.endswith(remedy)) == (3, True)


def test_arguments_that_are_too_long_are_no_damage(folder: Path) -> None:
    with pytest.raises(DeploymentError) as caught:
        Installation(folder).start(arguments=["x" * (4 << 20)])
    python = folder / "apps" / APP / "2/layers" / APP / "bin/python"
    assert str(caught.value) == (
        f"The application cannot be started.\n  * cannot execute `{python}`: Argument list too long"
    )
    assert failure(caught.value)[0] == FAILED


def test_folders_that_nobody_may_enter(folder: Path) -> None:
    layer = folder / "apps" / APP / "2/layers" / FRAMEWORK
    for place in (layer, layer / SITE):
        place.chmod(0)
        done = without_privileges("verify", "--into", folder, "--json")
        assert done.returncode == 3, done
        assert f"apps/{APP}/2/layers/{FRAMEWORK}/{SITE}/words.py" in {
            event["path"] for event in events(done.stdout) if event["event"] == "damage"
        }
        done = without_privileges("repair", "--into", folder, "--json")
        assert done.returncode == 0, done
        # Nothing was damaged but the mode.
        assert '"plan"' not in done.stdout
    assert without_privileges("verify", "--into", folder).returncode == 0


@pytest.mark.parametrize("mended_by", ["repair", "update"])
def test_a_generation_that_nobody_may_enter(folder: Path, mended_by: str) -> None:
    place = folder / "apps" / APP / "2"
    place.chmod(0)
    done = without_privileges("verify", "--into", folder)
    assert done.returncode == 3
    assert f"changed: apps/{APP}/2/generation.json\n" in done.stdout
    assert without_privileges(mended_by, "--into", folder).returncode == 0
    assert without_privileges("verify", "--into", folder).returncode == 0
    assert deploy("run", "--into", folder).stdout == "1.1 hi\n"
    is_old = mended_by == "update"
    assert without_privileges("repair", "--into", folder, "--all").returncode == 0
    assert (place.stat().st_mode & 0o777, len(list(place.parent.glob("[0-9]")))) == (
        0o755,
        3 if is_old else 2,
    )


def without_privileges(*arguments: object) -> subprocess.CompletedProcess[str]:
    """Run the client so that modes count, which they do not for root."""
    caps = "-dac_override,-dac_read_search"
    limited = ["setpriv", f"--bounding-set={caps}", f"--inh-caps={caps}"]
    return subprocess.run(
        [
            *(limited if os.geteuid() == 0 else []),
            *(sys.executable, "-m", "venvstacks_rules.client", *map(str, arguments)),
        ],
        capture_output=True,
        text=True,
        check=False,
    )
