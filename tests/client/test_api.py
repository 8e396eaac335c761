"""The API, where it does more than to call a command."""

from __future__ import annotations

import subprocess
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_repository import APP, ClientRepository
from venvstacks_rules.client.api import Installation
from venvstacks_rules.model.errors import DeploymentError


@pytest.fixture
def apps(repository: ClientRepository, tmp_path: Path) -> Installation:
    made = Installation(str(tmp_path / "apps"))
    made.install(repository.url, APP, name="hello", allow_unsigned=True)
    return made


def test_what_was_started_keeps_its_generation(
    repository: ClientRepository, apps: Installation
) -> None:
    with apps.start(APP, ["wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == b"1.0 hello wait\n"
        repository.publish("1.1", word="hi")
        assert apps.update(APP, keep=1).generation == 2
        (listed,) = apps.applications()
        assert [(one.number, one.current, one.in_use) for one in listed.generations] == [
            (1, False, True),
            (2, True, False),
        ]
        process.communicate()
    assert apps.gc().generations == ((APP, 1),)
    assert apps.verify()[0].damage == ()


def test_what_did_not_start_keeps_nothing(apps: Installation, tmp_path: Path) -> None:
    moved = Installation(apps.folder.rename(tmp_path / "moved"))
    with pytest.raises(DeploymentError, match="it was installed in"):
        moved.start(APP)
    (listed,) = moved.applications()
    assert [one.in_use for one in listed.generations] == [False]


def test_checking_installs_nothing(repository: ClientRepository, apps: Installation) -> None:
    assert not apps.check(APP).changed
    repository.publish("1.1", word="hi")
    checked = apps.check(APP)
    assert (checked.installed, checked.version, checked.changed) == ("1.0", "1.1", True)
    assert [one.number for one in apps.applications()[0].generations] == [1]
    apps.update()
    assert apps.rollback() == 1
    # It is here already, and is still not the one that is started.
    assert apps.check().changed


def test_a_report_can_stop_an_update(repository: ClientRepository, apps: Installation) -> None:
    def stop(kind: str, **_: Any) -> None:
        if kind == "progress":
            raise KeyboardInterrupt

    repository.publish("1.1", word="hi")
    stopped = Installation(apps.folder, stop)
    with pytest.raises(KeyboardInterrupt):
        stopped.update()
    assert not list((apps.folder / "staging").iterdir())
    assert [one.version for one in apps.applications()[0].generations] == ["1.0"]
    assert apps.update().changed
