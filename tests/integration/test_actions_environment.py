"""The environment of the actions, on machines of all kinds: what their first runs start and say."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
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
        "PANTS_LEVEL": "debug",
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
            descriptions += scheduled(first.root.succeed(*goal))
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
@pytest.mark.timeout(600)
def test_libraries_come_from_a_private_index_or_from_links(tmp_path: Path) -> None:
    (tmp_path / "wheels").mkdir()
    wheels = fetched(wheels_here(), tmp_path / "wheels")
    (zstandard,) = (name for name in wheels if name.startswith("zstandard-"))
    tampered = wheels[zstandard][:-1] + b"\0"
    said: list[str] = []

    with (
        private_index(tmp_path / "index") as index,
        machine(
            tmp_path / "machine",
            config='[python-repos]\nindexes = ["%(env.MIRROR)s"]\n',
            environment={
                **index.way,
                SEARCH_PATH: str([str(interpreter_folder())]),
                "SSL_CERT_DIR": "",
            },
        ) as here,
    ):
        index.add({**wheels, zstandard: tampered})
        here.root.write(
            "s/BUILD", 'venvstacks_runtime(name="py", python_implementation="cpython@3.9")\n'
        )

        def pants(*arguments: str, mirror: str = index.url, **credentials: str) -> Finished:
            done = here.root.pants(*arguments, environment={"MIRROR": mirror, **credentials})
            said.append(done.stdout + done.stderr)
            return done

        # Credentials of netrc.
        netrc_file = tmp_path / "elsewhere.netrc"
        netrc_file.write_text(netrc())
        done = pants("generate-lockfiles", "--resolve=s:py", NETRC=str(netrc_file))
        assert done.code == 0, done.stderr
        asked = len(index.answers)

        done = pants("package", "s:py", NETRC=str(netrc_file))
        assert done.code == 1
        print(done.error)

        # Credentials in the URL.
        index.add({zstandard: wheels[zstandard]})
        scheme, _, rest = index.url.partition("://")
        url = f"{scheme}://{USER}:{quote(PASSWORD, safe='')}@{rest}"
        done = pants("package", "s:py", mirror=url)
        assert done.code == 0, done.stderr
        assert here.unpacked
        print(here.unpacked, asked, index.answers)
