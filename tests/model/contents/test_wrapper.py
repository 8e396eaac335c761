"""The wrapper script, executed by the shell that it names."""

from __future__ import annotations

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support.chained_layers import APPLICATION, FULL_VERSION, VERSION
from venvstacks_rules.model.contents.own import layer_config, layer_files
from venvstacks_rules.model.contents.wrapper import python_wrapper
from venvstacks_rules.model.layers.interface import LayerInterface

LOWER = (LayerInterface("framework-x", FULL_VERSION, ("libx.so",)), LayerInterface("rt", "3.9"))

OWN, PEER = "share/venv/dynlib", "../framework-x/share/venv/dynlib"
SHOW = """\
import json, os, subprocess, sys
with open("/proc/self/environ", "rb") as stream:
    at_start = dict(entry.split(b"=", 1) for entry in stream.read().split(b"\\0") if entry)
print(json.dumps({
    "executable": sys.executable,
    "prefix": sys.prefix,
    "loader": at_start[b"LD_LIBRARY_PATH"].decode(),
    "children": subprocess.run(["/usr/bin/env"], stdout=subprocess.PIPE, text=True).stdout,
    "again": subprocess.run(
        [sys.executable, "-c", "import sys; print(sys.executable)"],
        stdout=subprocess.PIPE, text=True,
    ).stdout,
    "arguments": sys.argv[1:],
    "folder": os.getcwd(),
}))
"""

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the wrapper for Linux")


MakeLayer = Callable[[Path], Path]


@pytest.fixture(params=["dash", "bash", "busybox"])
def make_layer(request: pytest.FixtureRequest, tmp_path: Path) -> MakeLayer:
    """Makes a layer whose ``/bin/sh`` is that shell."""
    program = shutil.which(request.param)
    if program is None:
        pytest.skip(f"needs {request.param}")
    shell = tmp_path / "shell" / "sh"
    shell.parent.mkdir()
    shell.symlink_to(program)

    def make(folder: Path) -> Path:
        config = layer_config(APPLICATION, FULL_VERSION, LOWER, os_name="posix")
        files, links = layer_files(
            config,
            LOWER,
            install_target="app-a",
            system="linux",
            postinstall="",
            modules=(),
            own_libraries=True,
        )
        layer = folder / "app-a"
        for file in files:
            place = layer / file.path
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_text((file.text or "").replace("#!/bin/sh\n", f"#!{shell}\n"))
            place.chmod(0o755 if file.executable else 0o644)
        (layer / "bin").mkdir(exist_ok=True)
        for link in links:
            (layer / link.path).symlink_to(link.target)
        base = Path(sys.base_prefix, "bin", f"python{VERSION}")
        (layer / "bin/python_").unlink()
        (layer / "bin/python_").symlink_to(base)
        (layer / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
        return layer

    return make


def show(
    python: str | Path, cwd: Path, env: dict[str, str] | None = None, *args: str
) -> dict[str, Any]:
    done = subprocess.run(
        [str(python), "-c", SHOW, *args],
        cwd=cwd,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **(env or {})},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, done.stderr) == (0, b"")
    found: dict[str, Any] = json.loads(done.stdout)
    lines = (line.partition("=") for line in found["children"].splitlines())
    found["children"] = {name: value for name, _, value in lines}
    return found


@pytest.mark.parametrize("name", ["plain", "a b", 'it\'s "q" $HOME `x` *', "süß-日本"])
def test_python_sees_the_layer_and_the_arguments_are_passed_on(
    make_layer: MakeLayer, tmp_path: Path, name: str
) -> None:
    layer = make_layer(tmp_path / name)
    seen = show(layer / "bin/python", tmp_path, {}, "a b", "*", "")
    del seen["children"]
    assert seen == {
        "executable": str(layer / "bin/python"),
        "prefix": str(layer),
        "loader": f"{layer / OWN}:{layer.parent / 'framework-x' / OWN}",
        "again": f"{layer}/bin/python\n",
        "arguments": ["a b", "*", ""],
        "folder": str(tmp_path),
    }


def test_all_ways_to_name_the_wrapper_lead_to_the_same(
    make_layer: MakeLayer, tmp_path: Path
) -> None:
    layer = make_layer(tmp_path / "deployed")
    (tmp_path / "link-to-python").symlink_to("deployed/app-a/bin/../bin/python3")
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "elsewhere/link-to-layer").symlink_to(layer)
    expected = show(layer / "bin/python", layer / "bin")
    for name, cwd in (
        ("./python", layer / "bin"),
        ("./python3", layer / "bin"),
        ("../bin/python", layer / "bin"),
        (str(tmp_path / "link-to-python"), layer / "bin"),
        (str(tmp_path / "elsewhere/link-to-layer/bin/python"), layer / "bin"),
        (f"{tmp_path}//deployed/./app-a/bin/python", layer / "bin"),
    ):
        assert show(name, cwd) == expected, name
    seen = show("python", layer / "bin", {"PATH": f"{layer}/bin:{os.defpath}"})
    assert seen["executable"] == expected["executable"]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (None, "{own}:{peer}"),
        ("", "{own}:{peer}"),
        ("/opt/lib", "/opt/lib:{own}:{peer}"),
        ("{peer}:/opt/lib", "{peer}:/opt/lib:{own}"),
        ("{own}:{peer}", "{own}:{peer}"),
        ("{own}2", "{own}2:{own}:{peer}"),
    ],
)
def test_the_loader_gets_each_folder_once_and_children_what_was_before(
    make_layer: MakeLayer, tmp_path: Path, before: str | None, after: str
) -> None:
    layer = make_layer(tmp_path)
    names = {"own": str(layer / OWN), "peer": str(tmp_path / "framework-x" / OWN)}
    env = {} if before is None else {"LD_LIBRARY_PATH": before.format(**names)}
    seen = show(layer / "bin/python", tmp_path, env)
    assert seen["loader"] == after.format(**names)
    # The second name is what users of other freezers look for.
    for name in ("LD_LIBRARY_PATH", "LD_LIBRARY_PATH_ORIG"):
        assert seen["children"].get(name) == (before.format(**names) if before else None)


def test_shell_settings_of_the_user_have_no_influence(
    make_layer: MakeLayer, tmp_path: Path
) -> None:
    layer = make_layer(tmp_path)
    (tmp_path / "env").write_text("echo BASH_ENV was read; exit 3\n")
    env = {
        "BASH_ENV": str(tmp_path / "env"),
        "ENV": str(tmp_path / "env"),
        "SHELLOPTS": "noglob:nounset",
        "BASH_FUNC_add%%": "() { exit 4; }",
        "BASH_FUNC_cd%%": "() { exit 5; }",
        "CDPATH": "/",
        "IFS": "/",
    }
    seen = show(f"{layer}/./bin/python", tmp_path, env)
    assert seen["executable"] == str(layer / "bin/python")


def test_exit_code_and_signal_are_those_of_python(make_layer: MakeLayer, tmp_path: Path) -> None:
    python = str(make_layer(tmp_path) / "bin/python")
    assert subprocess.run([python, "-c", "raise SystemExit(7)"]).returncode == 7
    kill = "import os; os.kill(os.getpid(), 9)"
    assert subprocess.run([python, "-c", kill]).returncode == -9


@pytest.mark.parametrize("path", ["", "{layer}/bin"])
def test_no_other_program_is_needed(make_layer: MakeLayer, tmp_path: Path, path: str) -> None:
    layer = make_layer(tmp_path)
    env = {"PATH": path.format(layer=layer)}
    assert show(layer / "bin/python3", tmp_path, env)["executable"] == str(layer / "bin/python")


def test_a_variable_that_is_not_the_wrappers_stays(make_layer: MakeLayer, tmp_path: Path) -> None:
    layer = make_layer(tmp_path)
    env = {"LD_LIBRARY_PATH": "/opt/lib", "LD_LIBRARY_PATH_ORIG": "/opt/other"}
    seen = show(layer / "bin/python_", tmp_path, env)
    assert seen["children"]["LD_LIBRARY_PATH"] == "/opt/lib"
    assert seen["executable"] == str(layer / "bin/python")
    # And what another program left behind is not taken for the wrapper's.
    del env["LD_LIBRARY_PATH"]
    assert "LD_LIBRARY_PATH" not in show(layer / "bin/python", tmp_path, env)["children"]


def test_macos_uses_its_own_variable() -> None:
    text = python_wrapper(system="macosx", dynlib_dirs=[OWN, PEER])
    assert text.startswith("#!/bin/sh\n")
    assert "path=${DYLD_LIBRARY_PATH-}\n" in text
    assert 'export DYLD_LIBRARY_PATH="$path"\n' in text
    assert 'add "$layer"/share/venv/dynlib\nadd "$peers"/framework-x/share/venv/dynlib\n' in text


@pytest.mark.parametrize(
    ("folder", "problem"),
    [
        ("/lib", "`/lib` is not a folder of the layer or of a sibling layer"),
        ("..", "`..` is not a folder of the layer or of a sibling layer"),
        ("../x", "`../x` is not a folder of the layer or of a sibling layer"),
        ("../../x/lib", "`../../x/lib` is not a folder of the layer or of a sibling layer"),
        ("a/../../b", "`a/../../b` is not a folder of the layer or of a sibling layer"),
        ("../x/a:b", "`../x/a:b` contains a character that separates folders"),
    ],
)
def test_folders_elsewhere_are_refused(folder: str, problem: str) -> None:
    with pytest.raises(ValueError, match=f"^{re.escape(problem)}$"):
        python_wrapper(system="linux", dynlib_dirs=[folder])


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    text = python_wrapper(system="linux", dynlib_dirs=["../it's $(touch x)/lib"])
    assert """add "$peers"/'it'"'"'s $(touch x)/lib'\n""" in text


def test_systems_without_wrapper_and_empty_chains_are_refused() -> None:
    with pytest.raises(ValueError, match="^`win` has no wrapper, only linux and macosx have$"):
        python_wrapper(system="win", dynlib_dirs=[OWN])
    with pytest.raises(ValueError, match="^a layer without shared library folders needs no"):
        python_wrapper(system="linux", dynlib_dirs=[])
