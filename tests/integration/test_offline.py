"""Packaging needs no network once everything that a lockfile names was fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import BuildRoot, Finished, build_root
from tests.support.http_server import serve
from tests.support.outputs import hashes
from tests.support.pants_under_test import PANTS

# A namespace of its own has no interface but a loopback that leads nowhere else.
_CUT_OFF = ["unshare", "--map-root-user", "--net", "--"]
_ASK = "import sys, urllib.request; urllib.request.urlopen(sys.argv[1], timeout=10)"


@pytest.fixture(scope="module", autouse=True)
def _namespaces() -> None:
    if shutil.which("unshare") is None:
        pytest.skip("there is no `unshare` to cut off the network with")
    done = subprocess.run([*_CUT_OFF, "true"], capture_output=True, text=True, check=False)
    if done.returncode != 0:
        pytest.skip(f"network namespaces are not permitted here: {done.stderr.strip()}")


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Iterator[BuildRoot]:
    folder = tmp_path_factory.mktemp("offline")
    environment = {
        "PANTS_LOCAL_STORE_DIR": str(folder / "store"),
        "PANTS_NAMED_CACHES_DIR": str(folder / "caches"),
        # A daemon that was started outside would have the network.
        "PANTS_PANTSD": "false",
    }
    with build_root(folder / "root", environment=environment) as root:
        root.copy_example("hello")
        yield root
    shutil.rmtree(folder)


def test_a_namespace_cuts_off_the_network() -> None:
    with serve({"/": b"here"}) as server:
        ask = [sys.executable, "-c", _ASK, server.url + "/"]
        assert subprocess.run(ask, check=False).returncode == 0
        cut_off = subprocess.run([*_CUT_OFF, *ask], capture_output=True, text=True, check=False)
    assert cut_off.returncode == 1
    assert server.requests == [("GET", "/")]


@pytest.mark.timeout(600)
def test_packages_without_network_from_an_empty_process_cache(
    root: BuildRoot, tmp_path: Path
) -> None:
    root.succeed("package", "examples/hello:")
    first = tmp_path / "first"
    shutil.move(str(root.path / "dist"), first)

    # Without the results of processes; the files that were downloaded are in the same store.
    done = subprocess.run(
        [*_CUT_OFF, str(PANTS), "-ldebug", "--no-local-cache", "package", "examples/hello:"],
        cwd=root.path,
        env=root._environment(None),
        stdin=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )

    assert done.returncode == 0, done.stderr
    started = Finished(done.returncode, "", done.stderr).started
    # The libraries of the actions are unpacked anew, too.
    unpacked = [name for name in started if re.fullmatch("Unpack .* for the actions", name)]
    assert len(unpacked) >= 5, started
    assert not any("pex" in name.lower() for name in started), started
    assert sum(name.startswith("Compress") for name in started) >= 3
    assert sum(name.startswith("Assemble") for name in started) == 3
    assert hashes(root.path / "dist") == hashes(first)
