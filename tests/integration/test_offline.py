"""Packaging needs no network once everything that a lockfile names was fetched."""

from __future__ import annotations

import re
import shutil
import subprocess
import sys

import pytest

from tests.support.build_root import Finished
from tests.support.http_server import serve
from tests.support.machines import FirstBuild
from tests.support.pants_under_test import PANTS

pytestmark = pytest.mark.xdist_group("first build")

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


def test_a_namespace_cuts_off_the_network() -> None:
    with serve({"/": b"here"}) as server:
        ask = [sys.executable, "-c", _ASK, server.url + "/"]
        assert subprocess.run(ask, check=False).returncode == 0
        cut_off = subprocess.run([*_CUT_OFF, *ask], capture_output=True, text=True, check=False)
    assert cut_off.returncode == 1
    assert server.requests == [("GET", "/")]


def test_packages_without_network_from_an_empty_process_cache(
    first: FirstBuild,
) -> None:
    root = first.machine.root
    first.machine.forget()

    # Without the results of processes; the files that were downloaded are in the same store.
    done = subprocess.run(
        [*_CUT_OFF, str(PANTS), "-ldebug", "--no-local-cache", "package", "examples/hello:"],
        cwd=root.path,
        # A daemon that was started outside would have the network.
        env=root._environment({"PANTS_PANTSD": "false"}),
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
    assert first.machine.built() == first.built
