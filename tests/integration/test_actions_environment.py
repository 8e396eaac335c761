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
from dataclasses import dataclass, field
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
from tests.support.private_index import (
    PASSWORD,
    USER,
    PrivateIndex,
    netrc,
    private_index,
    secrets,
)

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
    def interpreters(self) -> set[str]:
        """Those that ran actions."""
        return {path for paths in self.actions.values() for path in paths}

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
QUOTED = quote(PASSWORD, safe="")


@dataclass(frozen=True)
class Mirrored:
    """A machine that reaches a private index with the wheels of the actions, and nothing else."""

    machine: Machine
    index: PrivateIndex
    wheels: dict[str, bytes]
    """The wheels that the index should have, by file name."""
    said: list[str] = field(default_factory=list)
    """All that Pants said."""

    def pants(self, *arguments: str, mirror: str = "", **credentials: str) -> Finished:
        """Run Pants with that URL of the index, by default the one without credentials."""
        # A level in PANTS_LEVEL has Pants' client print all variables, credentials and all.
        environment = {"MIRROR": mirror or self.index.url, **credentials}
        done = self.machine.root.pants("-ldebug", *arguments, environment=environment)
        self.said.append(done.stdout + done.stderr)
        return done

    def named(self, package: str) -> str:
        """The file name of a package's wheel."""
        (name,) = (name for name in self.wheels if name.startswith(f"{package}-"))
        return name

    def tampered(self, name: str) -> bytes:
        """Other bytes under a right name."""
        return self.wheels[name][:-1] + b"\1"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mirrored]:
    folder = tmp_path_factory.mktemp("mirrored")
    (folder / "wheels").mkdir()
    wheels = fetched(wheels_here(), folder / "wheels")
    config = '[python-repos]\nindexes = ["%(env.MIRROR)s"]\n'
    with private_index(folder / "index") as index:
        environment = {
            # The proxy leads nowhere but to the index.
            **index.way,
            SEARCH_PATH: str([str(interpreter_folder())]),
            # Not in the way of SSL_CERT_FILE.
            "SSL_CERT_DIR": "",
        }
        with machine(folder / "machine", config=config, environment=environment) as here:
            here.root.write("s/BUILD", RUNTIME)
            yield Mirrored(here, index, wheels)


@pytest.mark.timeout(600)
def test_libraries_come_from_an_index_with_credentials_of_netrc(
    site: Mirrored, tmp_path: Path
) -> None:
    zstandard = site.named("zstandard")
    tampered = site.tampered(zstandard)
    site.index.add({**site.wheels, zstandard: tampered})
    (tmp_path / "netrc").write_text(netrc())
    own = {"NETRC": str(tmp_path / "netrc")}
    done = site.pants("generate-lockfiles", "--resolve=s:py", **own)
    assert done.code == 0, done.stderr

    done = site.pants("package", "s:py", **own)
    place = f"{site.index.url.removesuffix('/simple/')}/packages/{zstandard}"
    wrong, right = (hashlib.sha256(b).hexdigest() for b in (tampered, site.wheels[zstandard]))
    assert done.code == 1
    assert done.error == (
        "LockError: A library of the actions cannot be downloaded:\n"
        f"  * `{zstandard}` was not found:\n"
        f"    {place}: has SHA-256 {wrong}, {right} is locked\n"
        "    Check the network and `[GLOBAL].ca_certs_path`, or name a mirror in "
        "`[python-repos].indexes` or `find_links`."
    )


@pytest.mark.timeout(600)
def test_libraries_come_from_an_index_with_credentials_in_its_url(site: Mirrored) -> None:
    site.index.add(site.wheels)
    scheme, _, rest = site.index.url.partition("://")
    done = site.pants("package", "s:py", mirror=f"{scheme}://{USER}:{QUOTED}@{rest}")
    assert done.code == 0, done.stderr
    served = {path for _, path, status in site.index.answers if status == 200}
    unpacked = site.machine.unpacked
    assert {name.split("-")[0] for name in unpacked} >= {"uv", "tomli", "zstandard"}
    assert {f"/packages/{name}" for name in unpacked} <= served


@pytest.mark.timeout(600)
def test_libraries_come_from_a_folder_and_a_page_of_links(site: Mirrored) -> None:
    """With a lockfile that says no sizes, as of an index that says none; the page has no hashes."""
    root = site.machine.root
    lock = re.sub(r'(?<=\.whl", )size = \d+, ', "", SHIPPED.read_text())
    assert lock.count("size = ") == lock.count("platform = ")
    root.write("tools/pylock.toml", lock)
    unpacked = site.machine.unpacked
    own, other = site.named("tomli"), site.named("zstandard")
    root.write(f"wheelhouse/{own}", site.wheels[own])
    root.write(f"wheelhouse/{other}", site.tampered(other))
    linked = {quote(name): content for name, content in site.wheels.items() if name != own}
    files = {f"/files/{name}": content for name, content in linked.items()}
    page = "".join(f'<a href="files/{name}">{name}</a>' for name in linked).encode()
    answered = len(site.index.answers)
    with serve({"/links.html": page, **files}) as server:
        options = (
            "--python-repos-indexes=[]",
            f"--python-repos-find-links=['wheelhouse', '{server.url}/links.html']",
            "--venvstacks-actions-lockfile=tools/pylock.toml",
        )
        for goal in (("generate-lockfiles", "--resolve=s:py"), ("package", "s:py")):
            done = site.pants(*options, *goal)
            assert done.code == 0, done.stderr
    downloaded = [path for _, path in server.requests if path != "/links.html"]
    assert sorted(downloaded) == sorted(f"/files/{quote(name)}" for name in unpacked - {own})
    assert site.index.answers[answered:] == []
    # The servers were asked once, and may be gone.
    assert site.pants(*options, "package", "s:py").code == 0


def test_nothing_secret_of_a_mirror_is_left_anywhere(site: Mirrored) -> None:
    """In logs, sandboxes and their scripts, in stores with their keys, and in the build root."""
    hidden = {**secrets(), "the password in a URL": QUOTED.encode()}
    searched = 0
    for parent, _, names in os.walk(site.machine.folder):
        for name in names:
            path = Path(parent, name)
            if path.is_file() and not path.is_symlink():
                content = path.read_bytes()
                searched += 1
                assert [what for what, text in hidden.items() if text in content] == [], path
    assert searched > 500
    assert any("fetch-wheel" in command for command in site.machine.commands.values())
    assert list((site.machine.folder / "caches" / "venvstacks_network").iterdir()) == []
    said = "".join(site.said)
    assert "Download zstandard for the actions" in said
    assert [what for what, text in hidden.items() if text.decode() in said] == []


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
def builds(here: Machine) -> dict[str, dict[str, str]]:
    """What each of these interpreters builds; no process of one is remembered for another."""
    found = {}
    for version in interpreters():
        here.forget()
        constraint = f"--venvstacks-actions-interpreter-constraints=['CPython=={version}.*']"
        here.root.succeed(constraint, "package", HELLO)
        assert {Path(path).name for path in here.interpreters} == {f"python{version}"}
        found[version] = here.built()
    return found


@pytest.mark.timeout(600)
def test_outputs_do_not_depend_on_the_interpreter(builds: dict[str, dict[str, str]]) -> None:
    first, *others = builds.values()
    if not others:
        pytest.skip(f"there is one interpreter only, CPython {VERSION}")
    assert others == [first] * len(others)


@pytest.mark.timeout(600)
def test_a_pinned_interpreter_runs_the_actions_where_there_is_none(
    here: Machine, builds: dict[str, dict[str, str]], tmp_path: Path
) -> None:
    version = VERSION.rpartition(".")[0]
    archive = capture(version, tmp_path).archive
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
    assert here.built() == builds[version]
    assert {"wheel-segments", "assemble-archive", "install-wheel"} <= set(here.actions)
    assert here.interpreters == {"_python/python/bin/python3"}
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
    here.forget()
    here.root.succeed(f"--venvstacks-actions-lockfile={lockfile}", "package", HELLO)
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
