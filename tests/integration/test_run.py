"""``./pants run``: an application started in its layers, and the cache of deployed layers."""

from __future__ import annotations

import hashlib
import json
import os
import re
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.build_root import BuildRoot
from tests.support.shared_roots import shared_root

PROBE = '''\
"""Does what its arguments say, so that the tests see what reaches it."""

import json
import os
import re
import shutil
import signal
import sys

what, *rest = sys.argv[1:]


def stop(number, _frame):
    print(f"got {signal.Signals(number).name}", flush=True)
    sys.exit(3)


if what == "show":
    print(json.dumps({"args": rest, "prefix": sys.prefix, "cwd": os.getcwd(), "salt": "SALT"}))
elif what == "echo":
    sys.stdout.write(sys.stdin.read().upper())
    sys.stderr.write("to stderr\\n")
elif what == "exit":
    sys.exit(int(rest[0]))
elif what == "wait":
    signal.signal(signal.SIGINT, stop)
    signal.signal(signal.SIGTERM, stop)
    with open(rest[0] + ".new", "w") as file:
        file.write(str(os.getpid()))
    os.rename(rest[0] + ".new", rest[0])
    while True:
        signal.pause()
'''


@pytest.fixture(scope="module")
def root() -> Iterator[BuildRoot]:
    with shared_root() as made:
        made.copy_example("hello")
        made.write(
            "probe/BUILD",
            'venvstacks_application(name="probe", runtime="examples/hello:cpython-3.9", '
            'launch_module="probe.py")\n',
        )
        made.write("probe/probe.py", PROBE)
        made.succeed("generate-lockfiles", "--resolve=probe:probe")
        yield made


def show(root: BuildRoot, *arguments: str) -> dict[str, object]:
    done = root.succeed("run", "probe:probe", "--", "show", *arguments)
    shown: dict[str, object] = json.loads(done.stdout)
    return shown


def test_arguments_and_working_directory_pass_through(root: BuildRoot) -> None:
    shown = show(root, "a b", "--size=3", "", "*")
    assert shown["args"] == ["a b", "--size=3", "", "*"]
    assert shown["cwd"] == str(root.path)


def test_standard_streams_pass_through(root: BuildRoot) -> None:
    done = root.succeed("run", "probe:probe", "--", "echo", stdin="one\ntwo")
    assert done.stdout == "ONE\nTWO"
    assert "to stderr\n" in done.stderr


def test_the_exit_code_passes_through(root: BuildRoot) -> None:
    assert root.pants("run", "probe:probe", "--", "exit", "7").code == 7


def test_the_hello_example(root: BuildRoot) -> None:
    done = root.succeed("run", "examples/hello:hello", "--", "Ann", "Bob")
    assert done.stdout.startswith("Hello, Ann and Bob!\nThat is the 2nd name.\n")
    rows = [line.strip("│").split("│") for line in done.stdout.splitlines() if line[0] == "│"]
    assert [tuple(cell.strip() for cell in row) for row in rows] == [
        ("packaging", "cpython-3.9"),
        ("rich", "framework-text"),
        ("humanize", "app-hello"),
    ]


def test_the_python_of_a_layer(root: BuildRoot) -> None:
    code = "import sys, json; print(json.dumps([sys.prefix.rpartition('/')[2], sys.argv]))\n"
    for target, prefix in (
        ("probe:probe", "app-probe"),
        ("examples/hello:cpython-3.9", "cpython-3.9"),
    ):
        done = root.succeed("repl", "--shell=venvstacks", target, stdin=code)
        assert json.loads(done.stdout.splitlines()[-1]) == [prefix, [""]]
    refused = root.pants("repl", "--shell=venvstacks", "probe:", "examples/hello:")
    assert refused.code == 1
    assert refused.error.startswith("DefinitionError: `repl` opens the Python of one layer:\n  * ")
    assert "Name one layer." in refused.error


def started(root: BuildRoot, marker: Path, *options: str) -> tuple[subprocess.Popen[str], int]:
    """A run whose program waits for a signal, and the program's process id."""
    client = root.start(*options, "run", "probe:probe", "--", "wait", str(marker))
    deadline = time.monotonic() + 120
    while not marker.exists():
        assert client.poll() is None, client.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.05)
    return client, int(marker.read_text())


def has_ended(pid: int) -> bool:
    """Whether a process that is not ours ends soon."""
    deadline = time.monotonic() + 20
    while time.monotonic() < deadline:
        try:
            os.kill(pid, 0)
        except ProcessLookupError:
            return True
        time.sleep(0.05)
    os.kill(pid, signal.SIGKILL)
    return False


def test_an_interrupt_reaches_the_program(root: BuildRoot, tmp_path: Path) -> None:
    client, pid = started(root, tmp_path / "pid")
    # As a terminal does it: to the whole group.
    os.killpg(client.pid, signal.SIGINT)
    output, _ = client.communicate(timeout=60)
    assert output == "got SIGINT\n"
    assert client.returncode == 1  # Pants says that it was interrupted.
    assert has_ended(pid)


def test_a_program_does_not_outlive_a_terminated_run(root: BuildRoot, tmp_path: Path) -> None:
    client, pid = started(root, tmp_path / "pid")
    client.send_signal(signal.SIGTERM)
    client.communicate(timeout=60)
    assert client.returncode == -signal.SIGTERM
    assert has_ended(pid)


def test_layers_that_did_not_change_are_not_unpacked_again(root: BuildRoot) -> None:
    first = cached_layers(show(root))
    again = cached_layers(show(root))
    assert again == first

    salt = str(time.time_ns())
    root.write("probe/probe.py", PROBE.replace("SALT", salt))
    shown = show(root)
    assert shown["salt"] == salt
    edited = cached_layers(shown)
    assert set(edited) == set(first) == {"cpython-3.9", "app-probe"}
    assert edited["cpython-3.9"] == first["cpython-3.9"]
    assert edited["app-probe"] != first["app-probe"]
    root.write("probe/probe.py", PROBE)


def cached_layers(shown: dict[str, object]) -> dict[str, dict[str, tuple[int, int]]]:
    """Inode and time of each file of the cached layers that a program ran in."""
    application = Path(str(shown["prefix"]))
    stack = application.parent
    seal, text = (stack / "complete.json").read_text().split("\n", 1)
    assert seal == hashlib.sha256(text.encode()).hexdigest()
    marker = json.loads(text)
    found = {}
    for sha256 in marker["layers"]:
        inside = (stack.parent.parent / "layers" / sha256).iterdir()
        (layer,) = (path for path in inside if path.name != "files.json")
        stats = {str(path.relative_to(layer)): path.lstat() for path in layer.rglob("*")}
        found[layer.name] = {path: (s.st_ino, s.st_mtime_ns) for path, s in stats.items()}
    return found


@pytest.mark.slow
def test_two_runs_at_once_of_a_stack_that_is_not_deployed_yet(root: BuildRoot) -> None:
    salt = str(time.time_ns())
    root.write("probe/probe.py", PROBE.replace("SALT", salt))
    arguments = ("run", "probe:probe", "--", "show")
    runs = [
        root.start(*arguments, "0"),
        # Beside the daemon, which does one after the other.
        root.start(*arguments, "1", environment={"PANTS_CONCURRENT": "true"}),
    ]
    for number, client in enumerate(runs):
        output, errors = client.communicate(timeout=200)
        assert client.returncode == 0, errors
        shown = json.loads(output)
        assert (shown["args"], shown["salt"]) == ([str(number)], salt)
    root.write("probe/probe.py", PROBE)


@pytest.mark.slow
def test_a_run_writes_archives_and_no_sources(root: BuildRoot) -> None:
    done = root.succeed(
        "--no-pantsd", "--keep-sandboxes=always", "run", "probe:probe", "--", "show"
    )
    found = re.findall(r"execution dir (\S+) for (.+)", done.stderr)
    try:
        (sandbox,) = (Path(folder) for folder, what in found if what == "interactive process")
        # Those of other processes are written once, for all runs of a daemon.
        assert (sandbox / "_actions").is_symlink()
        archives = sorted(file.name for file in (sandbox / "archives").iterdir())
        assert archives == ["app-probe.tar.zst", "cpython-3.9.tar.zst"]
        names = {file.name for file in sandbox.iterdir()}
        assert names == {"__layers", "__run.sh", "_actions", "archives", "request.json"}
    finally:
        for folder, _ in found:
            shutil.rmtree(folder)
