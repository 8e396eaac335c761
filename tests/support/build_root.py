"""Scratch build roots in which Pants runs on the plugin of this tree."""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from tests.support import pants_under_test
from tests.support.pants_under_test import PANTS, pants_environment, pants_version

REPOSITORY = pants_under_test.REPOSITORY

_MACHINE = platform.machine()
NATIVE = (
    f"macosx_{_MACHINE}"
    if sys.platform == "darwin"
    else f"linux_{'aarch64' if _MACHINE == 'arm64' else _MACHINE}"
)
"""The target platform of this machine."""

_CONFIG = """\
[GLOBAL]
pants_version = "{version}"
pythonpath = ["{plugin}"]
backend_packages = ["pants.backend.python", "venvstacks_rules"]

[anonymous-telemetry]
enabled = false

[source]
root_patterns = ["/"]

[python]
interpreter_constraints = ["CPython>=3.9,<3.15"]

[python-bootstrap]
search_path = ["<PYENV>", "<PATH>"]

[venvstacks]
python_provider = "local"
"""

# Settings of the person or the build around us that would change what is tested; what the
# launcher itself sets for the machine is passed on.
_KEPT = ("PANTS_CA_CERTS_PATH", "PANTS_PEX_CLI_", "PANTS_PYTHON_BOOTSTRAP_SEARCH_PATH")
# Some goals of Pants use pex, whose pip would read what this machine sets for everybody.
_NO_PIP_CONFIG = {
    "PANTS_SUBPROCESS_ENVIRONMENT_ENV_VARS": "+['PIP_CONFIG_FILE=/dev/null']",
}
_DROPPED = ("PANTS_", "_PANTS_", "PYTHONPATH", "VIRTUAL_ENV", "UV_", "GIT_")


WORK = re.compile(
    r"^(?:[\d:.]+ )?\[INFO\] ((?:Assembled|Captured|Compressed|Downloaded|Found|Locked|Pinned) .*) "
    r"\((?:([\d.]+ [kMG]?B), )?(?:\d+ min )?[\d.]+ s\)$",
    re.MULTILINE,
)
"""A line of the log for a piece of work: what was done, and the size of what it read."""

_UNSEEN = re.compile(r"does not exist on disk in the workspace|Unmatched glob from CLI arguments")


@dataclass(frozen=True)
class Finished:
    """What a run of Pants left."""

    code: int
    stdout: str
    stderr: str

    @property
    def work(self) -> list[str]:
        """The pieces of work that ran, as the lines of the log tell, without times; sorted."""
        found = WORK.findall(self.stderr)
        return sorted(f"{done} ({size})" if size else done for done, size in found)

    @property
    def started(self) -> list[str]:
        """The descriptions of the processes that ran, as Pants itself tells with `-ldebug`."""
        assert "[DEBUG]" in self.stderr, "without -ldebug Pants tells of no process"
        # It also tells of rules, and of processes whether they had to run or not.
        scheduled = set(re.findall(r"\[DEBUG\] Starting: Scheduling: (.*)", self.stderr))
        ran = re.findall(r"\[DEBUG\] Starting: (?!Scheduling: )(.*)", self.stderr)
        return sorted(text for text in ran if text in scheduled)

    @property
    def counters(self) -> dict[str, int]:
        """Those of Pants itself, with `--stats-log`."""
        found = re.findall(r"^  (\w+): (\d+)$", self.stderr, re.MULTILINE)
        return {name: int(value) for name, value in found}

    @property
    def segments(self) -> dict[str, tuple[int, int]]:
        """How many segments were reused and built, by the archive's file name."""
        line = r"^    (\S+) +[\d.]+ [kMG]?B  segments: (\d+) reused, (\d+) built$"
        rows = re.findall(line, self.stderr, re.MULTILINE)
        return {
            name: (int(reused), int(built)) for name, reused, built in rows if name != "together"
        }

    @property
    def error(self) -> str:
        """The message that ended the run, with the name of its class."""
        _, _, text = self.stderr.partition("Engine traceback:\n")
        _, _, message = text.partition("\n\n")
        # What other rules were doing may be logged behind it.
        return re.split(r"^\d\d:\d\d:\d\d\.\d\d \[", message, flags=re.MULTILINE)[0].strip()


@dataclass(frozen=True)
class BuildRoot:
    """A folder with a ``pants.toml`` that loads the plugin from this tree."""

    path: Path
    environment: Mapping[str, str] = field(default_factory=dict)
    """Beside that of the tests."""
    keeps_daemon: bool = False
    """Whether no command may have the daemon start anew: it is for others, too."""
    options: Sequence[str] = ()
    """Of each command."""

    @classmethod
    def create(
        cls, path: Path, *, config: str = "", environment: Mapping[str, str] | None = None
    ) -> BuildRoot:
        """Make the folder; `config` goes to the end of ``pants.toml``, into `[venvstacks]`."""
        path.mkdir(parents=True)
        root = cls(path, environment or {})
        text = _CONFIG.format(version=pants_version(), plugin=REPOSITORY / "src" / "python")
        root.write("pants.toml", text + config)
        root.write(".gitignore", "/.pants.d/\n/.pids/\n/dist/\n")
        return root

    def configure(self, config: str) -> None:
        """Write settings beside ``pants.toml``, which begin in `[venvstacks]`."""
        Path(self.environment["PANTS_CONFIG_FILES"]).write_text(f"[venvstacks]\n{config}")

    def write(self, path: str, content: str | bytes) -> Path:
        """Write a file, and the folders above it."""
        file = self.path / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(content.encode() if isinstance(content, str) else content)
        return file

    def read(self, path: str) -> str:
        """The text of a file."""
        return (self.path / path).read_text()

    def copy_example(self, name: str) -> None:
        """Copy ``examples/<name>``, with its lockfiles, to the same place."""
        shutil.copytree(
            REPOSITORY / "examples" / name,
            self.path / "examples" / name,
            ignore=shutil.ignore_patterns("__pycache__"),
        )

    def copy_small_example(self) -> None:
        """Copy ``examples/hello``, with an interpreter that takes half as long to package."""
        self.copy_example("hello")
        build, runtime = self.read("examples/hello/BUILD"), 'requirements=["packaging"],'
        assert runtime in build
        parts = 'strip_interpreter=["development", "idlelib", "test", "tkinter"],'
        self.write("examples/hello/BUILD", build.replace(runtime, f"{runtime}\n    {parts}"))

    def pants(
        self,
        *arguments: str,
        stdin: str | None = None,
        environment: Mapping[str, str] | None = None,
        timeout: float = 600,
        folder: str = "",
    ) -> Finished:
        """Run Pants in a folder of the build root until it ends."""
        place = self.path / folder

        def run() -> subprocess.CompletedProcess[str]:
            return patient(
                [str(PANTS), *self.options, *arguments],
                cwd=place,
                # As a shell has it, which a user runs Pants in.
                env={**self._environment(environment), "PWD": str(place)},
                input=stdin or "",
                timeout=timeout,
            )

        done = run()
        if self.keeps_daemon:
            if _UNSEEN.search(done.stderr):
                # The files may have come while the daemon still heard that those of the user
                # before were removed. It hears of them soon; a new daemon reads all anew.
                time.sleep(2)
                done = run()
                if _UNSEEN.search(done.stderr):
                    self.stop()
                    done = run()
            assert "reinitializing scheduler..." not in done.stderr, (
                f"pants {' '.join(arguments)} sets what Pants starts anew for: use `build_root`"
            )
        return Finished(done.returncode, done.stdout, done.stderr)

    def succeed(self, *arguments: str, stdin: str | None = None) -> Finished:
        """Run Pants, which has to succeed."""
        done = self.pants(*arguments, stdin=stdin)
        assert done.code == 0, f"pants {' '.join(arguments)}:\n{done.stderr}\n{done.stdout}"
        return done

    def start(
        self, *arguments: str, environment: Mapping[str, str] | None = None
    ) -> subprocess.Popen[str]:
        """Start Pants in a process group of its own, with pipes for all that it says."""
        return subprocess.Popen(
            [str(PANTS), *self.options, *arguments],
            cwd=self.path,
            env=self._environment(environment),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def stop(self) -> None:
        """Stop the daemon of this build root, and wait for its end."""
        for pid in self.daemons():
            with contextlib.suppress(ProcessLookupError):
                _end(pid)

    def daemons(self) -> Iterator[int]:
        """The process id of the daemon of this build root, if one was started."""
        for file in self.path.glob(".pids/*/pantsd/pid"):
            with contextlib.suppress(ValueError):
                yield int(file.read_text())

    def _environment(self, more: Mapping[str, str] | None) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if name.startswith(_KEPT) or not name.startswith(_DROPPED)
        }
        return {**kept, **_NO_PIP_CONFIG, **pants_environment(), **self.environment, **(more or {})}


NO_DAEMON = "seconds while waiting for pantsd to start"
"""What Pants says if its daemon was not there after a minute: a busy machine needs longer."""


def patient(command: Sequence[str], **options: Any) -> subprocess.CompletedProcess[str]:
    """Run a command of Pants; again if its daemon was not there after a minute."""
    more = 2
    while True:
        done = subprocess.run(command, capture_output=True, text=True, check=False, **options)
        if not more or NO_DAEMON not in done.stderr:
            return done
        more -= 1


@contextlib.contextmanager
def build_root(
    path: Path, *, config: str = "", environment: Mapping[str, str] | None = None
) -> Iterator[BuildRoot]:
    """Make a scratch build root; at the end its daemon is stopped and the folder removed."""
    root = BuildRoot.create(path, config=config, environment=environment)
    try:
        yield root
    finally:
        root.stop()
        shutil.rmtree(path, ignore_errors=True)


def with_home(folder: Path) -> dict[str, str]:
    """Variables of a person with another home folder, on whose machine the same is installed."""
    home = Path.home()
    return {
        "XDG_CACHE_HOME": os.environ.get("XDG_CACHE_HOME") or f"{home}/.cache",
        "XDG_DATA_HOME": os.environ.get("XDG_DATA_HOME") or f"{home}/.local/share",
        "PYENV_ROOT": os.environ.get("PYENV_ROOT") or f"{home}/.pyenv",
        "HOME": str(folder),
    }


def _end(pid: int) -> None:
    os.kill(pid, signal.SIGTERM)
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        os.kill(pid, 0)  # ProcessLookupError when it is gone
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
