"""Launching an application from the cache, as separate processes do it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_archives import RUNTIME, SITE, chain, layer, write_archive
from tests.support.processes import heed_interrupts
from venvstacks_rules.actions.commands import launch
from venvstacks_rules.actions.deployment import layer_cache
from venvstacks_rules.model.errors import ArchiveError, DeploymentError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import DeployedArchive, LaunchRequest

SOURCE = Path(launch.__file__).parents[3]


@pytest.fixture(scope="module")
def archives(tmp_path_factory: pytest.TempPathFactory) -> tuple[DeployedArchive, ...]:
    return chain(tmp_path_factory.mktemp("archives"))


@pytest.fixture(scope="module")
def cache(archives: tuple[DeployedArchive, ...], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache that holds the chain; reached by a symbolic link, as named caches are."""
    folder = tmp_path_factory.mktemp("cache")
    (folder / "real").mkdir()
    (folder / "link").symlink_to("real")
    assert finish(start(archives, folder / "link", "exit", "0"))[0] == 0
    return folder / "link"


def start(
    archives: tuple[DeployedArchive, ...], cache: Path, *args: str, **kwargs: Any
) -> subprocess.Popen[bytes]:
    cache.parent.mkdir(exist_ok=True)
    named = cache.parent / f"request-{len(archives)}-{archives[-1].sha256}.json"
    request = kwargs.pop("request", named)
    if not request.exists():
        request.write_text(to_json(LaunchRequest(archives, str(cache))))
    inherited = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    env = {**inherited, "PYTHONPATH": str(SOURCE), **kwargs.pop("env", {})}
    command = [sys.executable, "-m", "venvstacks_rules.actions", "launch"]
    return subprocess.Popen(
        [*command, "--request", str(request), "--", *args],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=env,
        preexec_fn=heed_interrupts,  # noqa: PLW1509 - the tests start no threads
        **kwargs,
    )


def finish(process: subprocess.Popen[bytes], data: bytes = b"") -> tuple[int, bytes, bytes]:
    out, err = process.communicate(data, timeout=120)
    return process.returncode, out, err


def shown(*args: Any, **kwargs: Any) -> dict[str, Any]:
    code, out, err = finish(start(*args, **kwargs))
    assert code == 0, err.decode()
    data: dict[str, Any] = json.loads(out)
    return data


def stack_with(cache: Path, layer: str) -> Path:
    """The folder of the one stack whose last layer has this name."""
    (folder,) = (
        folder
        for folder in (cache / "stacks").iterdir()
        if (folder / layer).is_dir() and not (folder / layer).is_symlink()
    )
    return folder


def inodes(folder: Path) -> dict[Path, int]:
    return {path: path.lstat().st_ino for path in folder.rglob("*")}


def test_the_application_runs_in_a_stack_of_real_paths(
    archives: tuple[DeployedArchive, ...], cache: Path, tmp_path: Path
) -> None:
    # Unlike with `python -m` alone, nothing is imported from where the user is.
    (tmp_path / "lower_package.py").write_text("raise SystemExit('hijacked')")
    (tmp_path / "show_app.py").write_text("raise SystemExit('hijacked')")
    seen = shown(archives, cache, "show", "--", "-x", "a b", cwd=tmp_path)
    stack = stack_with(cache.parent / "real", "app-show")
    assert seen["prefix"] == str(stack / "app-show")
    assert seen["executable"] == str(stack / "app-show/bin/python")
    assert seen["values"] == ["lower", "upper"]
    assert seen["args"] == ["show", "--", "-x", "a b"]
    assert seen["cwd"] == str(tmp_path)
    assert seen["code_file"] == str(stack / "framework-upper" / SITE / "upper_package.py")
    names = ("app-show", "framework-upper", "framework-lower", RUNTIME)
    assert seen["path"][-4:] == [str(stack / name / SITE) for name in names]


def test_the_python_of_a_layer(archives: tuple[DeployedArchive, ...], tmp_path: Path) -> None:
    # A framework has nothing to launch; it has a Python like any layer.
    framework, cache = archives[:-1], tmp_path / "cache"
    request = tmp_path / "python.json"
    request.write_text(to_json(LaunchRequest(framework, str(cache), interpreter=True)))
    code = "import sys, upper_package; print(sys.prefix)"
    done = finish(start(framework, cache, "-c", code, request=request))
    assert (done[0], done[2]) == (0, b"")
    assert done[1].decode().rstrip().endswith("/framework-upper")
    refused = finish(start(framework, cache))
    assert refused[0] == 1
    assert b"it has no launch module: name an application layer" in refused[2]


def test_nothing_is_done_for_a_stack_that_is_there(
    archives: tuple[DeployedArchive, ...], cache: Path
) -> None:
    before = inodes(cache.resolve())
    gone = tuple(DeployedArchive("/gone", a.install_target, a.sha256, a.size) for a in archives)
    assert shown(gone, cache, "show")["values"] == ["lower", "upper"]
    assert inodes(cache.resolve()) == before
    # It looks at every file, and reads none.
    began = time.process_time()
    with layer_cache.stack(gone, str(cache)):
        pass
    assert time.process_time() - began < 0.1


def test_layers_are_shared_and_unpacked_once(
    archives: tuple[DeployedArchive, ...], cache: Path, tmp_path: Path
) -> None:
    real = tmp_path / "cache"
    shutil.copytree(cache.resolve(), real, symlinks=True)
    upper = layer("framework-upper", {"upper_package.py": "VALUE = 2\ndef where(): pass"},
                  ("framework-lower", RUNTIME))  # fmt: skip
    newer = write_archive(tmp_path, "framework-upper", upper)
    layers = inodes(real / "layers")
    # Only the new layer's archive is looked for.
    changed = tuple(
        newer
        if archive.install_target == newer.install_target
        else DeployedArchive("/gone", archive.install_target, archive.sha256, archive.size)
        for archive in archives
    )
    assert shown(changed, real, "show")["values"] == ["lower", 2]
    after = inodes(real / "layers")
    assert {path: inode for path, inode in after.items() if path in layers} == layers
    # The layers below the new one have their stacks; the others have new ones.
    before = {path.name for path in (cache / "stacks").iterdir()}
    new = [path for path in (real / "stacks").iterdir() if path.name not in before]
    changed_layers = {"framework-upper", "app-show"}
    own = {path for stack in new for path in stack.iterdir() if path.name in changed_layers}
    linked = {path for path in own if path.is_symlink()}
    assert (len(new), len(own), len(linked)) == (2, 3, 1)
    assert {(path / "postinstall.py").stat().st_nlink for path in own} == {2}


def test_a_new_application_is_alone_in_its_stack(
    archives: tuple[DeployedArchive, ...], cache: Path, tmp_path: Path
) -> None:
    real = tmp_path / "cache"
    shutil.copytree(cache.resolve(), real, symlinks=True)
    before = inodes(real)
    lower = ("framework-upper", "framework-lower", RUNTIME)
    app = write_archive(tmp_path, "app-n", layer("app-n", {"n.py": "print(1)"}, lower, "n"))
    assert finish(start((*archives[:3], app), real))[:2] == (0, b"1\n")
    after = inodes(real)
    assert {path: inode for path, inode in after.items() if path in before} == before
    stack = stack_with(real, "app-n")
    assert {path.name: str(path.readlink()) for path in stack.iterdir() if path.is_symlink()} == {
        name: f"../{stack_with(real, name).name}/{name}" for name in lower
    }
    own = {path for path in after.keys() - before.keys() if stack not in path.parents}
    assert {path.relative_to(real).parts[:2] for path in own if path != stack} == {
        ("layers", app.sha256)
    }


def test_variables_of_other_pythons_do_not_reach_the_application(
    archives: tuple[DeployedArchive, ...], cache: Path
) -> None:
    env = {"PEX_EXTRA_SYS_PATH": "/x", "PEX": "/x.pex", "PYTHONUTF8": "1", "MINE": "yes"}
    seen = shown(archives, cache, "show", env=env)["environment"]
    assert {name for name in seen if name.startswith(("PEX", "PYTHON"))} == {"PYTHONUTF8"}
    assert seen["PYTHONUTF8"] == "1"
    assert seen["MINE"] == "yes"


def test_stdin_exit_code_and_signals_pass_through(
    archives: tuple[DeployedArchive, ...], cache: Path
) -> None:
    assert finish(start(archives, cache, "echo"), "grüße\n".encode()) == (
        0,
        "GRÜSSE\n".encode(),
        b"",
    )
    assert finish(start(archives, cache, "exit", "42"))[0] == 42
    for number in (signal.SIGTERM, signal.SIGKILL, signal.SIGINT):
        process = start(archives, cache, "sleep")
        assert process.stdout is not None
        assert process.stdout.readline() == b"ready\n"
        process.send_signal(number)
        code, _, err = finish(process)
        assert code == -number
        assert (b"KeyboardInterrupt" in err) == (number == signal.SIGINT)


def test_a_closed_pipe_ends_what_the_application_starts(
    archives: tuple[DeployedArchive, ...], tmp_path: Path
) -> None:
    source = "import signal, subprocess\n"
    source += "print(subprocess.run(['sh', '-c', 'kill -PIPE $$']).returncode)\n"
    app = layer("app-p", {"p.py": source}, ("framework-upper", "framework-lower", RUNTIME), "p")
    changed = (*archives[:3], write_archive(tmp_path, "app-p", app))
    assert finish(start(changed, tmp_path / "cache"))[:2] == (0, b"-13\n")


def test_a_wrapped_python_is_launched_through_its_wrapper(tmp_path: Path) -> None:
    folders = ("share/venv/dynlib", "../framework-lower/share/venv/dynlib")
    seen = shown(chain(tmp_path / "a", library_dirs=folders), tmp_path / "cache", "show")
    stack = stack_with(tmp_path / "cache", "app-show")
    assert seen["executable"] == str(stack / "app-show/bin/python")
    assert seen["prefix"] == str(stack / "app-show")
    # Nothing of it reaches what the application starts.
    assert seen["environment"].get("LD_LIBRARY_PATH") == os.environ.get("LD_LIBRARY_PATH")


def test_concurrent_first_launches_all_succeed(
    archives: tuple[DeployedArchive, ...], tmp_path: Path
) -> None:
    processes = [start(archives, tmp_path / "cache", "exit", "5") for _ in range(4)]
    assert [finish(process)[0] for process in processes] == [5] * 4
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert names == ["layers", "lock", "stacks"]
    assert len(list((tmp_path / "cache/stacks").iterdir())) == 4


@pytest.mark.parametrize("delay", [0.2, 0.5, 1.0, 2.0])
def test_a_kill_at_any_moment_does_no_harm(
    archives: tuple[DeployedArchive, ...], tmp_path: Path, delay: float
) -> None:
    process = start(archives, tmp_path / "cache", "sleep")
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    finish(process)
    assert shown(archives, tmp_path / "cache", "show")["values"] == ["lower", "upper"]
    names = sorted(path.name for path in (tmp_path / "cache").iterdir())
    assert names == ["layers", "lock", "stacks"]


def test_what_is_long_unused_goes_when_a_stack_is_made_unless_it_runs(
    archives: tuple[DeployedArchive, ...], cache: Path, tmp_path: Path
) -> None:
    real = tmp_path / "cache"
    shutil.copytree(cache.resolve(), real, symlinks=True)
    stack = stack_with(real, "app-show")
    process = start(archives, real, "sleep")
    assert process.stdout is not None
    assert process.stdout.readline() == b"ready\n"

    def age_and_make_another(name: str) -> None:
        for path in ((real / "stacks").glob("*/complete.json"), (real / "layers").iterdir()):
            for each in path:
                os.utime(each, (1, 1))
        os.utime(real / "lock", (1, 1))
        lower = ("framework-upper", "framework-lower", RUNTIME)
        app = write_archive(tmp_path, "app-n", layer("app-n", {f"{name}.py": ""}, lower, name))
        assert finish(start((*archives[:3], app), real))[0] == 0

    age_and_make_another("one")
    assert stack.exists()
    process.kill()
    finish(process)
    age_and_make_another("two")
    assert not stack.exists()
    # What the stacks that stay are on, and made of, stays; the first application's layer does not.
    assert len(list((real / "stacks").iterdir())) == 4
    kept = {path.name for path in (real / "layers").iterdir()}
    assert archives[3].sha256 not in kept
    assert {archive.sha256 for archive in archives[:3]} <= kept
    # And those that nothing is on any more; a look at all stacks takes place once a day.
    shutil.rmtree(stack_with(real, "app-n"))
    for marker in (real / "stacks").glob("*/complete.json"):
        os.utime(marker, (1, 1))
    lower = ("framework-lower", RUNTIME)
    unused = stack_with(real, "framework-upper")
    for name in ("app-l", "app-m"):
        app = write_archive(tmp_path, name, layer(name, {"m.py": ""}, lower, "m"))
        assert finish(start((*archives[:2], app), real))[0] == 0
        assert unused.exists() == (name == "app-l")
        os.utime(real / "lock", (1, 1))
    assert stack_with(real, "framework-lower").exists()


def test_bad_archives_and_other_layers_are_refused(
    archives: tuple[DeployedArchive, ...], cache: Path, tmp_path: Path
) -> None:
    bad = DeployedArchive(archives[3].archive, "app-show", "0" * 64, archives[3].size)
    with pytest.raises(ArchiveError, match="0 as announced$"):
        launch.run(to_json(LaunchRequest((*archives[:3], bad), str(tmp_path / "cache"))))
    with pytest.raises(DeploymentError) as caught:
        launch.run(to_json(LaunchRequest(archives[:3], str(tmp_path / "cache"))))
    assert str(caught.value) == (
        "`framework-upper` cannot be launched\n"
        "  * it has no launch module: name an application layer"
    )
