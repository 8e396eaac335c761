"""Deployed layers whose files are missing or changed: deploying again sets them right."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.support.layer_archives import RT, SITE, layer, small_runtime, tree, write_archive
from venvstacks_rules.actions.commands import deploy_layers
from venvstacks_rules.actions.deployment.deployed import LISTING, MARKER
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import (
    DeployedArchive,
    DeployedLayers,
    DeployLayersRequest,
)

APP = "app-a"
MODULE = f"{SITE}/a.py"
CONFIG = "share/venv/metadata/venvstacks_layer.json"
KEPT = DeployedLayers(installed=(), kept=(RT, APP))


@pytest.fixture
def archives(tmp_path: Path) -> tuple[DeployedArchive, ...]:
    return (
        write_archive(tmp_path, RT, small_runtime()),
        write_archive(tmp_path, APP, layer(APP, {"a.py": "x = 1\n"}, (RT,), "a")),
    )


@pytest.fixture
def folder(archives: tuple[DeployedArchive, ...], tmp_path: Path) -> Path:
    deploy(tmp_path / "d", archives)
    return tmp_path / "d"


def deploy(
    destination: Path, archives: tuple[DeployedArchive, ...], *, verify: bool = False
) -> DeployedLayers:
    return deploy_layers.run(to_json(DeployLayersRequest(archives, str(destination), verify)))


def content(folder: Path) -> dict[str, object]:
    """All files but the lists, which have times."""
    return {name: data for name, data in tree(folder).items() if not name.endswith(LISTING)}


@pytest.mark.parametrize("path", [MODULE, CONFIG, "pyvenv.cfg", "bin/python3", "postinstall.py"])
@pytest.mark.parametrize("how", ["remove", "empty"])
def test_a_missing_or_changed_file_is_there_again(
    folder: Path,
    archives: tuple[DeployedArchive, ...],
    capsys: pytest.CaptureFixture[str],
    path: str,
    how: str,
) -> None:
    before = content(folder)
    (folder / APP / path).unlink()
    if how == "empty":
        (folder / APP / path).write_text("")
    done = deploy(folder, archives)
    assert done == DeployedLayers(installed=(APP,), kept=(RT,), repaired=(APP,))
    assert capsys.readouterr().err == (
        f"{APP}: unpacked again: 1 file missing or changed: `{path}`\n"
    )
    assert content(folder) == before
    assert deploy(folder, archives) == KEPT


@pytest.mark.parametrize("name", [MARKER, LISTING])
@pytest.mark.parametrize("damage", ["", "{}", "cut"])
def test_damaged_notes_of_ours_are_made_again(
    folder: Path, archives: tuple[DeployedArchive, ...], name: str, damage: str
) -> None:
    before = content(folder)
    note = folder / APP / name
    note.write_text(note.read_text()[:-9] if damage == "cut" else damage)
    # Not even the layer's own configuration is needed to know that it is a layer.
    (folder / APP / CONFIG).unlink()
    assert deploy(folder, archives).installed == (APP,)
    assert content(folder) == before


def test_a_thorough_look_finds_what_times_do_not_tell(
    folder: Path, archives: tuple[DeployedArchive, ...]
) -> None:
    module = folder / APP / MODULE
    status = module.stat()
    module.write_text("x = 2\n")
    os.utime(module, ns=(status.st_atime_ns, status.st_mtime_ns))
    assert deploy(folder, archives) == KEPT
    assert deploy(folder, archives, verify=True).repaired == (APP,)
    assert module.read_text() == "x = 1\n"
    assert deploy(folder, archives, verify=True) == KEPT


def test_what_people_add_stays_until_the_layer_is_replaced(
    folder: Path, archives: tuple[DeployedArchive, ...], tmp_path: Path
) -> None:
    (folder / APP / "mine").write_text("x")
    assert deploy(folder, archives) == KEPT
    folder.rename(tmp_path / "moved")
    assert deploy(tmp_path / "moved", archives) == KEPT
    # Not a file of the layer, so that it can go again.
    (tmp_path / "moved" / APP / "mine").unlink()
    assert deploy(tmp_path / "moved", archives) == KEPT


def test_damage_and_a_move_at_once(
    folder: Path, archives: tuple[DeployedArchive, ...], tmp_path: Path
) -> None:
    (folder / APP / MODULE).unlink()
    folder.rename(tmp_path / "moved")
    assert deploy(tmp_path / "moved", archives).repaired == (APP,)
    home = (tmp_path / "moved" / APP / "pyvenv.cfg").read_text().splitlines()[0]
    assert home == f"home = {tmp_path}/moved/{RT}/bin"
