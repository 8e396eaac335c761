"""Running pytest in layers from the cache, as separate processes do it."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from collections.abc import Mapping
from importlib.metadata import distribution
from pathlib import Path
from typing import Any

import pytest

from tests.support.layer_archives import RUNTIME, layer, runtime, write_archive
from venvstacks_rules.actions.commands import run_tests
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import DeployedArchive
from venvstacks_rules.model.requests.run_tests import RunTestsRequest

SOURCE = Path(run_tests.__file__).parents[3]
# What the pytest of this run consists of.
TOOLS = (
    *("pytest", "pluggy", "iniconfig", "packaging", "pygments"),
    *(("exceptiongroup", "tomli", "typing_extensions") if sys.version_info < (3, 11) else ()),
)
# Most of what pygments has, and would be unpacked and compiled with it.
UNUSED = re.compile(r"pygments/(?:lexers/(?!_mapping|__init__|diff|python)|styles/(?!_|default)).*")
APP = {
    "app.py": "import acme.util\nVALUE = acme.util.VALUE\n",
    "shared.py": "WHERE = 'the application'\n",
    "acme/__init__.py": "MARK = 'layer'\n",
    "acme/util.py": "VALUE = 1\n",
    "space/one.py": "",
}
TESTS = {
    "src/acme/__init__.py": "MARK = 'beside the tests'\n",
    "src/acme/tests/__init__.py": "",
    "src/acme/tests/helpers.py": "WANTED = 1\n",
    "src/acme/tests/test_app.py": (
        "import os, sys\n"
        "import acme, app, shared, space.one, space.two, tools_only\n"
        "from acme import util\n"
        "from .helpers import WANTED\n\n"
        "def test_app():\n"
        "    assert app.VALUE == WANTED\n"
        "    assert acme.MARK == 'layer'\n"
        "    assert '/stacks/' in util.__file__\n"
        "    assert __name__ == 'acme.tests.test_app'\n"
        "    assert shared.WHERE == 'the application'\n"
        "    assert os.getcwd() not in sys.path\n"
        "    assert 'PYTHONPATH' not in os.environ\n"
        "    assert not os.path.exists('venvstacks-test.json')\n"
    ),
    "src/space/two.py": "",
}


def tool_files() -> dict[str, str]:
    found = {"shared.py": "WHERE = 'the tools'\n", "tools_only.py": ""}
    for name in TOOLS:
        for file in distribution(name).files or ():
            if UNUSED.fullmatch(str(file)):
                continue
            if file.suffix == ".py" or file.name in ("METADATA", "entry_points.txt"):
                found[str(file)] = file.read_text()
    return found


@pytest.fixture(scope="module")
def stacks(tmp_path_factory: pytest.TempPathFactory) -> dict[str, tuple[DeployedArchive, ...]]:
    folder = tmp_path_factory.mktemp("archives")
    base = write_archive(folder, RUNTIME, runtime(large=True))
    app = layer("app-a", APP, (RUNTIME,), "app")
    tools = layer("framework-tools", tool_files(), (RUNTIME,))
    bare = layer("framework-bare", {}, (RUNTIME,))
    return {
        "archives": (base, write_archive(folder, "app-a", app)),
        "tools": (base, write_archive(folder, "framework-tools", tools)),
        "bare": (base, write_archive(folder, "framework-bare", bare)),
    }


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("cache")


def run(
    folder: Path,
    stacks: Mapping[str, tuple[DeployedArchive, ...]],
    cache: Path,
    *args: str,
    tools: str = "tools",
    files: Mapping[str, str] = TESTS,
    **more: Any,
) -> subprocess.CompletedProcess[str]:
    for path, text in files.items():
        file = folder / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(text)
    request = RunTestsRequest(
        "//:tests", stacks["archives"], stacks[tools], str(cache), ("src",), args, **more
    )
    (folder / "request.json").write_text(to_json(request))
    inherited = {name: os.environ[name] for name in os.environ if not name.startswith("PYTHON")}
    command = [sys.executable, "-m", "venvstacks_rules.actions", "run-tests"]
    return subprocess.run(
        [*command, "--request", "request.json", "--result", "result.json"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(SOURCE)},
        capture_output=True,
        text=True,
        check=False,
    )


def test_code_is_that_of_the_layers(
    stacks: dict[str, tuple[DeployedArchive, ...]], cache: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, stacks, cache, "-q", "src/acme/tests/test_app.py")
    assert done.returncode == 0, done.stdout + done.stderr
    assert "1 passed" in done.stdout
    assert not list(cache.rglob("*-pytest-*.pyc"))


@pytest.mark.parametrize(
    ("args", "code"),
    [(("-k", "nothing"), 5), (("--no-such-option",), 4), (("src/no_such_file.py",), 4)],
)
def test_exit_codes_are_those_of_pytest(
    stacks: dict[str, tuple[DeployedArchive, ...]],
    cache: Path,
    tmp_path: Path,
    args: tuple[str, ...],
    code: int,
) -> None:
    assert run(tmp_path, stacks, cache, "src/acme/tests/test_app.py", *args).returncode == code


def test_layers_without_pytest(
    stacks: dict[str, tuple[DeployedArchive, ...]], cache: Path, tmp_path: Path
) -> None:
    done = run(tmp_path, stacks, cache, tools="bare")
    assert (done.returncode, done.stderr) == (1, "error: `//:tests`: no layer has pytest\n")


def test_a_missing_archive(stacks: dict[str, tuple[DeployedArchive, ...]], tmp_path: Path) -> None:
    gone = DeployedArchive("gone.tar.zst", "app-a", "0" * 64, 1)
    done = run(tmp_path, {**stacks, "archives": (gone,)}, tmp_path / "cache")
    assert done.returncode == 1
    assert done.stderr.startswith("error: ")
    assert "gone.tar.zst" in done.stderr
