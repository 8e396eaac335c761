"""The example of a monorepo: what its applications do, and which processes an edit costs."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import socket
import time
import urllib.request
from collections.abc import Iterator

import pytest

from tests.support.build_root import BuildRoot
from tests.support.shared_roots import shared_root

HERE = "examples/monorepo"
CODE = f"{HERE}/src/python/shop"
STACKS = f"{HERE}/stacks"


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root(config=f'\n[source]\nroot_patterns = ["/{HERE}/src/python"]\n') as made:
        made.copy_example("monorepo")
        made.succeed("package", f"{STACKS}:")
        yield made


@pytest.fixture
def edited(root: BuildRoot) -> Iterator[BuildRoot]:
    """The build root, whose files are put back after the test, and packaged as they were."""
    before = {
        path: path.read_bytes()
        for path in (root.path / HERE).rglob("*")
        if path.is_file() and path.suffix in (".py", ".txt", ".toml")
    }
    yield root
    for path, content in before.items():
        if path.read_bytes() != content:
            path.write_bytes(content)
    root.succeed("package", f"{STACKS}:")


def new_number() -> int:
    """One that no earlier run had, whose results the cache still has."""
    return time.time_ns()


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def test_the_server_answers(root: BuildRoot) -> None:
    port = free_port()
    server = root.start("run", f"{STACKS}:api", environment={"PORT": str(port)})
    try:
        deadline = time.monotonic() + 120
        while True:
            try:
                with urllib.request.urlopen(f"http://127.0.0.1:{port}/prices/apple") as answer:
                    assert json.load(answer) == {"price": 3}
                break
            except OSError:
                assert time.monotonic() < deadline
                assert server.poll() is None
                time.sleep(0.2)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(server.pid, signal.SIGINT)
        server.communicate(timeout=60)


@pytest.mark.parametrize("variant", ["plain", "pretty"])
def test_the_command_line_counts(root: BuildRoot, variant: str) -> None:
    address = f"{STACKS}:cli@requirements={variant}"
    assert root.succeed("run", address, "--", "apple", "bread").stdout == "0.28\n"
    done = root.pants("run", address, "--", "pear")
    assert (done.code, done.stdout) == (1, "")
    assert done.stderr.endswith("Error: no pear: there are apple, bread, cheese\n")


WEB = "Assembled framework-web.tar.zst"
CLI = ["Assembled app-cli-plain.tar.zst", "Assembled app-cli-pretty.tar.zst"]


@pytest.mark.parametrize(
    ("path", "more", "expected", "processes"),
    [
        (f"{CODE}/catalog/stock.py", "\n# {}\n", [WEB], 1),
        # One process makes the module of it.
        (f"{CODE}/catalog/prices.txt", "dates {}\n", [WEB], 2),
        (f"{CODE}/api/server.py", "\n# {}\n", ["Assembled app-api.tar.zst"], 1),
        (f"{CODE}/cli/main.py", "\n# {}\n", CLI, 2),
        (f"{HERE}/3rdparty/pyproject.toml", "# {}\n", [], 0),
    ],
)
def test_what_an_edit_builds(
    edited: BuildRoot, path: str, more: str, expected: list[str], processes: int
) -> None:
    edited.write(path, edited.read(path) + more.format(new_number()))
    done = edited.succeed("--stats-log", "package", f"{STACKS}:")
    assert [line.split(" (")[0] for line in done.work] == expected
    counters = done.counters
    ran = counters["local_execution_requests"] - counters.get("local_cache_requests_cached", 0)
    assert counters["local_process_total_time_run_ms"] > 0 if processes else ran == 0
    assert ran == processes, counters


def test_an_edit_of_a_distribution_builds_its_wheel(edited: BuildRoot) -> None:
    path = f"{HERE}/src/python/shop_money/__init__.py"
    edited.write(path, edited.read(path) + f"\n# {new_number()}\n")
    done = edited.succeed("package", f"{STACKS}:")
    assert {name for name, (_, built) in done.segments.items() if built} == {
        "app-cli-plain.tar.zst",
        "app-cli-pretty.tar.zst",
    }
    compressed = [line for line in done.work if line.startswith("Compressed")]
    assert len(compressed) == 2
    assert all("shop_money 1.0" in line for line in compressed), compressed


def test_tests_run_in_layers_again_after_an_edit_of_these(edited: BuildRoot) -> None:
    tests = f"{CODE}/catalog_tests/test_stock.py"
    assert f"✓ {tests} succeeded in " in edited.succeed("test", tests).stderr
    assert "(memoized)" in edited.succeed("test", tests).stderr
    edited.write(f"{CODE}/catalog/prices.txt", "apple 3\nbread 26\ncheese 60\n")
    done = edited.pants("test", tests)
    assert done.code == 1
    assert "assert 26 == 25" in done.stderr
    assert f"✕ {tests} failed in " in done.stderr


def test_a_requirement_that_changes_is_named(edited: BuildRoot) -> None:
    path = f"{HERE}/3rdparty/pyproject.toml"
    edited.write(path, edited.read(path).replace("uvicorn>=0.29", "uvicorn>=0.30"))
    done = edited.pants("package", f"{STACKS}:")
    assert done.code == 1
    assert f"{STACKS}:api: " in done.error
    assert "uvicorn>=0.30" in done.error
    assert f"{STACKS}:web: " not in done.error
