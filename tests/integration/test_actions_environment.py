"""The environment of the actions, on machines of all kinds: what their first runs start and say."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest
from uv import find_uv_bin

from tests.support.action_wheels import (
    SHIPPED,
    VERSION,
    PinnedArchive,
    fetched,
    interpreter_folder,
    wheels_here,
)
from tests.support.build_root import REPOSITORY, BuildRoot, Finished, build_root
from tests.support.http_server import serve
from tests.support.interpreters import capture
from tests.support.outputs import hashes
from tests.support.private_index import PASSWORD, USER, netrc, private_index, secrets

OF_PEX_OR_PIP = re.compile(r"\b(?:pex|pip)[\d.]*\b", re.IGNORECASE)
HELLO = "examples/hello::"
SEARCH_PATH = "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH"
HOWTO = REPOSITORY / "docs" / "how-to" / "actions-environment.md"


@dataclass(frozen=True)
class Machine:
    """A build root with stores of its own, empty at first, that keeps the sandboxes."""

    root: BuildRoot
    folder: Path
    """Of everything."""

    @property
    def commands(self) -> dict[Path, list[str]]:
        """The command line of each process that ran, by sandbox."""
        found = {}
        for script in sorted((self.folder / "sandboxes").glob("*/__run.sh")):
            line = script.read_text().splitlines()[-1]
            # Bash reads its own quotes.
            words = line.replace("env -i", "printf '%s\\0'", 1)
            said = subprocess.run(["bash", "-c", words], capture_output=True, text=True, check=True)
            command = said.stdout.split("\0")[:-1]
            while re.match(r"\w+=", command[0]):
                del command[0]
            found[script.parent] = command
        return found

    @property
    def actions(self) -> dict[str, set[str]]:
        """The interpreters that ran actions, by verb."""
        found: dict[str, set[str]] = {}
        for command in self.commands.values():
            places = [i for i, word in enumerate(command) if Path(word).name == "_actions"]
            if places:
                found.setdefault(command[places[0] + 1], set()).add(command[0])
        return found

    @property
    def unpacked(self) -> set[str]:
        """The file names of the wheels that were unpacked for the actions."""
        return {
            json.loads((sandbox / "request.json").read_text())["file_name"]
            for sandbox, command in self.commands.items()
            if "install-wheel" in command
        }

    def forget(self) -> None:
        """Remove what was kept of the processes, and what was built."""
        for sandbox in (self.folder / "sandboxes").glob("pants-sandbox-*"):
            shutil.rmtree(sandbox)
        shutil.rmtree(self.root.path / "dist", ignore_errors=True)

    def built(self) -> dict[str, str]:
        """The hashes of what was built."""
        found = hashes(self.root.path / "dist")
        assert len(found) == 9
        return found


@contextlib.contextmanager
def machine(
    folder: Path, *, config: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[Machine]:
    """Make a machine in `folder`; at the end it is removed."""
    everything = {
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "PANTS_NAMED_CACHES_DIR": str(folder / "caches"),
        "PANTS_LOCAL_EXECUTION_ROOT_DIR": str(folder / "sandboxes"),
        "PANTS_KEEP_SANDBOXES": "always",
        **(environment or {}),
    }
    (folder / "sandboxes").mkdir(parents=True)
    with build_root(folder / "root", config=config, environment=everything) as root:
        root.copy_example("hello")
        yield Machine(root, folder)
    shutil.rmtree(folder)


def scheduled(run: Finished) -> list[str]:
    """The description of each process, whether it ran or a cache had its result."""
    return re.findall(r"Starting: Scheduling: (.*)", run.stderr)


# ---------------------------------------------------------------------------------- what is started
@pytest.mark.timeout(600)
def test_a_first_run_starts_nothing_of_pex_or_pip(
    tmp_path_factory: pytest.TempPathFactory,
) -> None:
    # What is looked for is not in the name of a folder.
    with machine(tmp_path_factory.mktemp("first") / "machine") as first:
        descriptions = []
        for goal in (
            ("package", HELLO),
            ("test", HELLO),
            ("run", "examples/hello:hello"),
            ("venvstacks-show", HELLO),
            ("venvstacks-export", HELLO),
            ("generate-lockfiles", "--resolve=examples/hello:text"),
        ):
            descriptions += scheduled(first.root.succeed("-ldebug", *goal))
        commands = [" ".join(command) for command in first.commands.values()]
        verbs = set(first.actions)

    assert {"Compile the actions", "Unpack uv for the actions"} <= set(descriptions)
    assert verbs >= {
        *("compile-sources", "install-wheel", "wheel-segments", "assemble-archive"),
        *("check-imports", "launch", "export-layers", "lock-layer"),
    }
    assert [text for text in descriptions + commands if OF_PEX_OR_PIP.search(text)] == []


@pytest.mark.parametrize("text", ["Building x.pex", "/a/bin/pip3.9 install", "python -m pip"])
def test_processes_of_pex_and_pip_would_be_seen(text: str) -> None:
    assert OF_PEX_OR_PIP.search(text)


# ------------------------------------------------------------------------------- machines of others
@pytest.mark.timeout(600)
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


# ------------------------------------------------------------------------------------------ mirrors
RUNTIME = 'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'


@pytest.mark.timeout(600)
def test_libraries_come_from_a_private_index_or_from_links(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wheels = fetched(wheels_here(), tmp_path / "wheels")
    (zstandard,) = (name for name in wheels if name.startswith("zstandard-"))
    tampered = wheels[zstandard][:-1] + b"\1"
    said: list[str] = []

    with (
        private_index(tmp_path / "index") as index,
        machine(
            tmp_path / "machine",
            config='[python-repos]\nindexes = ["%(env.MIRROR)s"]\n',
            environment={
                **index.way,
                SEARCH_PATH: str([str(interpreter_folder())]),
                # Not in the way of SSL_CERT_FILE.
                "SSL_CERT_DIR": "",
            },
        ) as here,
    ):
        index.add({**wheels, zstandard: tampered})
        here.root.write("s/BUILD", RUNTIME)

        def pants(*arguments: str, mirror: str = index.url, **credentials: str) -> Finished:
            # A level in PANTS_LEVEL has Pants' client print all variables, credentials and all.
            environment = {"MIRROR": mirror, **credentials}
            done = here.root.pants("-ldebug", *arguments, environment=environment)
            said.append(done.stdout + done.stderr)
            return done

        # Credentials of netrc.
        netrc_file = tmp_path / "elsewhere.netrc"
        netrc_file.write_text(netrc())
        done = pants("generate-lockfiles", "--resolve=s:py", NETRC=str(netrc_file))
        assert done.code == 0, done.stderr

        done = pants("package", "s:py", NETRC=str(netrc_file))
        assert done.code == 1
        place = f"{index.url.removesuffix('/simple/')}/packages/{zstandard}"
        wrong, right = (hashlib.sha256(b).hexdigest() for b in (tampered, wheels[zstandard]))
        assert done.error == (
            "LockError: A library of the actions cannot be downloaded:\n"
            f"  * `{zstandard}` was not found:\n"
            f"    {place}: has SHA-256 {wrong}, {right} is locked\n"
            "    Check the network and `[GLOBAL].ca_certs_path`, or name a mirror in "
            "`[python-repos].indexes` or `find_links`."
        )

        # Credentials in the URL.
        index.add({zstandard: wheels[zstandard]})
        scheme, _, rest = index.url.partition("://")
        quoted = quote(PASSWORD, safe="")
        done = pants("package", "s:py", mirror=f"{scheme}://{USER}:{quoted}@{rest}")
        assert done.code == 0, done.stderr
        # The proxy leads nowhere else.
        served = {path for _, path, status in index.answers if status == 200}
        unpacked = here.unpacked
        assert {name.split("-")[0] for name in unpacked} >= {"uv", "tomli", "zstandard"}
        assert {f"/packages/{name}" for name in unpacked} <= served

        # A folder of the repository, and a page of links that says no hashes.
        here.forget()
        here.root.write(f"wheelhouse/{zstandard}", tampered)
        (own,) = (name for name in unpacked if name.startswith("tomli-"))
        here.root.write(f"wheelhouse/{own}", wheels[own])
        others = {name: content for name, content in wheels.items() if name != own}
        page = "".join(f'<a href="files/{quote(name)}">{name}</a>' for name in others).encode()
        files = {f"/files/{quote(name)}": content for name, content in others.items()}
        answered = len(index.answers)
        with serve({"/links.html": page, **files}) as server:
            links = f"['wheelhouse', '{server.url}/links.html']"
            instead = ("--python-repos-indexes=[]", f"--python-repos-find-links={links}")
            done = pants("generate-lockfiles", "--resolve=s:py", *instead)
            assert done.code == 0, done.stderr
            done = pants("package", *instead, "s:py")
            assert done.code == 0, done.stderr
        downloaded = {path for _, path in server.requests} - {"/links.html"}
        assert downloaded == {f"/files/{quote(name)}" for name in unpacked - {own}}
        assert index.answers[answered:] == []

        _check_that_nothing_secret_is_left(here, said, quoted)


def _check_that_nothing_secret_is_left(here: Machine, said: list[str], quoted: str) -> None:
    """In logs, sandboxes and their scripts, in stores with their keys, and in the build root."""
    hidden = {**secrets(), "the password in a URL": quoted.encode()}
    searched = 0
    for parent, _, names in os.walk(here.folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                searched += 1
                assert [what for what, text in hidden.items() if text in content] == [], path
    assert searched > 500
    assert any("fetch-wheel" in command for command in here.commands.values())
    assert list((here.folder / "caches" / "venvstacks_network").iterdir()) == []
    text = "".join(said)
    assert "Download zstandard for the actions" in text
    assert [what for what, word in hidden.items() if word.decode() in text] == []


# ------------------------------------------------------------------ interpreters, other libraries
@pytest.fixture(scope="module")
def here(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Machine]:
    with machine(tmp_path_factory.mktemp("choices") / "machine") as here:
        yield here


def interpreters() -> list[str]:
    """The versions X.Y of CPython on this machine, of those that the tests try."""
    folders = [*Path.home().glob(".pyenv/versions/*/bin"), *map(Path, os.get_exec_path())]
    found = [VERSION.rpartition(".")[0]]
    for version in ("3.9", "3.12", "3.13"):
        if any((folder / f"python{version}").is_file() for folder in folders):
            found.append(version)
    return sorted(set(found))


@pytest.fixture(scope="module")
def built(here: Machine) -> dict[str, str]:
    """What the newest interpreter of this machine builds."""
    here.root.succeed("package", HELLO)
    return here.built()


@pytest.mark.timeout(600)
@pytest.mark.parametrize("version", interpreters())
def test_outputs_do_not_depend_on_the_interpreter(
    here: Machine, built: dict[str, str], version: str
) -> None:
    here.forget()
    constraint = f"--venvstacks-actions-interpreter-constraints=['CPython=={version}.*']"
    # Another program of the same archive would be a result of another interpreter.
    here.root.succeed(constraint, "package", HELLO)
    assert here.built() == built
    used = {path for paths in here.actions.values() for path in paths}
    # None ran again if it is the newest one.
    assert all(Path(path).name == f"python{version}" for path in used)


@pytest.mark.timeout(600)
def test_a_pinned_interpreter_runs_the_actions_where_there_is_none(
    here: Machine, built: dict[str, str], tmp_path: Path
) -> None:
    archive = capture(VERSION.rpartition(".")[0], tmp_path).archive
    release = "https://github.com/astral-sh/python-build-standalone/releases/download"
    pinned = PinnedArchive(f"{release}/20300101/cpython.tar.gz", archive)
    here.root.write("tools/pinned.toml", pinned.lock())
    here.forget()
    with serve({"/mirror/20300101/cpython.tar.gz": archive}) as server:
        here.root.succeed(
            "--venvstacks-actions-python=pbs",
            "--venvstacks-actions-lockfile=tools/pinned.toml",
            f"--venvstacks-python-mirror={server.url}/mirror",
            "--python-bootstrap-search-path=[]",
            "package",
            HELLO,
        )
    assert here.built() == built
    assert {"wheel-segments", "assemble-archive", "install-wheel"} <= set(here.actions)
    assert {path for paths in here.actions.values() for path in paths} == {
        "_python/python/bin/python3"
    }
    assert server.requests == [("GET", "/mirror/20300101/cpython.tar.gz")]


def test_no_interpreter_is_one_message(here: Machine, tmp_path: Path) -> None:
    done = here.root.pants(f"--python-bootstrap-search-path=['{tmp_path}']", "package", HELLO)
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


def test_a_lockfile_that_does_not_fit_is_one_message(here: Machine) -> None:
    text = SHIPPED.read_text()
    old = re.sub(r'(name = "packaging"\nversion = )"\d+', r'\1"24', text)
    old = re.sub(r"/packaging-\d+", "/packaging-24", old)
    packages = re.split(r"(?=\[\[packages\]\])", old)
    here.root.write("tools/old.toml", "".join(p for p in packages if 'name = "uv"' not in p))
    done = here.root.pants(
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


@pytest.mark.timeout(600)
def test_a_lockfile_that_a_user_makes_as_the_how_to_says(here: Machine) -> None:
    project, commands = how_to_lock()
    here.root.write("build-support/actions/pyproject.toml", project)
    subprocess.run(
        ["bash", "-euc", commands],
        cwd=here.root.path,
        env={**os.environ, "PATH": f"{Path(find_uv_bin()).parent}:{os.environ['PATH']}"},
        capture_output=True,
        check=True,
    )
    lockfile = "build-support/actions/pylock.actions.toml"
    ours, theirs = SHIPPED.read_text(), here.root.read(lockfile)
    assert "zstandard-0.24.0" not in ours
    here.forget()
    here.root.succeed(f"--venvstacks-actions-lockfile={lockfile}", "package", HELLO)
    assert len(here.built()) == 9
    unpacked = here.unpacked
    assert any(name.startswith("zstandard-0.24.0-") for name in unpacked)
    assert [name for name in unpacked if name not in theirs] == []
    shipped = {name.split("-")[0] for name in unpacked}
    assert shipped <= {"cramjam", "zstandard"}


def how_to_lock() -> tuple[str, str]:
    """The project and the commands that the how-to has for a lockfile of one's own."""
    section = HOWTO.read_text().partition("## Use other libraries")[2].partition("\n## ")[0]
    (project,) = re.findall(r"```toml\n(\[project\]\n.*?)```", section, re.DOTALL)
    (console,) = re.findall(r"```console\n(.*?)```", section, re.DOTALL)
    return project, "\n".join(line.removeprefix("$ ") for line in console.splitlines())
