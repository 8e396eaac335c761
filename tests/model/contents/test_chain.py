"""The files that chain layers, as a Python of this machine uses them."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.chained_layers import RUNTIME, SITE, ChainedLayers, chain_module
from venvstacks_rules.model.contents.chain import chain_files
from venvstacks_rules.model.contents.config import LayerConfig
from venvstacks_rules.model.contents.files import OwnFile

VALUES = "[__import__(n).VALUE for n in ('own', 'upper', 'lower', 'runtimes')]"


@pytest.fixture
def layers(tmp_path: Path) -> ChainedLayers:
    """An application on two frameworks, with a module in each layer."""
    made = ChainedLayers(tmp_path / "layers")
    made.write(RUNTIME, {"runtimes.py": "VALUE = 'r'"})
    made.add("framework-lower", (), {"lower.py": "VALUE = 'l'"})
    made.add("framework-upper", ("framework-lower",), {"upper.py": "VALUE = 'u'"})
    made.add("app", ("framework-upper", "framework-lower"), {"own.py": "VALUE = 'o'"})
    return made


def paths(layers: ChainedLayers, *names: str) -> list[str]:
    return [str(layers.folder / name / SITE) for name in names]


def test_layers_are_found_in_their_order(layers: ChainedLayers) -> None:
    assert layers.evaluate("app", VALUES) == ["o", "u", "l", "r"]
    order = paths(layers, "app", "framework-upper", "framework-lower", RUNTIME)
    assert layers.evaluate("app", "sys.path[-4:]") == order
    assert layers.evaluate("app", "[m for m in sys.modules if 'chain' in m]") == [
        chain_module(layers.folder / "app").stem
    ]


def test_they_are_found_after_a_move_and_through_a_link(layers: ChainedLayers) -> None:
    moved = layers.folder.rename(layers.folder.with_name("moved"))
    layers.folder = moved
    # `pyvenv.cfg` has the old place, which some versions of Python need.
    for name in ("framework-lower", "framework-upper", "app"):
        python = layers.run(RUNTIME, "-I", str(moved / name / "postinstall.py"), "--no-compile")
        assert (python.returncode, python.stderr) == (0, "")
    (moved / "elsewhere").mkdir()
    (moved / "elsewhere/linked").symlink_to(moved / "app")
    assert layers.evaluate("elsewhere/linked", VALUES) == ["o", "u", "l", "r"]


def test_a_layer_between_others_does_not_change_the_order(tmp_path: Path) -> None:
    layers = ChainedLayers(tmp_path)
    layers.add("framework-a")
    layers.add("framework-b")
    # Its own chain begins with `framework-b`, which comes last in the application's.
    layers.add("framework-c", ("framework-b",))
    layers.add("app", ("framework-c", "framework-a", "framework-b"))
    order = paths(layers, "app", "framework-c", "framework-a", "framework-b", RUNTIME)
    assert layers.evaluate("app", "sys.path[-5:]") == order


def test_a_foreign_sitecustomize_takes_nothing_away(layers: ChainedLayers, tmp_path: Path) -> None:
    agent = tmp_path / "agent"
    agent.mkdir()
    (agent / "sitecustomize.py").write_text("import sys; sys.agent = 'here'")
    seen = layers.evaluate("app", f"[sys.agent, *{VALUES}]", {"PYTHONPATH": str(agent)})
    assert seen == ["here", "o", "u", "l", "r"]


@pytest.mark.parametrize("owner", ["app", "framework-lower", RUNTIME])
def test_customisations_of_packages_run_with_all_layers(layers: ChainedLayers, owner: str) -> None:
    text = "import sys, lower, runtimes; sys.by_package = lower.VALUE + runtimes.VALUE"
    layers.write(owner, {"sitecustomize.py": text})
    assert layers.evaluate("app", "sys.by_package") == "lr"


def test_lines_of_pth_files_may_need_the_layers_below(layers: ChainedLayers) -> None:
    layers.write("app", {"0_x.pth": "import sys, lower, upper; sys.pth = lower.VALUE\n"})
    layers.write("framework-lower", {"x.pth": "import runtimes, sys; sys.low = runtimes.VALUE\n"})
    assert layers.evaluate("app", "[sys.pth, sys.low]") == ["l", "r"]


def test_paths_of_other_layers_in_the_environment_do_no_harm(layers: ChainedLayers) -> None:
    other = ChainedLayers(layers.folder.with_name("other"))
    other.add("framework-lower", (), {"theirs.py": "VALUE = 't'"})
    other.add("app", ("framework-lower",))
    # As programs do for those that they start.
    theirs = ":".join(paths(other, "app", "framework-lower"))
    assert layers.evaluate("app", VALUES, {"PYTHONPATH": theirs}) == ["o", "u", "l", "r"]


def test_an_embedding_program_adds_a_layer_with_all_below(layers: ChainedLayers) -> None:
    code = "import site, sys; site.addsitedir(sys.argv[1]); import own, upper, lower; print('all')"
    done = layers.run(RUNTIME, "-I", "-c", code, *paths(layers, "app"))
    assert (done.stdout, done.stderr) == ("all\n", "")
    both = "import site, sys; [site.addsitedir(p) for p in sys.argv[1:]]; import own, lower"
    done = layers.run(RUNTIME, "-I", "-c", both, *paths(layers, "framework-lower", "app"))
    assert (done.returncode, done.stderr) == (0, "")


def test_a_layer_that_is_missing_does_not_stop_python(layers: ChainedLayers) -> None:
    shutil.rmtree(layers.folder / "framework-upper")
    assert layers.evaluate("app", "__import__('lower').VALUE") == "l"


def test_on_windows_the_folders_of_libraries_are_added(tmp_path: Path) -> None:
    site = "Lib/site-packages"
    config = LayerConfig(
        python="Scripts/python.exe",
        py_version="3.12.9",
        base_python="../rt/python.exe",
        site_dir=site,
        pylib_dirs=(f"../framework-b/{site}", f"../rt/{site}"),
        dynlib_dirs=("../framework-b/Library/bin", "../rt/Library/bin"),
    )
    for file in chain_files(config, "app-a", system="win"):
        place = tmp_path / "app-a" / file.path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(file.text or "")
    for folder in ("app-a/Library/bin", "framework-b/Library/bin", f"framework-b/{site}"):
        (tmp_path / folder).mkdir(parents=True)
    # What Windows' Python has, and this one has not.
    code = "import os, site, sys; os.add_dll_directory = print; site.addsitedir(sys.argv[1]); "
    code += "print(sys.path[-1])"
    command = [sys.executable, "-I", "-S", "-c", code, str(tmp_path / "app-a" / site)]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.stdout.splitlines() == [
        str(tmp_path / "app-a/Library/bin"),
        str(tmp_path / "framework-b/Library/bin"),
        str(tmp_path / "framework-b" / site),
    ], done.stderr


CONFIG = LayerConfig(
    python="bin/python",
    py_version="3.11.7",
    base_python="../rt/bin/python",
    site_dir="lib/python3.11/site-packages",
    pylib_dirs=("../it's/lib/python3.11/site-packages", "../rt/lib/python3.11/site-packages"),
)


def files(version: str = "3.11.7", install_target: str = "app") -> dict[str, OwnFile]:
    config = LayerConfig(**{**vars(CONFIG), "py_version": version})
    return {
        file.path.rsplit(".")[-1]: file
        for file in chain_files(config, install_target, system="linux")
    }


# Imports in `.pth` files end, and `.start` files begin, with a version.
@pytest.mark.parametrize(
    ("version", "kinds"),
    [
        ("3.9.18", {"py", "pth"}),
        ("3.14.0t", {"py", "pth"}),
        ("3.15.0", {"py", "pth", "start"}),
        ("3.17.2", {"py", "pth", "start"}),
        ("3.18.0", {"py", "start"}),
    ],
)
def test_each_version_has_the_files_that_it_knows(version: str, kinds: set[str]) -> None:
    found = files(version)
    assert set(found) == kinds
    module = Path(found["py"].path).stem
    lines = {"pth": f"import {module}\n", "start": f"{module}:start\n"}
    assert {kind: found[kind].text for kind in kinds - {"py"}} == {
        kind: lines[kind] for kind in kinds - {"py"}
    }
    assert {Path(file.path).stem for kind, file in found.items() if kind != "py"} == {
        "0000_venvstacks_chain"
    }


def test_layers_and_versions_of_a_layer_have_modules_of_their_own() -> None:
    names = {files(install_target=name)["py"].path for name in ("app", "app@1", "framework-a")}
    assert len(names) == 3


def test_a_runtime_has_no_chain() -> None:
    config = LayerConfig(**{**vars(CONFIG), "pylib_dirs": ()})
    assert chain_files(config, "rt", system="linux") == ()


def test_the_module_is_plain_python_whatever_the_names_are() -> None:
    text = files()["py"].text or ""
    compile(text, "chain", "exec")
    assert '_PEERS + "/it\'s/lib/python3.11/site-packages",' in text


pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="makes layers for Linux")
