"""The wrapper script, executed by the shell that it names."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from venvstacks_rules.model.contents.wrapper import python_wrapper

OWN, PEER = "share/venv/dynlib", "../framework-x/share/venv/dynlib"
SHOW = "import os, sys; print(sys.executable, sys.prefix, os.environ['LD_LIBRARY_PATH'], sep='\\n')"
SHOW += "; print(sys.argv[1:], os.getcwd(), sep='\\n')"

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="runs the wrapper for Linux")


MakeLayer = Callable[[Path], Path]


@pytest.fixture(params=["glibc", "musl"])
def make_layer(request: pytest.FixtureRequest) -> MakeLayer:
    """Makes a layer for that C library, run by the shell that systems with it have."""
    text = python_wrapper(system="linux", libc=request.param, dynlib_dirs=[OWN, PEER])
    if request.param == "musl":
        busybox = shutil.which("busybox")
        if busybox is None:
            pytest.skip("needs busybox")
        text = re.sub("^#!/bin/sh\n", f"#!{busybox} sh\n", text)
        assert text.startswith(f"#!{busybox}")

    def make(folder: Path) -> Path:
        layer = folder / "app-a"
        (layer / "bin").mkdir(parents=True)
        python = layer / "bin/python"
        python.write_text(text)
        python.chmod(0o755)
        (layer / "bin/python3").symlink_to("python")
        base = Path(sys.base_prefix, "bin", f"python{sys.version_info[0]}.{sys.version_info[1]}")
        (layer / "bin/python_").symlink_to(base)
        (layer / "pyvenv.cfg").write_text(f"home = {base.parent}\n")
        return layer

    return make


def show(python: str | Path, cwd: Path, env: dict[str, str] | None = None, *args: str) -> list[str]:
    done = subprocess.run(
        [str(python), "-c", SHOW, *args],
        cwd=cwd,
        env={"PATH": os.defpath, "LC_ALL": "C.UTF-8", **(env or {})},
        stdout=subprocess.PIPE,
        check=True,
    )
    return done.stdout.decode().splitlines()


@pytest.mark.parametrize("name", ["plain", "a b", 'it\'s "q" $HOME `x` *', "süß-日本"])
def test_python_sees_the_layer_and_the_arguments_are_passed_on(
    make_layer: MakeLayer, tmp_path: Path, name: str
) -> None:
    layer = make_layer(tmp_path / name)
    expected = [
        str(layer / "bin/python"),
        str(layer),
        f"{layer / OWN}:{layer.parent / 'framework-x' / OWN}",
        "['a b', '*', '']",
        str(tmp_path),
    ]
    assert show(layer / "bin/python", tmp_path, {}, "a b", "*", "") == expected


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
    assert show("python", layer / "bin", {"PATH": f"{layer}/bin:{os.defpath}"}) == expected


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
def test_folders_are_appended_once_and_none_is_empty(
    make_layer: MakeLayer, tmp_path: Path, before: str | None, after: str
) -> None:
    layer = make_layer(tmp_path)
    names = {"own": str(layer / OWN), "peer": str(tmp_path / "framework-x" / OWN)}
    env = {} if before is None else {"LD_LIBRARY_PATH": before.format(**names)}
    assert show(layer / "bin/python", tmp_path, env)[2] == after.format(**names)


def test_shell_settings_of_the_user_have_no_influence(
    make_layer: MakeLayer, tmp_path: Path
) -> None:
    layer = make_layer(tmp_path)
    (tmp_path / "env").write_text("echo BASH_ENV was read; exit 3\n")
    env = {
        "BASH_ENV": str(tmp_path / "env"),
        "ENV": str(tmp_path / "env"),
        "SHELLOPTS": "xtrace:noexec",
        "BASH_FUNC_add%%": "() { exit 4; }",
        "CDPATH": "/",
        "IFS": "/",
    }
    assert show(layer / "bin/python", tmp_path, env)[0] == str(layer / "bin/python")


def test_exit_code_and_signal_are_those_of_python(make_layer: MakeLayer, tmp_path: Path) -> None:
    python = str(make_layer(tmp_path) / "bin/python")
    assert subprocess.run([python, "-c", "raise SystemExit(7)"]).returncode == 7
    kill = "import os; os.kill(os.getpid(), 9)"
    assert subprocess.run([python, "-c", kill]).returncode == -9


def test_macos_uses_its_own_shell_and_variable() -> None:
    text = python_wrapper(system="macosx", libc="glibc", dynlib_dirs=[OWN, PEER])
    assert text.startswith("#!/bin/zsh -f\n")
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
        python_wrapper(system="linux", libc="glibc", dynlib_dirs=[folder])


def test_odd_names_are_quoted(tmp_path: Path) -> None:
    text = python_wrapper(system="linux", libc="glibc", dynlib_dirs=["../it's $(touch x)/lib"])
    assert """add "$peers"/'it'"'"'s $(touch x)/lib'\n""" in text


def test_systems_without_wrapper_and_empty_chains_are_refused() -> None:
    with pytest.raises(ValueError, match="^`win` has no wrapper, only linux and macosx have$"):
        python_wrapper(system="win", libc="glibc", dynlib_dirs=[OWN])
    with pytest.raises(ValueError, match="^a layer without shared library folders needs no"):
        python_wrapper(system="linux", libc="glibc", dynlib_dirs=[])
