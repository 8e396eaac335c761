"""The module that calls the function which an application starts with."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from venvstacks_rules.model.contents.launcher import launcher
from venvstacks_rules.model.layers.launch_names import LaunchName


def test_a_module_needs_none() -> None:
    assert launcher(LaunchName("acme.server")) is None


def test_the_function_gets_arguments_and_gives_the_exit_code(tmp_path: Path) -> None:
    made = launcher(LaunchName("tool", "App.run"))
    assert made is not None
    assert made.text is not None
    (tmp_path / made.path).write_text(made.text)
    (tmp_path / "tool.py").write_text(
        "import sys\nclass App:\n    def run():\n        print(sys.argv[1:])\n        return 3\n"
    )
    done = subprocess.run(
        [sys.executable, "-m", "_venvstacks_launch", "a", "b"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (3, "['a', 'b']\n")
