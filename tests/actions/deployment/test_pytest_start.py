"""How modules beside tests and those of layers are found, in a process of its own."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.actions.deployment import pytest_start

# Imports modules with `layers` on the path, and then `roots` in front and `tools` behind.
_PROGRAM = """\
import importlib, json, os, sys
from pytest_start import PackagesInBoth, add_tools
layers, roots, tools, names = json.loads(sys.argv[1])
sys.path.append(layers)
sys.path[:0] = roots
add_tools(tools)
sys.meta_path.insert(0, PackagesInBoth(roots))
def where(name):
    try:
        module = importlib.import_module(name)
    except ImportError:
        return None
    return getattr(module, "PLACE", "")
print(json.dumps([where(name) for name in names]))
"""


def found(folder: Path, files: dict[str, str], *names: str) -> list[str | None]:
    """Where modules come from: `files` are below `layers`, `tests` or `tools`."""
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text or f"PLACE = {path.split('/')[0]!r}\n")
    places = (str(folder / "layers"), [str(folder / "tests")], [str(folder / "tools")], names)
    start = folder / "start"
    start.mkdir()
    (start / "pytest_start.py").write_text(Path(pytest_start.__file__).read_text())
    (start / "program.py").write_text(_PROGRAM)
    done = subprocess.run(
        [sys.executable, "-I", "-c", "import sys, runpy; sys.path.insert(0, sys.argv[2]); "
         "runpy.run_path(sys.argv[2] + '/program.py')", json.dumps(places), str(start)],
        capture_output=True,
        text=True,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    values: list[str | None] = json.loads(done.stdout)
    return values


def test_a_package_of_both_is_that_of_the_layers(tmp_path: Path) -> None:
    files = dict.fromkeys(
        [
            *("layers/acme/__init__.py", "layers/acme/util.py", "layers/acme/deep/__init__.py"),
            *("tests/acme/__init__.py", "tests/acme/help.py", "tests/acme/deep/more.py"),
            "tests/acme/own/__init__.py",
        ],
        "",
    )
    names = ("acme", "acme.util", "acme.help", "acme.deep", "acme.deep.more", "acme.own", "no")
    assert found(tmp_path, files, *names) == [
        *("layers", "layers", "tests", "layers", "tests", "tests", None),
    ]


@pytest.mark.parametrize("init", [True, False])
def test_folders_without_an_init_in_the_layers(tmp_path: Path, init: bool) -> None:
    files = dict.fromkeys(["layers/space/one.py", "tests/space/two.py"], "")
    if init:
        files["tests/space/__init__.py"] = ""
    place = "tests" if init else ""
    assert found(tmp_path, files, "space", "space.one", "space.two") == [place, "layers", "tests"]


def test_tools_come_last_with_their_pth_files(tmp_path: Path) -> None:
    files = {
        "layers/shared.py": "",
        "tools/shared.py": "",
        "tools/plugin.py": "",
        "tools/x.pth": "more\n",
        "tools/more/further.py": "",
        # Chains of layers do not start.
        "tools/y.pth": f"import sys; sys.chained = {pytest_start.CHAINING!r} in sys.modules\n",
        "layers/asks.py": "import sys\nPLACE = sys.chained\n",
    }
    assert found(tmp_path, files, "shared", "plugin", "further", "asks") == [
        *("layers", "tools", "tools", True),
    ]


def test_folders_of_packages(tmp_path: Path) -> None:
    for path in ("a/b/x.py", "a/data/note.txt", "not-a-name/y.py", "z.py"):
        file = tmp_path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.touch()
    assert pytest_start.folders_of_packages([str(tmp_path)]) == {
        "a": [str(tmp_path / "a")],
        "a.b": [str(tmp_path / "a" / "b")],
    }
