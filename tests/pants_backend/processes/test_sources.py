"""Which sources an action's process gets."""

from __future__ import annotations

import ast
import subprocess
import sys
import zlib
from pathlib import Path

import pytest

from venvstacks_rules.pants_backend.processes.sources import (
    ModuleSource,
    action_module,
    client_sources,
    imported_modules,
    module_sources,
    postinstall_source,
)

SOURCES = module_sources()
ROOT = "venvstacks_rules"


def verbs() -> list[str]:
    """All verbs; rules never import actions, and neither do their tests."""
    for node in ast.walk(ast.parse(SOURCES[f"{ROOT}.actions.cli"].text)):
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "VERBS":
            return sorted(ast.literal_eval(node.value))
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


@pytest.mark.parametrize("verb", verbs())
def test_all_imports_of_an_action_come_along(verb: str) -> None:
    names = imported_modules(action_module(verb), SOURCES)
    assert action_module(verb) in names
    for name in names:
        assert imports(SOURCES[name].text) <= names, name
        parent = name.rpartition(".")[0]
        assert not parent or parent in names


@pytest.mark.parametrize("verb", ["launch", "check-imports", "deploy-layers", "find-interpreter"])
def test_an_action_starts_from_its_own_files_alone(tmp_path: Path, verb: str) -> None:
    """For those that need no library: the real command line in a folder with nothing else."""
    names = {
        *imported_modules(action_module(verb), SOURCES),
        *imported_modules(f"{ROOT}.actions.__main__", SOURCES),
    }
    for name in names:
        path = tmp_path / SOURCES[name].path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(SOURCES[name].text)
    (tmp_path / "__main__.py").write_text(SOURCES[f"{ROOT}.actions.__main__"].text)
    request = tmp_path / "request.json"
    request.write_text("{}")
    done = subprocess.run(
        [sys.executable, "-S", "-E", str(tmp_path), verb, "--request", request],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert done.stderr.rstrip().endswith(("missing key of LaunchRequest", "Request"))


def test_actions_do_not_come_along_with_each_other() -> None:
    launch = imported_modules(action_module("launch"), SOURCES)
    locking = imported_modules(action_module("lock-layer"), SOURCES)
    assert action_module("lock-layer") not in launch
    assert f"{ROOT}.actions.locking.uv" not in launch
    assert f"{ROOT}.actions.locking.uv" in locking
    assert f"{ROOT}.actions.archives.tar_writer" not in locking


def test_imports_of_every_form_are_followed() -> None:
    texts = {
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
    sources = {name: ModuleSource("", text) for name, text in texts.items()}
    found = imported_modules(f"{ROOT}.model.a", sources)
    assert found == set(sources) - {f"{ROOT}.model.z"}


def test_every_layer_carries_the_post_installation_script() -> None:
    assert postinstall_source() == SOURCES[f"{ROOT}.actions.postinstall"].text
    assert "def main(argv: list[str]) -> int:" in postinstall_source()


def test_the_client_starts_from_its_own_files_alone(tmp_path: Path) -> None:
    for module in client_sources():
        path = tmp_path / module.path
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(module.text)
    command = [sys.executable, "-S", "-E", "-m", f"{ROOT}.client"]
    lists = [*command, "list", "--into", "nowhere"]
    done = subprocess.run(lists, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert done.returncode == 7
    assert done.stderr.startswith("error: `nowhere` is no installation.")


def test_the_client_comes_whole_and_without_what_builds_layers() -> None:
    names = {module.name for module in client_sources()}
    assert {name for name in SOURCES if name.startswith(f"{ROOT}.client.")} <= names
    for name in names:
        assert imports(SOURCES[name].text) <= names, name
    assert not any(name.startswith((f"{ROOT}.actions", f"{ROOT}.repository.pub")) for name in names)
    # As it travels, 250 kB are the bound; as text it has four times as much.
    packed = (zlib.compress(module.text.encode()) for module in client_sources())
    assert sum(map(len, packed)) < 250_000
