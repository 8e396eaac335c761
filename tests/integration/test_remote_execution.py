"""What is built by remote execution, on real workers that have no network."""

from __future__ import annotations

import re
import shutil
import socket
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.build_root import BuildRoot, Finished, build_root
from tests.support.outputs import hashes
from tests.support.remote_execution import Placed, Workers, workers

APP = "examples/hello:hello"
ENVIRONMENT = '__defaults__(all=dict(environment="workers"))\n'
CONFIG = """
[environments-preview.names]
workers = "//:workers"

[stats]
log = true
"""
# Named by the user, even if it is the default, an index is asked for the wheels of the actions.
MIRROR = """
[python-repos]
indexes = ["https://plain.example/simple/"]
"""

pytestmark = pytest.mark.timeout(600)


@dataclass(frozen=True)
class Site:
    """A repository whose layers are built by workers."""

    root: BuildRoot
    workers: Workers

    def succeed(self, *arguments: str) -> tuple[Finished, Placed]:
        """Run Pants, which has to succeed and to say where it runs what."""
        done = self.root.succeed("-ldebug", *arguments)
        return done, Placed.read(done.stderr)

    def built_here(self, *arguments: str) -> dict[str, str]:
        """The hashes of what is built by this machine alone, with a store of its own."""
        store = self.root.path.parent / "other-store"
        self.root.succeed("--no-remote-execution", f"--local-store-dir={store}", *arguments)
        return self.written()

    def written(self) -> dict[str, str]:
        """The hashes of what is in `dist`, which is removed."""
        dist = self.root.path / "dist"
        found = hashes(dist)
        shutil.rmtree(dist)
        return found


@pytest.fixture(scope="module")
def started(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Workers]:
    folder = tmp_path_factory.mktemp("workers")
    with workers(folder) as found:
        yield found
    shutil.rmtree(folder)


@pytest.fixture(scope="module")
def site(started: Workers, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Site]:
    folder = tmp_path_factory.mktemp("remote")
    environment = {
        **started.options,
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "PANTS_NAMED_CACHES_DIR": str(folder / "caches"),
        # The log of the daemon holds what is wanted here.
        "PANTS_PANTSD": "false",
    }
    with build_root(folder / "root", config=CONFIG + MIRROR, environment=environment) as root:
        root.copy_example("hello")
        root.write("BUILD", started.target + ENVIRONMENT)
        yield Site(root, started)
    shutil.rmtree(folder)


def test_packages_on_workers_the_same_bytes_as_here(site: Site) -> None:
    expected = site.built_here("package", "examples/hello::")
    assert len(expected) == 9

    _, placed = site.succeed("package", "examples/hello::")

    assert site.written() == expected
    here, there = set(placed.local), set(placed.remote)
    compressed = {name for name in there if name.startswith("Compress ")}
    assert len(compressed) >= 4
    assert len({name for name in there if name.startswith("Assemble ")}) == 3
    assert len({name for name in there if name.startswith("Analyze ")}) == 3
    assert {name for name in there if name.startswith("Ask ")} == {
        f"Ask {_interpreter(there)} for its version"
    }
    # Those who have the network, and those who look at this machine.
    downloads = {name for name in here if name.startswith("Download ")}
    assert "Download zstandard for the actions" in downloads
    assert {"Find CPython 3.9 on this machine", "Compile the actions"} <= here
    assert any(name.startswith("Capture CPython 3.9.") for name in here)
    assert not {name for name in here if re.match("Compress|Assemble|Analyze|Check", name)}
    assert not {name for name in there if re.match("Download|Find CPython|Capture", name)}
    assert placed.counters["remote_execution_requests"] == sum(placed.remote.values())
    assert placed.counters["remote_execution_success"] == sum(placed.remote.values())
    assert placed.counters["local_execution_requests"] == sum(placed.local.values())


def _interpreter(descriptions: set[str]) -> str:
    (path,) = {m[1] for m in (re.match("Ask (.*) for its", name) for name in descriptions) if m}
    return path
