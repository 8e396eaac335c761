"""What a command does, and its exit code, do not depend on whether somebody reads it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.client_repository import APP, ClientRepository, called
from venvstacks_rules.client.commands.updating import install

pytestmark = pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux")

_NO_ROOM = "note: standard output: No space left on device. What was printed is not complete.\n"


def without_progress(text: str) -> str:
    return "".join(line for line in text.splitlines(keepends=True) if " % of " not in line)


def told_to_nobody(*arguments: object) -> tuple[int, str]:
    """Run the client, whose standard output is a pipe that nobody reads any more."""
    reader, writer = os.pipe()
    os.close(reader)
    try:
        return told(writer, *arguments)
    finally:
        os.close(writer)


def told_to_a_full_disk(*arguments: object) -> tuple[int, str]:
    with Path("/dev/full").open("w") as full:
        return told(full.fileno(), *arguments)


def told(out: int, *arguments: object) -> tuple[int, str]:
    done = subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.client", *map(str, arguments)],
        stdout=out,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    return done.returncode, without_progress(done.stderr)


@pytest.fixture
def folder(repository: ClientRepository, tmp_path: Path) -> Path:
    """1.0 is installed, and 1.1 is there."""
    install(tmp_path / "apps", repository.request())
    repository.publish("1.1", word="hi")
    return tmp_path / "apps"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_an_update_comes_to_its_end_though_nobody_listens(folder: Path, options: list[str]) -> None:
    assert told_to_nobody("update", "--into", folder, *options) == (0, "")
    assert called("run", "--into", folder).stdout == "1.1 hi\n"
    assert told_to_a_full_disk("rollback", "--into", folder, *options) == (0, _NO_ROOM)
    assert called("run", "--into", folder).stdout == "1.0 hello\n"


@pytest.mark.parametrize("options", [[], ["--json"]], ids=["text", "json"])
def test_what_only_tells_something_says_that_it_could_not(folder: Path, options: list[str]) -> None:
    for command in (["list"], ["verify"], ["update", "--check"]):
        words = (*command, "--into", folder, *options)
        assert told_to_nobody(*words) == (0, "")
        assert told_to_a_full_disk(*words) == (1, _NO_ROOM)
    # An exit code that says more stays.
    (folder / "apps" / APP / "1/lock").unlink()
    assert told_to_a_full_disk("verify", "--into", folder, *options) == (3, _NO_ROOM)


def test_errors_that_programs_cannot_read_are_for_people(tmp_path: Path) -> None:
    code, text = told_to_nobody("update", "--into", tmp_path, "--json")
    assert code == 7
    assert text.startswith("error: `")


def test_help_that_nobody_reads() -> None:
    assert told_to_nobody("--help") == (0, "")
    assert told_to_a_full_disk("--help") == (1, _NO_ROOM)


def test_streams_that_are_closed(folder: Path) -> None:
    for command in ("list", "update"):
        shell = '"$0" -m venvstacks_rules.client "$1" --into "$2" >&- 2>&-'
        words = ["sh", "-c", shell, sys.executable, command, str(folder)]
        assert subprocess.run(words, check=False).returncode == 0
    assert called("run", "--into", folder).stdout == "1.1 hi\n"


def test_a_terminal_that_has_only_ascii(repository: ClientRepository, tmp_path: Path) -> None:
    folder = tmp_path / "Äpfel"
    done = subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.client", "list", "--into", str(folder)],
        env={**os.environ, "PYTHONIOENCODING": "ascii:strict"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 7
    assert "/\\xc4pfel` is no installation." in done.stderr
    del repository
