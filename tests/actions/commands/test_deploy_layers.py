"""Deploying real and hostile archives into a folder."""

from __future__ import annotations

import dataclasses
import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_archives import (
    RT,
    RUNTIME,
    SITE,
    Tar,
    chain,
    layer,
    small_runtime,
    tree,
    write_archive,
)
from venvstacks_rules.actions.commands import deploy_layers
from venvstacks_rules.actions.deployment import swap
from venvstacks_rules.local.files.locks import locked
from venvstacks_rules.model.errors import ArchiveError, DeploymentError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import (
    DeployedArchive,
    DeployedLayers,
    DeployLayersRequest,
)


def deploy(destination: Path, *archives: DeployedArchive) -> DeployedLayers:
    return deploy_layers.run(to_json(DeployLayersRequest(archives, str(destination))))


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeployedArchive, ...]:
    return chain(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def deployed(
    archives: tuple[DeployedArchive, ...], tmp_path_factory: pytest.TempPathFactory
) -> Path:
    folder = tmp_path_factory.mktemp("deployed") / "some place"
    names = (RUNTIME, "framework-lower", "framework-upper", "app-show")
    assert deploy(folder, *archives) == DeployedLayers(installed=names, kept=())
    return folder


def run_app(folder: Path, *args: str) -> dict[str, Any]:
    command = [str(folder / "app-show/bin/python"), "-m", "show_app", *args]
    # In particular without the variable that keeps Python from writing byte code.
    env = {"PATH": os.defpath}
    done = subprocess.run(command, cwd="/", env=env, stdout=subprocess.PIPE, check=True)
    data: dict[str, Any] = json.loads(done.stdout)
    return data


def test_the_application_runs_in_its_layers(deployed: Path) -> None:
    seen = run_app(deployed, "show", "a b")
    assert seen["prefix"] == str(deployed / "app-show")
    assert seen["executable"] == str(deployed / "app-show/bin/python")
    assert os.path.realpath(seen["base_prefix"]) == str(deployed / RUNTIME)
    assert seen["values"] == ["lower", "upper"]
    assert seen["args"] == ["show", "a b"]
    names = ("app-show", "framework-upper", "framework-lower", RUNTIME)
    assert seen["path"][-4:] == [str(deployed / name / SITE) for name in names]
    assert seen["code_file"] == seen["file"]


def test_byte_code_of_the_whole_chain_is_there_and_used(deployed: Path) -> None:
    before = tree(deployed)
    run_app(deployed)
    assert tree(deployed) == before
    assert any(f"{RUNTIME}/lib" in name and name.endswith(".pyc") for name in before)
    for name in ("app-show", "framework-upper", RUNTIME):
        assert any(name in path and path.endswith(".pyc") for path in before)


def test_modes_and_times_come_from_neither_umask_nor_clock(deployed: Path) -> None:
    for path in (deployed / "app-show").rglob("*"):
        if path.is_symlink() or "__pycache__" in path.parts:
            continue
        assert path.stat().st_mode & 0o7777 == (0o755 if path.is_dir() else 0o644), path
    assert (deployed / "app-show/postinstall.py").stat().st_mtime == 315619200


@pytest.mark.parametrize("zone", ["Etc/GMT+12", "UTC", "Etc/GMT-14"])
def test_an_application_can_pack_its_own_files(deployed: Path, tmp_path: Path, zone: str) -> None:
    code = "import shutil, sys, zipapp; shutil.make_archive(sys.argv[1], 'zip', sys.argv[2]); "
    code += "zipapp.create_archive(sys.argv[2], sys.argv[1] + '.pyz', main='show_app:main')"
    layer = deployed / "app-show"
    done = subprocess.run(
        [layer / "bin/python", "-c", code, tmp_path / "x", layer / SITE],
        env={"TZ": zone},
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_what_is_deployed_is_kept(
    archives: tuple[DeployedArchive, ...], deployed: Path, tmp_path: Path
) -> None:
    before = {path: path.stat().st_ino for path in deployed.iterdir()}
    # The archives are not even looked for.
    gone = [dataclasses.replace(archive, archive="/gone") for archive in archives]
    names = tuple(archive.install_target for archive in archives)
    assert deploy(deployed, *gone) == DeployedLayers(installed=(), kept=names)
    assert {path: path.stat().st_ino for path in deployed.iterdir()} == before


def test_one_new_layer_replaces_one(archives: tuple[DeployedArchive, ...], tmp_path: Path) -> None:
    deploy(tmp_path / "d", *archives)
    files = {"upper_package.py": "VALUE = 'newer'\ndef where(): pass\n"}
    upper = layer("framework-upper", files, ("framework-lower", RUNTIME))
    newer = write_archive(tmp_path, "framework-upper", upper)
    changed = (*archives[:2], newer, archives[3])
    result = deploy(tmp_path / "d", *changed)
    assert result.installed == ("framework-upper",)
    assert result.kept == (RUNTIME, "framework-lower", "app-show")
    assert run_app(tmp_path / "d")["values"] == ["lower", "newer"]
    assert sorted(path.name for path in (tmp_path / "d/.venvstacks").iterdir()) == ["lock"]


def test_a_moved_deployment_is_set_right_by_deploying_again(
    archives: tuple[DeployedArchive, ...], tmp_path: Path
) -> None:
    deploy(tmp_path / "one", *archives)
    (tmp_path / "one").rename(tmp_path / "two")
    assert deploy(tmp_path / "two", *archives).installed == ()
    home = (tmp_path / "two/app-show/pyvenv.cfg").read_text().splitlines()[0]
    assert home == f"home = {tmp_path}/two/{RUNTIME}/bin"
    assert run_app(tmp_path / "two")["prefix"] == str(tmp_path / "two/app-show")


# ----------------------------------------------------------------------------- refusals
def test_all_bad_archives_are_reported_and_nothing_is_touched(tmp_path: Path) -> None:
    good = write_archive(tmp_path, RT, small_runtime())
    deploy(tmp_path / "d", good)
    before = tree(tmp_path / "d")
    newer = write_archive(tmp_path, RT, small_runtime("newer"))
    bad = [write_archive(tmp_path, name, Tar().add("y/a")) for name in ("framework-a", "app-b")]
    with pytest.raises(ArchiveError) as caught:
        deploy(tmp_path / "d", newer, *bad)
    assert caught.value.problems == tuple(
        f"`{archive.install_target}` cannot be deployed from `{archive.archive}`\n"
        "  * `y/a`: not below"
        f" `{archive.install_target}/`"
        for archive in bad
    )
    deploy(tmp_path / "d", good)
    assert tree(tmp_path / "d") == before


def test_a_failing_post_installation_leaves_the_old_layers(tmp_path: Path) -> None:
    good = write_archive(tmp_path, RT, small_runtime())
    deploy(tmp_path / "d", good)
    text = "import sys; print('no luck', file=sys.stderr); sys.exit(3)"
    bad = write_archive(tmp_path, RT, small_runtime("newer").add(f"{RT}/postinstall.py", text))
    with pytest.raises(DeploymentError) as caught:
        deploy(tmp_path / "d", bad)
    assert str(caught.value) == (
        "`rt` cannot be post-installed\n  * postinstall.py ended with exit code 3\n    no luck"
    )
    assert (tmp_path / "d/rt" / SITE / "extra.py").read_text() == "x = ''"


def test_missing_lower_layers_are_named(tmp_path: Path) -> None:
    runtime = write_archive(tmp_path, RT, small_runtime())
    app = write_archive(tmp_path, "app-a", layer("app-a", {}, ("framework-x", RT), "a"))
    with pytest.raises(DeploymentError) as caught:
        deploy(tmp_path / "d", runtime, app)
    assert caught.value.problems == (
        "`app-a` needs the layer `framework-x`, which is neither deployed nor given",
    )


def test_folders_that_are_no_layers_are_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "d/rt").mkdir(parents=True)
    (tmp_path / "d/rt/precious").write_text("data")
    with pytest.raises(DeploymentError) as caught:
        deploy(tmp_path / "d", write_archive(tmp_path, RT, small_runtime()))
    assert caught.value.problems == (
        f"`{tmp_path}/d/rt` is there and is not a layer: remove it or deploy to another folder",
    )
    assert (tmp_path / "d/rt/precious").read_text() == "data"


def test_bad_requests_are_refused_as_a_whole(tmp_path: Path) -> None:
    bad = [DeployedArchive("a", "../x", "0" * 64, 1), DeployedArchive("a", "x", "F00", 1)]
    with pytest.raises(DeploymentError) as caught:
        deploy(tmp_path, *bad, DeployedArchive("a", "X", "0" * 64, 1))
    assert caught.value.summary == "invalid deployment request"
    assert caught.value.problems == (
        "`../x` is not the name of a layer's folder",
        "`x`: `F00` is not a SHA-256",
        "`X` is given twice",
    )
    with pytest.raises(DeploymentError, match="no archives are given"):
        deploy(tmp_path)


# -------------------------------------------------------------------- kills and neighbours
def start(tmp_path: Path, request: DeployLayersRequest) -> subprocess.Popen[bytes]:
    path = tmp_path / "request.json"
    path.write_text(to_json(request))
    command = [sys.executable, "-m", "venvstacks_rules.actions", "deploy-layers"]
    source = Path(deploy_layers.__file__).parents[3]
    env = {**os.environ, "PYTHONPATH": str(source)}
    return subprocess.Popen([*command, "--request", str(path)], env=env, stdout=subprocess.PIPE)


@pytest.mark.parametrize("delay", [0.1, 0.25, 0.4, 0.8, 1.5])
def test_a_kill_at_any_moment_leaves_old_or_new_layers(
    archives: tuple[DeployedArchive, ...], deployed: Path, tmp_path: Path, delay: float
) -> None:
    folder = tmp_path / "d"
    subprocess.run(["cp", "-a", str(deployed), str(folder)], check=True)
    files = {"upper_package.py": "VALUE = 'newer'\ndef where(): pass\n", "big.py": "x = 1\n" * 9999}
    upper = layer("framework-upper", files, ("framework-lower", RUNTIME))
    changed = (*archives[:2], write_archive(tmp_path, "framework-upper", upper), archives[3])
    process = start(tmp_path, DeployLayersRequest(changed, str(folder)))
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    assert run_app(folder)["values"] in (["lower", "upper"], ["lower", "newer"])
    deploy(folder, *changed)
    assert run_app(folder)["values"] == ["lower", "newer"]
    assert sorted(path.name for path in (folder / ".venvstacks").iterdir()) == ["lock"]


def test_a_layer_that_a_killed_run_moved_away_is_put_back(tmp_path: Path) -> None:
    good = write_archive(tmp_path, RT, small_runtime())
    deploy(tmp_path / "d", good)
    inode = (tmp_path / "d/rt").stat().st_ino
    (tmp_path / "d/.venvstacks/old").mkdir()
    (tmp_path / "d/rt").rename(tmp_path / "d/.venvstacks/old/rt")
    assert deploy(tmp_path / "d", good).kept == (RT,)
    assert (tmp_path / "d/rt").stat().st_ino == inode


def test_layers_are_replaced_where_they_cannot_be_exchanged(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(swap, "exchange", lambda one, other: False)
    deploy(tmp_path / "d", write_archive(tmp_path, RT, small_runtime()))
    deploy(tmp_path / "d", write_archive(tmp_path, RT, small_runtime("newer")))
    assert (tmp_path / "d/rt" / SITE / "extra.py").read_text() == "x = 'newer'"
    assert sorted(path.name for path in (tmp_path / "d/.venvstacks").iterdir()) == ["lock"]


def test_concurrent_runs_wait_for_each_other(tmp_path: Path) -> None:
    archive = write_archive(tmp_path, RT, small_runtime())
    request = DeployLayersRequest((archive,), str(tmp_path / "d"))
    with locked(tmp_path / "d/.venvstacks/lock"):
        processes = [start(tmp_path, request) for _ in range(3)]
        time.sleep(0.5)
        assert [process.poll() for process in processes] == [None] * 3
        assert not (tmp_path / "d/rt").exists()
    results = [json.loads(process.communicate()[0]) for process in processes]
    assert sorted(len(result["installed"]) for result in results) == [0, 0, 1]
