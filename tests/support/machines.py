"""Machines on which nothing was built before, and what the processes of builds on them were."""

from __future__ import annotations

import contextlib
import json
import re
import shutil
import subprocess
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from tests.support.build_root import BuildRoot, Finished, build_root
from tests.support.outputs import hashes

TALKATIVE = ("-ldebug",)
"""Tells which processes run. A daemon starts anew for another level."""


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
            try:
                line = script.read_text().splitlines()[-1]
            except FileNotFoundError:
                continue  # Pants removes the sandbox of a process that it canceled
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
            if "--request" in command:
                verb = command[command.index("--request") - 1]
                found.setdefault(verb, set()).add(command[0])
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
            shutil.rmtree(sandbox, ignore_errors=True)
        shutil.rmtree(self.root.path / "dist", ignore_errors=True)

    def built(self) -> dict[str, str]:
        """The hashes of what was built."""
        found = hashes(self.root.path / "dist")
        assert len(found) == 9
        return found


@dataclass(frozen=True)
class FirstBuild:
    """A machine, and the first that was done there: a build of examples/hello."""

    machine: Machine
    packaged: Finished
    built: Mapping[str, str]
    """The hashes of what it made."""
    interpreter: str
    """The file name of the one that ran the actions."""

    @property
    def root(self) -> BuildRoot:
        """Of the machine, for commands that do not have its daemon start anew."""
        return replace(self.machine.root, options=TALKATIVE)

    def succeed(self, *arguments: str) -> Finished:
        """Run Pants, which has to succeed, by the daemon of the first build."""
        return self.root.succeed(*arguments)


@contextlib.contextmanager
def first_build(folder: Path) -> Iterator[FirstBuild]:
    """Make a machine in `folder`, and build there; at the end it is removed."""
    with machine(folder) as made:
        packaged = made.root.succeed(*TALKATIVE, "package", "examples/hello::")
        (interpreter,) = {Path(path).name for path in made.interpreters}
        yield FirstBuild(made, packaged, made.built(), interpreter)


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
        root.copy_small_example()
        yield Machine(root, folder)
    shutil.rmtree(folder, ignore_errors=True)
