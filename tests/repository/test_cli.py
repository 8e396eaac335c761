"""The console script, as a process and as a function."""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.support.small_repositories import SmallRepository
from tests.support.whole_repository import faults
from venvstacks_rules.repository import cli
from venvstacks_rules.repository.arguments import PROGRAM, URL_VARIABLE, parser

ROOT = Path(__file__).resolve().parents[2]
COMMAND = [sys.executable, "-m", "venvstacks_rules.repository"]


@pytest.fixture
def made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> SmallRepository:
    made = SmallRepository(tmp_path / "store")
    made.point(made.stack("1.0"))
    made.stack("1.1")
    monkeypatch.setenv(URL_VARIABLE, made.url)
    return made


def run(*args: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [*COMMAND, *args],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src/python")},
        capture_output=True,
        text=True,
    )


def test_every_command_as_text_and_as_json(
    made: SmallRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    copy = (tmp_path / "copy").as_uri()
    commands = {
        "list": "2 versions of 1 stack",
        "show release@1.1": "channels: none points at it",
        "show release 1.1": "channels: none points at it",
        "diff 1.0 1.1": "numpy    changed  1.0",
        "verify": "all is well",
        "promote 1.1 --channel stable": "release stable for linux_x86_64: 1.1, moved from 1.0",
        "rollback 1.0 --channel stable": "1.0, rolled back from 1.1",
        "prune --keep 1 --grace 0s": "Would remove 0 manifests",
        f"export-archives 1.0 --into {tmp_path}/dist": "release@1.0: 2 archives",
        f"mirror {made.url} {copy}": f"{copy}: copied ",
        "prune --keep 1 --grace 7d --apply": "younger than 168h",
    }
    for command, expected in commands.items():
        assert cli.main(command.split()) == 0
        printed = capsys.readouterr()
        assert expected in printed.out
        assert printed.err == ""
        assert cli.main([*command.split(), "--json"]) == 0
        assert isinstance(json.loads(capsys.readouterr().out), dict)
    assert list(faults(made.folder)) == []
    assert list(faults(tmp_path / "copy")) == []


def test_the_url_as_an_option(
    made: SmallRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    os.environ.pop(URL_VARIABLE)
    assert cli.main(["list"]) == 2
    assert capsys.readouterr().err == (
        "error: It is not said which repository. Add `--repository URL`, or set the environment "
        "variable VENVSTACKS_REPOSITORY.\n"
    )
    assert cli.main(["list", "--repository", made.url]) == 0
    assert cli.main(["list", "--repository", str(made.folder)]) == 0
    empty = (tmp_path / "empty").as_uri()
    assert cli.main(["list", "--repository", empty]) == 1
    assert capsys.readouterr().err == (
        f"error: {empty}: there is no repository.\n"
        "  * `repository.json` is missing; the first publish writes it\n"
    )
    assert cli.main(["list", "--repository", "gopher://x"]) == 2
    assert "there is no kind of repository" in capsys.readouterr().err
    assert cli.main(["mirror", str(made.folder), str(tmp_path / "copy")]) == 2
    assert capsys.readouterr().err == (
        f"error: `{tmp_path}/copy` is no URL, and no folder that is there. Write a URL, as "
        f"`{tmp_path.as_uri()}/copy` or `https://layers.example.com`.\n"
    )


def test_a_damaged_repository_is_1(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    (key, *_) = [key for key in made.files() if key.startswith("blobs/")]
    (made.folder / key).write_bytes(b"x")
    assert cli.main(["verify"]) == 1
    assert f"damaged: {key}" in capsys.readouterr().out
    assert cli.main(["verify", "--remove-damaged", "--json"]) == 1
    assert json.loads(capsys.readouterr().out)["removed"] == [key]
    assert cli.main(["verify"]) == 1
    assert f"missing: {key}" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("args", "message"),
    [
        ([], "the following arguments are required: COMMAND"),
        (["lists"], "invalid choice: 'lists'"),
        (["key"], "the following arguments are required: COMMAND"),
        (["prune"], "the following arguments are required: --keep"),
        (["prune", "--keep", "0"], "`0` is no number from 1 on"),
        (["prune", "--keep", "1", "--grace", "1w"], "`1w` is no duration; write 90s, 30m, 24h or"),
        (["promote", "1.0"], "the following arguments are required: --channel"),
        (["list", "--js"], "unrecognized arguments: --js"),
    ],
)
def test_wrong_usage_is_2(
    args: list[str], message: str, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(args)
    assert caught.value.code == 2
    assert message in capsys.readouterr().err


def test_three_words_are_no_version(
    made: SmallRepository, capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as caught:
        cli.main(["show", "a", "b", "c"])
    assert caught.value.code == 2
    assert "VERSION has one or two words" in capsys.readouterr().err


def test_files_that_cannot_be_written(
    made: SmallRepository, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "file").write_text("")
    assert cli.main(["export-archives", "1.0", "--into", str(tmp_path / "file")]) == 1
    assert capsys.readouterr().err == (f"error: `{tmp_path}/file/linux_x86_64`: Not a directory.\n")


def test_a_mirror_of_nothing_makes_nothing(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    source, target = (tmp_path / "nosuch").as_uri(), (tmp_path / "copy").as_uri()
    assert cli.main(["mirror", source, target]) == 1
    assert capsys.readouterr().err == (
        f"error: {source}: there is no repository.\n  * nothing can be copied\n"
    )
    assert list(tmp_path.iterdir()) == []


def test_a_bug_of_ours_says_so(
    made: SmallRepository, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def broken(options: object) -> object:
        raise KeyError("x")

    monkeypatch.setitem(cli._COMMANDS, "list", broken)
    assert cli.main(["list"]) == 3
    printed = capsys.readouterr().err
    assert "Traceback" in printed
    assert printed.endswith(
        "error: this is a bug of venvstacks_rules: KeyError: 'x'\n"
        "Please report it, with the lines above.\n"
    )


def test_a_signed_repository(
    made: SmallRepository,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.chdir(tmp_path)
    url = made.url
    for line in (
        "key generate anna.pem",
        "key generate ci.pem --json",
        "root create root.json --root-key anna.pem.pub --root-threshold 1"
        " --record-key ci.pem.pub --record-threshold 1",
        f"root sign root.json {url} --key anna.pem",
        f"sign {url} --key ci.pem --days 9 --adopt",
        f"root publish root.json {url}",
    ):
        assert cli.main(line.split()) == 0
    assert "signed" in capsys.readouterr().out
    before = made.files()
    for keys in ("", " --key anna.pem"):
        assert cli.main(f"promote 1.1 --channel stable{keys}".split()) == 1
        assert capsys.readouterr().err.startswith(
            "error: The repository is signed, and clients would not believe what is published.\n"
        )
    assert made.files() == before
    # No signed record names the version.
    manifest = made.folder / "stacks/release/1.1/linux_x86_64.json"
    sha256 = hashlib.sha256(manifest.read_bytes()).hexdigest()
    command = "promote 1.1 --channel stable --key ci.pem --days 3"
    assert cli.main(command.split()) == 1
    assert capsys.readouterr().err == (
        f"error: {url}: `release@1.1` cannot be promoted to `stable`.\n"
        f"  * `stacks/release/1.1/linux_x86_64.json`, sha256:{sha256}, is in no signed record, so"
        " anybody may have written it; `--manifest` names the one that is right, as the file that"
        " `package` wrote\n"
    )
    assert made.files() == before
    assert cli.main(f"{command} --manifest sha256:{sha256}".split()) == 0
    assert cli.main(["rollback", "--channel", "stable", "--key", "ci.pem"]) == 0
    assert made.record().rolled_back_from == "1.1"
    # What somebody put there is not signed together with the new version.
    path = made.folder / "channels/release/stable/linux_x86_64.json"
    right = path.read_bytes()
    path.write_text(made.record().to_json())
    assert cli.main(["promote", "1.1", "--channel", "stable", "--key", "ci.pem"]) == 1
    path.write_bytes(right)
    assert cli.main(["list"]) == 0
    assert "signed, rolled back from 1.1\n" in capsys.readouterr().out
    assert cli.main(["root", "verify", url, "--root", "root.json"]) == 0
    copy = (tmp_path / "copy").as_uri()
    assert cli.main(["mirror", url, copy]) == 0
    assert cli.main(["root", "verify", copy, "--root", "root.json", "--json"]) == 0
    # Whoever can write to the store gets nothing signed.
    (record,) = (tmp_path / "store/channels").rglob("*.json")
    record.write_text(record.read_text().replace('"sequence": 1', '"sequence": 9'))
    before = made.files()
    capsys.readouterr()
    for command in ("promote 1.1", "rollback"):
        assert cli.main(f"{command} --channel stable --key ci.pem".split()) == 1
        assert "is not believed." in capsys.readouterr().err
    assert made.files() == before


def test_as_a_process(made: SmallRepository) -> None:
    done = run("--help")
    assert done.returncode == 0
    assert "venvstacks-repository promote release@1.1 --channel stable" in done.stdout
    assert run("list").stdout.startswith(made.url)
    done = run("show", "9")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == (
        f"error: {made.url}: there is no version `9`.\n  * there is release@1.0, release@1.1\n"
    )


def test_the_examples_of_the_help_are_right() -> None:
    made = parser()
    (commands,) = (a for a in made._actions if isinstance(a, argparse._SubParsersAction))
    epilogs = [p.epilog or "" for p in (made, *commands.choices.values())]
    found = re.findall(rf"^  {PROGRAM} (.*)$", "\n".join(epilogs).replace("\\\n", ""), re.MULTILINE)
    assert len(found) > 12
    for line in found:
        assert made.parse_args(line.split()).command == line.split()[0]


def test_who_reads_may_stop(made: SmallRepository) -> None:
    command = f"{' '.join(COMMAND)} list | true; exit ${{PIPESTATUS[0]}}"
    done = subprocess.run(
        ["bash", "-c", command],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src/python")},
        capture_output=True,
        text=True,
    )
    assert done.stderr == ""


def test_it_starts_fast() -> None:
    """Help needs no library, and `list` of a folder no client of a server."""
    code = (
        "import sys\n"
        "from venvstacks_rules.repository import cli\n"
        "try: cli.main(['list', '--help'])\n"
        "except SystemExit: pass\n"
        "print(*sorted(set(sys.modules)))\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        env={**os.environ, "PYTHONPATH": str(ROOT / "src/python")},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = done.stdout.splitlines()[-1].split()
    for name in ("packaging", "ssl", "http.client", "concurrent.futures", "urllib.request"):
        assert name not in loaded
