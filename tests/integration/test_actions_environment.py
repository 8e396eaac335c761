"""The environment of the actions, on machines of all kinds: what their first runs start and say."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from uv import find_uv_bin

from tests.support.action_wheels import (
    SHIPPED,
    VERSION,
    PinnedArchive,
    interpreter_folder,
)
from tests.support.build_root import REPOSITORY, BuildRoot, Finished
from tests.support.http_server import serve
from tests.support.interpreters import capture
from tests.support.machines import FirstBuild, machine
from tests.support.shared_roots import shared_root

pytestmark = pytest.mark.xdist_group("first build")

OF_PEX_OR_PIP = re.compile(r"\b(?:pex|pip)[\d.]*\b", re.IGNORECASE)
HELLO = "examples/hello::"
HOWTO = REPOSITORY / "docs" / "how-to" / "actions-environment.md"


def scheduled(run: Finished) -> list[str]:
    """The description of each process, whether it ran or a cache had its result."""
    return re.findall(r"Starting: Scheduling: (.*)", run.stderr)


# ---------------------------------------------------------------------------------- what is started
def test_a_first_run_starts_nothing_of_pex_or_pip(first: FirstBuild) -> None:
    descriptions = scheduled(first.packaged)
    for goal in (
        ("test", HELLO),
        ("run", "examples/hello:hello"),
        ("venvstacks-show", HELLO),
        ("venvstacks-export", HELLO),
        ("generate-lockfiles", "--resolve=examples/hello:text"),
    ):
        descriptions += scheduled(first.succeed(*goal))
    commands = [" ".join(command) for command in first.machine.commands.values()]
    verbs = set(first.machine.actions)

    assert {"Compile the actions", "Unpack uv for the actions"} <= set(descriptions)
    assert verbs >= {
        *("compile-sources", "install-wheel", "wheel-segments", "assemble-archive"),
        # Pants keeps no script of the process of an export.
        *("check-imports", "launch", "lock-layer"),
    }
    assert [text for text in descriptions + commands if OF_PEX_OR_PIP.search(text)] == []


@pytest.mark.parametrize("text", ["Building x.pex", "/a/bin/pip3.9 install", "python -m pip"])
def test_processes_of_pex_and_pip_would_be_seen(text: str) -> None:
    assert OF_PEX_OR_PIP.search(text)


# ------------------------------------------------------------------------------- machines of others
@pytest.mark.slow
def test_pip_configuration_locale_and_names_of_folders_do_not_matter(tmp_path: Path) -> None:
    pip = "[global]\nconstraint = /nonexistent\nindex-url = http://127.0.0.1:9/simple\n"
    for path in ("xdg/pip/pip.conf", "pip.conf"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(pip)
    environment = {
        "XDG_CONFIG_DIRS": str(tmp_path / "xdg"),
        "PIP_CONFIG_FILE": str(tmp_path / "pip.conf"),
        "PIP_CONSTRAINT": "/nonexistent",
        "LC_ALL": "POSIX",
        "LANG": "C",
    }
    python = interpreter_folder() / f"python{'.'.join(VERSION.split('.')[:2])}"
    done = subprocess.run(
        [str(python), "-m", "pip", "download", "--no-deps", "--dest", str(tmp_path), "iniconfig"],
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    # So pip itself is stopped by this.
    assert done.returncode != 0
    assert "/nonexistent" in done.stderr

    with machine(tmp_path / "mächine ✓", environment=environment) as hostile:
        hostile.root.succeed("package", HELLO)
        assert len(hostile.built()) == 9
        assert "Hello" in hostile.root.succeed("run", "examples/hello:hello").stdout
        hostile.root.succeed("test", HELLO)
        assert "wheel-segments" in hostile.actions


# ------------------------------------------------------------------ interpreters, other libraries
def others(first: FirstBuild) -> list[str]:
    """The versions X.Y of CPython that this machine has beside that of the first build."""
    folders = [*Path.home().glob(".pyenv/versions/*/bin"), *map(Path, os.get_exec_path())]
    names = {f"python{version}" for version in ("3.9", "3.12", "3.13")}
    found = {path.name for folder in folders for name in names if (path := folder / name).is_file()}
    return sorted(name.removeprefix("python") for name in found - {first.interpreter})


def test_outputs_do_not_depend_on_the_interpreter(first: FirstBuild) -> None:
    """No process of the first build is remembered for another interpreter."""
    versions = others(first)
    if not versions:
        pytest.skip(f"there is one interpreter only, {first.interpreter}")
    first.machine.forget()
    constraint = f"--venvstacks-actions-interpreter-constraints=['CPython=={versions[-1]}.*']"
    first.succeed(constraint, "package", HELLO)
    names = {Path(path).name for path in first.machine.interpreters}
    assert names == {f"python{versions[-1]}"}
    assert first.machine.built() == first.built


def test_a_pinned_interpreter_runs_the_actions_where_there_is_none(
    first: FirstBuild, tmp_path: Path
) -> None:
    archive = capture(VERSION.rpartition(".")[0], tmp_path).archive
    release = "https://github.com/astral-sh/python-build-standalone/releases/download"
    pinned = PinnedArchive(f"{release}/20300101/cpython.tar.gz", archive)
    here = first.machine
    here.root.write("tools/pinned.toml", pinned.lock())
    here.forget()
    with serve({"/mirror/20300101/cpython.tar.gz": archive}) as server:
        first.succeed(
            "--venvstacks-actions-python=pbs",
            "--venvstacks-actions-lockfile=tools/pinned.toml",
            f"--venvstacks-python-mirror={server.url}/mirror",
            "--python-bootstrap-search-path=[]",
            "package",
            HELLO,
        )
    assert here.built() == first.built
    assert {"wheel-segments", "assemble-archive", "install-wheel"} <= set(here.actions)
    assert here.interpreters == {"_python/python/bin/python3"}
    assert server.requests == [("GET", "/mirror/20300101/cpython.tar.gz")]


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_example("hello")
        yield made


def test_no_interpreter_is_one_message(root: BuildRoot, tmp_path: Path) -> None:
    done = root.pants(f"--python-bootstrap-search-path=['{tmp_path}']", "package", HELLO)
    assert done.code == 1
    assert done.error == (
        "InterpreterError: No interpreter was found to run the actions of venvstacks_rules:\n"
        "  * wanted CPython>=3.9,<3.15 (`[venvstacks-actions].interpreter_constraints`)\n"
        f"  * searched {tmp_path} (`[python-bootstrap].search_path`)\n"
        "  * found no Python at all\n"
        "  * install such a CPython, add its folder to `[python-bootstrap].search_path`, or set "
        '`[venvstacks-actions].python = "pbs"`, which downloads one'
    )
    assert "Traceback" not in done.stderr
    assert done.stderr.count("No interpreter was found") == 1

    # The daemon does not remember it: what is wrong next is told as such.
    done = root.pants("--venvstacks-documents", "--venvstacks-builder-id=x y", "package", HELLO)
    assert done.error.startswith("DefinitionError: `[venvstacks].builder_id` cannot be used:")


def test_a_lockfile_that_does_not_fit_is_one_message(root: BuildRoot) -> None:
    text = SHIPPED.read_text()
    old = re.sub(r'(name = "packaging"\nversion = )"\d+', r'\1"24', text)
    old = re.sub(r"/packaging-\d+", "/packaging-24", old)
    packages = re.split(r"(?=\[\[packages\]\])", old)
    root.write("tools/old.toml", "".join(p for p in packages if 'name = "uv"' not in p))
    done = root.pants(
        "--venvstacks-actions-lockfile=tools/old.toml",
        "generate-lockfiles",
        "--resolve=examples/hello:text",
    )
    assert done.code == 1
    summary, *problems = done.error.splitlines()
    assert summary.startswith("LockError: The lockfile of the actions does not fit CPython 3.")
    assert [re.sub(r"24\.?[\d.]*", "24", problem) for problem in problems] == [
        "  * tools/old.toml: `packaging` 24 is too old for the actions. Lock `packaging>=25` "
        "instead.",
        "  * tools/old.toml: `uv` is missing for linux_x86_64. Lock `uv>=0.9` as well.",
    ]
    assert "Traceback" not in done.stderr


def test_a_lockfile_that_a_user_makes_as_the_how_to_says(first: FirstBuild) -> None:
    project, commands = how_to_lock()
    here = first.machine
    here.root.write("build-support/actions/pyproject.toml", project)
    subprocess.run(
        ["bash", "-euc", commands],
        cwd=here.root.path,
        env={**os.environ, "PATH": f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    lockfile = "build-support/actions/pylock.actions.toml"
    here.forget()
    first.succeed(f"--venvstacks-actions-lockfile={lockfile}", "package", HELLO)
    assert len(here.built()) == 9
    assert "zstandard-0.24.0-" not in SHIPPED.read_text()
    assert any(name.startswith("zstandard-0.24.0-") for name in here.unpacked)
    locked = here.root.read(lockfile)
    assert [name for name in here.unpacked if name not in locked] == []


def how_to_lock() -> tuple[str, str]:
    """The project and the commands that the how-to has for a lockfile of one's own."""
    section = HOWTO.read_text().partition("## Use other libraries")[2].partition("\n## ")[0]
    (project,) = re.findall(r"```toml\n(\[project\]\n.*?)```", section, re.DOTALL)
    (console,) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return project, "\n".join(line.removeprefix("$ ") for line in console.splitlines())
