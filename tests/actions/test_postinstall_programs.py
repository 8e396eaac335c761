"""Console scripts on Windows: programs that ``postinstall.py`` makes of the runtime's launcher."""

from __future__ import annotations

import ensurepip
import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from venvstacks_rules.actions import postinstall
from venvstacks_rules.model.contents import console_scripts

BUNDLED = Path(ensurepip.__file__).parent / "_bundled"
LAUNCHERS = "pip/_vendor/distlib"


def pe(machine: int) -> bytes:
    """The start of a program for Windows."""
    return (
        b"MZ" + bytes(58) + (64).to_bytes(4, "little") + b"PE\0\0" + machine.to_bytes(2, "little")
    )


def windows_layer(folder: Path, machine: int = 0x8664, **config: object) -> Path:
    """A layer for Windows, on a runtime with the pip that this CPython carries."""
    wheels = folder / "rt/Lib/ensurepip/_bundled"
    wheels.mkdir(parents=True)
    (pip,) = BUNDLED.glob("pip-*.whl")
    shutil.copy(pip, wheels)
    (folder / "rt/python.exe").write_bytes(pe(machine))
    launchers = folder / "rt/Lib/venv/scripts/nt"
    launchers.mkdir(parents=True)
    for name in ("python.exe", "pythonw.exe"):
        (launchers / name).write_bytes(name.encode())
    layer = folder / "app-a"
    (layer / "share/venv/metadata").mkdir(parents=True)
    (layer / "Lib/site-packages").mkdir(parents=True)
    data = {
        "python": "Scripts/python.exe",
        "py_version": "3.11.4",
        "base_python": "../rt/python.exe",
        "site_dir": "Lib/site-packages",
        "console_scripts": {"tell": "tells:Cli.main"},
        **config,
    }
    (layer / "share/venv/metadata/venvstacks_layer.json").write_text(json.dumps(data))
    shutil.copy(postinstall.__file__, layer / "postinstall.py")
    return layer


def install(layer: Path) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-I", str(layer / "postinstall.py")]
    return subprocess.run(command, capture_output=True, text=True, check=False)


@pytest.mark.parametrize(("machine", "name"), [(0x8664, "t64.exe"), (0xAA64, "t64-arm.exe")])
def test_a_program_is_launcher_interpreter_and_script(
    tmp_path: Path, machine: int, name: str
) -> None:
    layer = windows_layer(tmp_path, machine)
    done = install(layer)
    assert (done.returncode, done.stderr) == (0, "")
    program = layer / "Scripts/tell.exe"
    data = program.read_bytes()
    (pip,) = BUNDLED.glob("pip-*.whl")
    with zipfile.ZipFile(pip) as archive:
        launcher = archive.read(f"{LAUNCHERS}/{name}")
    # Otherwise it would take this for a folder of that name.
    assert "<launcher_dir>".encode("utf-16-le") in launcher
    assert data.startswith(launcher + b"#!<launcher_dir>\\python.exe\nPK")
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/tells.py").write_text("class Cli:\n    main = staticmethod(lambda: 7)\n")
    # Every Python starts what the launcher hands to it.
    started = subprocess.run(
        [sys.executable, str(program)], env={"PYTHONPATH": str(tmp_path / "modules")}, check=False
    )
    assert started.returncode == 7
    before = program.stat().st_mtime_ns, program.stat().st_ino
    assert install(layer).returncode == 0
    assert (program.stat().st_mtime_ns, program.stat().st_ino) == before


def test_the_script_is_that_of_other_systems(tmp_path: Path) -> None:
    layer = windows_layer(tmp_path)
    assert install(layer).returncode == 0
    with zipfile.ZipFile(layer / "Scripts/tell.exe") as archive:
        program = archive.read("__main__.py").decode()
    assert program == console_scripts.ConsoleScript("tell", "tells", "Cli.main").program


def test_programs_of_a_runtime(tmp_path: Path) -> None:
    layer = windows_layer(tmp_path)
    config = json.loads((layer / "share/venv/metadata/venvstacks_layer.json").read_text())
    config.update(python="python.exe", base_python="python.exe")
    runtime = tmp_path / "rt"
    shutil.copytree(layer / "share", runtime / "share")
    (runtime / "share/venv/metadata/venvstacks_layer.json").write_text(json.dumps(config))
    shutil.copy(postinstall.__file__, runtime / "postinstall.py")
    assert install(runtime).returncode == 0
    assert b"#!<launcher_dir>\\..\\python.exe\nPK" in (runtime / "Scripts/tell.exe").read_bytes()


def test_a_runtime_without_the_launcher_is_an_error(tmp_path: Path) -> None:
    layer = windows_layer(tmp_path)
    folder = tmp_path / "rt/Lib/ensurepip/_bundled"
    shutil.rmtree(folder)
    done = install(layer)
    assert (done.returncode, done.stderr) == (
        1,
        f"error: {layer}: the runtime lacks the launcher of console scripts: deploy all of it "
        f"first; missing: {folder}/pip-*.whl\n",
    )


@pytest.mark.parametrize("scripts", [["tell"], {"../x": "a:b"}, {"x": "a;b"}, {"x": 1}])
def test_invalid_console_scripts(tmp_path: Path, scripts: object) -> None:
    layer = windows_layer(tmp_path, console_scripts=scripts)
    done = install(layer)
    assert done.returncode == 1
    assert done.stderr.endswith(
        ": console_scripts: expected names of commands with `MODULE:FUNCTION`\n"
    )
