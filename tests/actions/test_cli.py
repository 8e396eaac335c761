"""The command line of the actions, as another build system or a shell starts it."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys
from pathlib import Path

import pytest

from venvstacks_rules.actions import cli


def run(folder: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.actions", *arguments],
        cwd=folder,
        env={"PYTHONPATH": str(Path(cli.__file__).parents[2]), "PATH": "", "COLUMNS": "200"},
        capture_output=True,
        text=True,
        check=False,
    )


def find_request(folder: Path, version: str) -> str:
    request = folder / "request.json"
    request.write_text(json.dumps({"target": "//:rt", "python_version": version}))
    return str(request)


def test_every_verb_has_a_module_with_a_run_function() -> None:
    for name in cli.VERBS.values():
        module = importlib.import_module(f"venvstacks_rules.actions.commands.{name}")
        assert callable(module.run)


def test_a_request_that_cannot_be_met_is_one_message_and_exit_code_1(tmp_path: Path) -> None:
    done = run(tmp_path, "find-interpreter", "--request", find_request(tmp_path, "2.7"))
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        "error: //:rt: wrong Python version\n"
        "  * `2.7` is not `3.Y` or `3.Y.Z`, nor one of these with a `t`\n"
    )


def test_the_result_goes_to_standard_output_or_a_file(tmp_path: Path) -> None:
    (tmp_path / "r.json").write_text(
        json.dumps(
            {
                "wheels": [],
                "python_version": "3.11",
                "os_name": "posix",
                "install_target": "app-x",
                "compression": {"archive_format": "tar.zst", "level": 3},
            }
        )
    )
    arguments = ("wheel-segments", "--request", "r.json")
    shown = run(tmp_path, *arguments)
    assert (shown.returncode, shown.stderr) == (0, "")
    assert json.loads(shown.stdout) == {"segments": [], "remarks": []}
    written = run(tmp_path, *arguments, "--result", "out.json")
    assert (written.returncode, written.stdout, written.stderr) == (0, "", "")
    assert (tmp_path / "out.json").read_text() == shown.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (None, "the request `r.json` cannot be read: No such file or directory"),
        (b"\xff", "the request `r.json` is not UTF-8: 'utf-8' codec can't decode byte 0xff in "
         "position 0: invalid start byte"),
        (b"x", "not JSON: Expecting value: line 1 column 1 (char 0)"),
        (b"[]", "FindInterpreterRequest: expected a table, got a list"),
        (b"{}", "`target`: missing key of FindInterpreterRequest"),
        (b'{"target": "x", "python_version": "3.9", "z": 1}',
         "`z`: unknown key of FindInterpreterRequest"),
        (b'{"target": 1, "python_version": "3.9"}', "`target`: expected a string, got an integer"),
    ],
)  # fmt: skip
def test_requests_that_cannot_be_read(
    tmp_path: Path,
    content: bytes | None,
    message: str,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    if content is not None:
        Path("r.json").write_bytes(content)
    assert cli.main(["find-interpreter", "--request", "r.json"]) == 1
    captured = capsys.readouterr()
    assert captured.err == f"error: {message}\n"
    assert captured.out == ""


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ((), "the following arguments are required: verb, --request"),
        (("launch",), "the following arguments are required: --request"),
        (("deploy-layers", "--request", "r", "--", "x"),
         "nothing can follow `--` for `deploy-layers`"),
        (("launch", "--request", "r", "x"), "unrecognized arguments: x"),
    ],
)  # fmt: skip
def test_wrong_usage_is_exit_code_2(
    arguments: tuple[str, ...], problem: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(list(arguments))
    assert caught.value.code == 2
    said = capsys.readouterr().err.splitlines()[-1]
    assert said == f"venvstacks_rules.actions: error: {problem}"
