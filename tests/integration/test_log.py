"""What the log says of work: a line for each piece that ran, and none for what a cache had."""

from __future__ import annotations

import re
import time

import pytest

from tests.support.build_root import BuildRoot, Finished
from tests.support.machines import FirstBuild

pytestmark = pytest.mark.xdist_group("first build")

HELLO = "examples/hello:"
# What a process does, and what its line says that it did.
VERBS = {
    "Assemble": "Assembled",
    "Capture": "Captured",
    "Compress": "Compressed",
    "Download": "Downloaded",
    "Find": "Found",
    "Lock": "Locked",
    "Pin": "Pinned",
}
# What makes the environment of the actions, and what takes milliseconds.
QUIET = re.compile(
    "(Download|Unpack) .* for the actions|Compile the actions|Ask .* for its version|"
    "Analyze .*|Searching for .*|Test binary .*"
)


@pytest.fixture(scope="module")
def root(first: FirstBuild) -> BuildRoot:
    """The build root of the first build."""
    return first.machine.root


def expected(done: Finished) -> list[str]:
    """The lines for the processes that ran, as Pants itself tells of them with `-ldebug`."""
    words = (text.partition(" ") for text in done.started if not QUIET.fullmatch(text))
    return sorted(f"{VERBS[verb]} {what}" for verb, _, what in words)


def pairs(done: Finished) -> list[str]:
    """Pants' own lines for work, at the level that a user sees."""
    lines = re.findall(r"\[INFO\] (?:Starting|Completed): .*", done.stderr)
    # Pants 2.27 to 2.31 raise the level of these, for all processes of all backends.
    return [line for line in lines if not line.startswith("[INFO] Completed: Scheduling: ")]


def test_a_first_build_has_one_line_for_each_piece_of_work(first: FirstBuild) -> None:
    done = first.packaged
    assert done.work == expected(done)
    assert pairs(done) == []
    kinds = [text.split(" ")[0] for text in done.work]
    assert sorted(set(kinds)) == ["Assembled", "Captured", "Compressed", "Found"]
    assert kinds.count("Assembled") == 3
    sizes = [text for text in done.work if re.search(r"\([\d.]+ [kM]B\)$", text)]
    assert len(sizes) == kinds.count("Assembled") + kinds.count("Compressed")
    assert "Found CPython 3.9 on this machine" in done.work


@pytest.mark.slow
def test_what_a_cache_had_has_no_line(root: BuildRoot) -> None:
    done = root.succeed("-ldebug", "--no-pantsd", "package", HELLO)
    assert done.work == expected(done)
    assert not [text for text in done.work if text.startswith(("Compressed", "Captured"))]
    assert "Found CPython 3.9 on this machine" in done.work


def test_a_daemon_that_remembers_everything_says_nothing(first: FirstBuild) -> None:
    again = first.succeed("--stats-log", "package", HELLO)
    assert again.work == []
    assert pairs(again) == []
    assert again.counters["local_execution_requests"] == 0


def test_work_of_a_later_run_of_the_daemon_has_its_line(first: FirstBuild, root: BuildRoot) -> None:
    source = root.read("examples/hello/hello.py")
    root.write("examples/hello/hello.py", f"{source}\n# {time.time_ns()}\n")
    changed = first.succeed("--stats-log", "package", HELLO)
    root.write("examples/hello/hello.py", source)
    assert [text.partition(" (")[0] for text in changed.work] == ["Assembled app-hello.tar.zst"]
    assert changed.counters["local_execution_requests"] == 1


def test_a_check_and_a_run_have_no_pairs_of_their_own(first: FirstBuild, root: BuildRoot) -> None:
    source = root.read("examples/hello/hello.py")
    root.write("examples/hello/hello.py", f"{source}\n# Not tested before.\n")
    tested = first.succeed("test", "examples/hello:hello")
    root.write("examples/hello/hello.py", source)
    # Pants reports a test itself, once.
    assert [re.sub(r" \([\d.ms ]+\)", "", line) for line in pairs(tested)] == [
        "[INFO] Completed: Check the imports of an application - examples/hello:hello - succeeded."
    ]
    started = first.succeed("run", "examples/hello:hello", "--", "log")
    assert "Hello, log!" in started.stdout
    assert pairs(started) == []


@pytest.mark.slow
def test_a_user_who_wants_no_lines_has_none(root: BuildRoot) -> None:
    done = root.succeed("-lwarn", "--no-pantsd", "package", HELLO)
    assert done.work == []
    assert "[INFO]" not in done.stderr
