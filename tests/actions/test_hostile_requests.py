"""Requests with wrong values: one message, no stack trace, nothing left at an output.

A stack trace is for bugs of ours; see ``docs/reference/actions.md``.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.action_requests import REQUESTS, Request, hostile
from venvstacks_rules.actions import cli
from venvstacks_rules.actions.network import downloads

TIMES = "lock-layer"
"""Notes when it ran."""
REFUSED = (
    *("find-interpreter", "pin-interpreters", "fetch-file", "fetch-commit"),
    *("build-wheel", "launch", "check-imports"),
)
"""Verbs whose request is refused as it is; see `REQUESTS`."""

# Of requests with many tables, one of each kind of value is enough.
SLOW = {"export-layers": 9, "check-imports": 5, "lock-layer": 9}


def run(verb: str, request: Request) -> int:
    """The exit code; any other exception than a refusal fails the test with its stack trace."""
    Path("request.json").write_text(json.dumps(request))
    return cli.main([verb, "--request", "request.json", "--result", "result.json"])


def outputs(folder: Path) -> list[Path]:
    """What lies at the outputs of the requests, but for locks."""
    return [path for path in folder.glob("out/**/*") if path.is_file() and path.name != "lock"]


@pytest.fixture(autouse=True)
def _no_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(downloads, "_WAITS", ())


@pytest.mark.parametrize("verb", list(REQUESTS))
def test_a_wrong_value_is_refused_in_words(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    made = tmp_path / "made"
    made.mkdir()
    monkeypatch.chdir(made)
    request = REQUESTS[verb]()
    cases = list(hostile(request))
    codes = set()
    for number, (what, changed) in enumerate(cases[:: SLOW.get(verb, 1)]):
        case = tmp_path / str(number)
        shutil.copytree(made, case, symlinks=True)
        monkeypatch.chdir(case)
        capsys.readouterr()
        code = run(verb, changed)
        said = capsys.readouterr().err
        codes.add(code)
        if code:
            assert code == 1, what
            assert "error: " in said, what
            assert outputs(case) == [], what
        assert all(c.isprintable() for c in said.replace("\n", "")), what
        monkeypatch.chdir(made)
        shutil.rmtree(case)
    assert 1 in codes
    assert len(cases) > 10


@pytest.mark.parametrize("verb", [verb for verb in REQUESTS if verb not in (*REFUSED, TIMES)])
def test_a_command_that_runs_again(
    tmp_path: Path, verb: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """It does the same again, or names the output that is there and leaves it alone."""
    monkeypatch.chdir(tmp_path)
    request = REQUESTS[verb]()
    assert run(verb, request) == 0
    before = {path: path.read_bytes() for path in outputs(tmp_path)}
    capsys.readouterr()
    if run(verb, request):
        said = capsys.readouterr().err
        assert said.endswith(": File exists\n")
        assert "`out" in said
    assert {path: path.read_bytes() for path in outputs(tmp_path)} == before


WRONG: tuple[tuple[str, tuple[str, ...], object, str], ...] = (
    ("analyze-wheels", ("os_name",), "beos", "`os_name`: `beos` is neither `posix` nor `nt`"),
    (
        "analyze-wheels",
        ("python_version",),
        "3",
        "`python_version`: `3` is not `3.Y` or `3.Y.Z`, nor one of these with a `t`",
    ),
    (
        "wheel-segments",
        ("compression", "archive_format"),
        "rar",
        "`compression`: `rar` is not an archive format: use one of `tar.zst`, `tar.xz`, `tar.gz`, "
        "`zip`",
    ),
    (
        "wheel-segments",
        ("compression", "level"),
        20,
        "`compression`: 20 is not a compression level of `tar.zst`: use 1 to 19 (the default is 9)",
    ),
    ("wheel-segments", ("install_target",), "..", "`install_target`: `..` is not the name of a "
     "layer's folder"),
    ("lock-layer", ("linux_target",), "bsd@1", "`linux_target`: `bsd@1` is not `glibc@X.Y` or "
     "`musl@X.Y`"),
    ("compile-sources", ("sources",), "gone", "`sources`: `gone`: No such file or directory"),
    ("compile-sources", ("output",), "", "`output`: is empty"),
    ("install-wheel", ("path",), ".", "`path`: `.`: Is a directory"),
    ("install-wheel", ("output",), "out\0", "`output`: `out\\x00` contains a NUL character"),
    ("install-wheel", ("output",), "\udc80", "`output`: `\\udc80` is not Unicode text"),
    (
        "install-wheel",
        ("output",),
        "a/" * 999 + "a",
        "`output`: a path with 1999 bytes and 999 folders is too long",
    ),
    ("fetch-file", ("output",), "request.json/x", "`output`: `request.json`: File exists"),
    ("assemble-archive", ("results",), ["gone"], "`results[0]`: `gone`: No such file or directory"),
    (
        "assemble-archive",
        ("metadata",),
        {"a": {"b": json.loads("[" * 60 + "]" * 60)}},
        "`metadata.a`: is nested too deeply",
    ),
)  # fmt: skip


@pytest.mark.parametrize(("verb", "path", "value", "message"), WRONG)
def test_messages(  # noqa: PLR0917
    tmp_path: Path,
    verb: str,
    path: tuple[str, ...],
    value: object,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    request = REQUESTS[verb]()
    inner = request
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    assert run(verb, request) == 1
    assert capsys.readouterr().err == f"error: {message}\n"


def test_a_file_that_no_request_names_is_a_bug(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    request = REQUESTS["install-wheel"]()
    monkeypatch.setattr(os, "makedirs", lambda _: Path("/of our own").stat())
    with pytest.raises(FileNotFoundError):
        run("install-wheel", request)


_LIMITED = """
import resource, runpy, sys
resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv.pop(1)),) * 2)
sys.argv[0] = "actions"
runpy.run_module("venvstacks_rules.actions", run_name="__main__")
"""


@pytest.mark.parametrize(
    ("verb", "place"),
    [
        ("install-wheel", "out/demo.py"),
        ("compile-sources", "out/deep/__pycache__/"),
        ("fetch-wheel", "out/fetched.whl"),
        ("interpreter-segments", ""),  # A temporary file, in the working directory.
        ("wheel-segments", "out/demo.seg"),
        ("file-segment", "out/model.seg"),
        ("assemble-archive", "out/a.tar.zst"),
        ("lock-layer", ""),
        ("deploy-layers", "out/.venvstacks/staging/"),
        ("export-layers", "cache/"),
        ("check-imports", "cache/staging/"),
    ],
)
def test_a_disk_that_is_full(
    tmp_path: Path, verb: str, place: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A limit on the size of files stands for it: a write fails in the same way."""
    monkeypatch.chdir(tmp_path)
    request = REQUESTS[verb]()
    Path("request.json").write_text(json.dumps(request))
    done = subprocess.run(
        [sys.executable, "-c", _LIMITED, "4", verb, "--request", "request.json"],
        env={**os.environ, "PYTHONPATH": str(Path(cli.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 1, done.stderr
    last = done.stderr.splitlines()[-1]
    assert "Traceback" not in done.stderr
    assert last.endswith(": File too large") or verb == "lock-layer", done.stderr
    assert place in last
    assert outputs(tmp_path) == []
    assert list(tmp_path.glob("*/.venvstacks/staging")) == []


def test_reading_of_requests_stays_fast() -> None:
    began = time.process_time()
    for _ in range(1000):
        cli._arguments(["launch", "--request", "r", "--result", "s"])
    assert time.process_time() - began < 1
