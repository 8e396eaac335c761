"""Commands that packages define: how they are chosen, and started."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.model.contents.console_scripts import (
    ConsoleScript,
    chosen_scripts,
    script_files,
)
from venvstacks_rules.model.contents.layout import LayerLayout

SHELLS = [shell for shell in ("/bin/sh", "/bin/dash", "/bin/bash") if Path(shell).exists()]
MODULE = """\
import sys

class Cli:
    @staticmethod
    def main():
        print(*sys.argv, sys.executable, sep="|")
        return 7
"""


def test_the_layer_itself_comes_first() -> None:
    own, below = {"a": "own:f"}, {"a": "below:f", "b": "below.x:C.f [extra]", "bad": "below"}
    scripts, problems = chosen_scripts(["b", "a", "c", "bad"], [own, below])
    assert scripts == (
        ConsoleScript("a", "own", "f"),
        ConsoleScript("b", "below.x", "C.f"),
    )
    assert scripts[1].target == "below.x:C.f"
    assert problems == (
        ("bad", "whose target `below` is not `MODULE:FUNCTION`."),
        (
            "c",
            "which no package of the layer and of those below defines; they have `a`, `b`, `bad`.",
        ),
    )
    assert chosen_scripts(["a"], [])[1] == (
        ("a", "which no package of the layer and of those below defines; they have none."),
    )
    assert chosen_scripts(["uvicron"], [{"uvicorn": "a:b"}])[1][0][1].endswith(
        "; they have `uvicorn`. Did you mean `uvicorn`?"
    )


def test_scripts_lie_in_archives_for_posix_only() -> None:
    scripts = (ConsoleScript("tell", "tell", "main"),)
    (file,) = script_files(scripts, LayerLayout("3.11", "posix"))
    assert (file.path, file.executable) == ("bin/tell", True)
    assert script_files(scripts, LayerLayout("3.11", "nt")) == ()


@pytest.fixture
def layer(tmp_path: Path) -> Path:
    """A folder with a space in its name, and a command beside an interpreter."""
    folder = tmp_path / "a layer" / "bin"
    folder.mkdir(parents=True)
    (folder / "python").symlink_to(sys.executable)
    (file,) = script_files((ConsoleScript("tell", "tells", "Cli.main"),), LayerLayout("3", "posix"))
    assert file.text is not None
    (folder / "tell").write_text(file.text)
    (folder / "tell").chmod(0o755)
    (tmp_path / "modules").mkdir()
    (tmp_path / "modules/tells.py").write_text(MODULE)
    return tmp_path


def started(layer: Path, *command: str, path: str = "/usr/bin:/bin", cwd: str = "/") -> list[str]:
    done = subprocess.run(
        command,
        env={"PYTHONPATH": str(layer / "modules"), "PATH": path},
        cwd=cwd,
        stdout=subprocess.PIPE,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    return done.stdout.strip().split("|")


@pytest.mark.parametrize("shell", SHELLS)
def test_a_script_starts_with_the_interpreter_beside_it(layer: Path, shell: str) -> None:
    tell, python = str(layer / "a layer/bin/tell"), str(layer / "a layer/bin/python")
    expected = [tell, "a b", "*", python]
    assert started(layer, shell, tell, "a b", "*") == expected
    assert started(layer, tell, "a b", "*") == expected
    # No program is needed to find it.
    assert started(layer, tell, "a b", "*", path="") == expected


def test_a_script_is_found_by_path_by_link_and_in_another_place(layer: Path) -> None:
    bin_dir = layer / "a layer/bin"
    path = f"{bin_dir}:/usr/bin:/bin"
    assert started(layer, "sh", "-c", "tell", path=path)[0] == str(bin_dir / "tell")
    assert started(layer, "./tell", cwd=str(bin_dir))[0] == f"{bin_dir}/./tell"
    (layer / "links").mkdir()
    (layer / "links/first").symlink_to("second")
    (layer / "links/second").symlink_to(bin_dir / "tell")
    (layer / "links/python").symlink_to("/bin/false")
    assert started(layer, str(layer / "links/first"))[0] == str(bin_dir / "tell")
    shutil.move(str(layer / "a layer"), str(layer / "moved"))
    assert started(layer, str(layer / "moved/bin/tell"))[-1] == str(layer / "moved/bin/python")
