"""Which sources an action's process gets, and what becomes of its failure."""

from __future__ import annotations

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend import action_tool
from venvstacks_rules.pants_backend.action_tool import (
    ActionError,
    action_failure,
    imported_modules,
)

SOURCES = action_tool._resource_sources()
ROOT = "venvstacks_rules"


def verbs() -> list[str]:
    """The modules of all verbs; rules never import actions, and neither do their tests."""
    for node in ast.walk(ast.parse(SOURCES[f"{ROOT}.actions._cli"])):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERBS":
            return sorted(ast.literal_eval(node.value).values())
    raise AssertionError("no VERBS")


def imports(source: str) -> set[str]:
    """Our own modules that a source names in import statements, wherever they stand."""
    found = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.ImportFrom):
            module = node.module or ""
            found |= {module, *(f"{module}.{alias.name}" for alias in node.names)}
        elif isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
    return found & set(SOURCES)


@pytest.mark.parametrize("module", verbs())
def test_all_imports_of_an_action_come_along(module: str) -> None:
    names = imported_modules(f"{ROOT}.actions.{module}", SOURCES)
    assert f"{ROOT}.actions.{module}" in names
    for name in names:
        assert imports(SOURCES[name]) <= names, name
        parent = name.rpartition(".")[0]
        assert not parent or parent in names


@pytest.mark.parametrize("module", ["launch", "check_imports", "deploy_layers", "find_interpreter"])
def test_an_action_starts_from_its_own_files_alone(tmp_path: Path, module: str) -> None:
    """For those that need no library: the real command line in a folder with nothing else."""
    names = {
        *imported_modules(f"{ROOT}.actions.{module}", SOURCES),
        *imported_modules(f"{ROOT}.actions.__main__", SOURCES),
    }
    for name in names:
        path = tmp_path / name.replace(".", "/")
        if name == ROOT or name.count(".") == 1:
            path /= "__init__"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.with_suffix(".py").write_text(SOURCES[name])
    (tmp_path / "__main__.py").write_text(SOURCES[f"{ROOT}.actions.__main__"])
    request = tmp_path / "request.json"
    request.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(tmp_path), module.replace("_", "-"), "--request", request],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.rstrip().endswith(("missing key of LaunchRequest", "Request"))


def test_actions_do_not_come_along_with_each_other() -> None:
    launch = imported_modules(f"{ROOT}.actions.launch", SOURCES)
    locking = imported_modules(f"{ROOT}.actions.lock_layer", SOURCES)
    assert f"{ROOT}.actions.lock_layer" not in launch
    assert f"{ROOT}.actions._uv" not in launch
    assert f"{ROOT}.actions._uv" in locking
    assert f"{ROOT}.actions._segment_writer" not in locking


def test_imports_of_every_form_are_followed() -> None:
    sources = {
        ROOT: "",
        f"{ROOT}.model": "",
        f"{ROOT}.model.a": f"from {ROOT}.model import b\n",
        f"{ROOT}.model.b": f"def f():\n    import {ROOT}.model.c\n",
        f"{ROOT}.model.c": f"from {ROOT}.model.d import (\n    x,\n    y,\n)\n",
        f"{ROOT}.model.d": f"from {ROOT}.model import (\n    e,\n    f as g,\n)\n",
        f"{ROOT}.model.e": f"# from {ROOT}.model import z\nx = 1\n",
        f"{ROOT}.model.f": "",
        f"{ROOT}.model.z": "",
    }
    found = imported_modules(f"{ROOT}.model.a", sources)
    assert found == set(sources) - {f"{ROOT}.model.z"}


def test_the_mistake_of_a_user_is_shown_without_ceremony() -> None:
    error = action_failure("lock-layer", 1, "warning: slow\nerror: //:x: no\n  * wheel\n\n")
    assert type(error) is VenvstacksError
    assert str(error) == "//:x: no\n  * wheel"


@pytest.mark.parametrize(
    ("exit_code", "stderr"),
    [
        (1, "Traceback (most recent call last):\n  ...\nzlib.error: bad\n"),
        (1, "Traceback (most recent call last):\n  ...\nOSError: bad\n"),
        (2, "error: usage\n"),
        (-9, ""),
    ],
)
def test_anything_else_is_shown_as_a_bug(exit_code: int, stderr: str) -> None:
    error = action_failure("launch", exit_code, stderr)
    assert type(error) is ActionError
    assert str(error) == (
        f"The action `launch` ended with exit code {exit_code}. This is a bug of venvstacks_rules; "
        f"please report it with what the action printed:\n{stderr.rstrip()}"
    )


def test_every_layer_carries_the_post_installation_script() -> None:
    assert action_tool.postinstall_source() == SOURCES[f"{ROOT}.actions.postinstall"]
    assert "def main(argv: list[str]) -> int:" in action_tool.postinstall_source()
