"""Installers, run by shells that have what these say that they need, and nothing else."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.support.client_repository import APP, RUNTIME, ClientRepository, called, events
from tests.support.installers import (
    PROGRAMS,
    Shell,
    bundle_request,
    left_in,
    make_installer,
    publish_with_client,
    remade,
    shell,
    with_wheels,
)
from venvstacks_rules.actions.bundling.posix import BLOCK, starter
from venvstacks_rules.model.repository.bundles import Following

INSTALLED = ["apps", "client", "documents", "lock", "staging", "venvstacks-deploy.json"]


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> ClientRepository:
    made = ClientRepository(tmp_path_factory.mktemp("installers") / "repository")
    publish_with_client(made, "1.0")
    return made


@pytest.fixture(scope="module")
def installer(repository: ClientRepository) -> Path:
    following = Following(repository.url, "stable", allow_unsigned=True)
    return make_installer(repository, "1.0", repository.folder.parent, following)


@pytest.fixture
def dash(tmp_path: Path) -> Shell:
    return shell("dash", tmp_path / "dash")


def said(into: Path, *arguments: str) -> str:
    """What the installed application says, started by the client that came with it."""
    done = called("run", "--into", into, APP, "--", *arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("name", ["dash", "busybox"])
def test_installs_and_updates(
    name: str, repository: ClientRepository, installer: Path, tmp_path: Path
) -> None:
    with_programs = shell(name, tmp_path / name)
    into = tmp_path / 'it\'s `$HOME` "here" é'
    done = with_programs.run(installer, "--into", into)
    assert done.returncode == 0, done.stderr
    quoted = str(into).replace("'", "'\\''")
    assert done.stdout.splitlines()[1:] == [
        "Installed app-hello 1.0 (generation 1).",
        f"Start it:  '{quoted}/client/venvstacks-deploy' run --into '{quoted}' app-hello",
    ]
    assert left_in(into) == INSTALLED
    assert left_in(into / "staging") == []
    started = with_programs.run(
        into / "client/venvstacks-deploy", "run", "--into", into, APP, "--", "Ada"
    )
    assert started.stdout == "1.0 hello Ada\n"
    # From now on, the installation follows the channel.
    publish_with_client(repository, "1.1", word="moin")
    updated = with_programs.run(into / "client/venvstacks-deploy", "update", "--into", into)
    assert (updated.returncode, updated.stderr.count("error")) == (0, 0)
    assert said(into) == "1.1 moin\n"
    # An older installer goes back, and the application has its files still.
    done = with_programs.run(installer, "--into", into, "--json")
    (changed,) = (event for event in events(done.stdout) if event["event"] == "installed")
    assert (changed["version"], changed["generation"]) == ("1.0", 1)
    assert said(into) == "1.0 hello\n"
    # Its client is again the same files as the runtime of the application.
    shared = [
        path.relative_to(into / "client")
        for path in (into / "client" / RUNTIME).rglob("*")
        if path.is_file() and not path.is_symlink() and path.suffix != ".pyc"
    ]
    assert shared
    for path in shared:
        assert (into / "client" / path).samefile(into / "apps" / APP / "1/layers" / path)
    assert not list((into / "client").rglob("*.shared"))
    done = with_programs.run(into / "client/venvstacks-deploy", "verify", "--into", into)
    assert done.returncode == 0


def test_a_second_installer_uses_what_is_there(
    repository: ClientRepository, dash: Shell, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    publish_with_client(repository, "2.0")
    first = make_installer(repository, "2.0", folder)
    publish_with_client(repository, "2.1", word="moin")
    second = make_installer(repository, "2.1", folder)
    into = tmp_path / "into"
    assert dash.run(first, "--into", into).returncode == 0
    done = dash.run(second, "--into", into, "--json")
    (plan,) = (event for event in events(done.stdout) if event["event"] == "plan")
    # Of the framework the module with the word is new, of the application that with the version;
    # four are links.
    assert (plan["files"], plan["linked"]) == (15, 9)
    assert said(into) == "2.1 moin\n"
    # Without a repository there are no updates, and the installer mends what is damaged.
    updated = called("update", "--into", into)
    assert updated.returncode == 1
    assert updated.stderr.startswith(
        "error: `app-hello` follows no channel: it came with an installer that names none.\n"
    )
    assert "app-hello, without updates: 2 generations" in called("list", "--into", into).stdout
    (word,) = (into / f"apps/{APP}/2/layers").rglob("words.py")
    word.unlink()
    assert dash.run(second, "--into", into).returncode == 0
    assert said(into) == "2.1 moin\n"


def test_carries_wheels_in_place_of_segments(
    repository: ClientRepository, dash: Shell, tmp_path: Path
) -> None:
    publish_with_client(repository, "3.0")
    following = Following(repository.url, "stable", allow_unsigned=True)
    folder = tmp_path / "made"
    folder.mkdir()
    request = bundle_request(repository, "3.0", folder, following=following)
    request = with_wheels(repository, request, tmp_path / "wheels", lacking="data.txt")
    installer, into = tmp_path / "wheels.sh", tmp_path / "into"
    remade(request, installer)
    done = dash.run(installer, "--extract", tmp_path / "out")
    assert done.returncode == 0, done.stderr
    found = {path.name: path.read_bytes() for path in (tmp_path / "out/wheels").glob("*.whl")}
    assert found == {path.name: path.read_bytes() for path in (tmp_path / "wheels").glob("*.whl")}
    assert set(found) == {"big-1.0.whl", "data-1.0.whl"}
    segments = {path.stem for path in (tmp_path / "out/wheels").glob("*.json")}
    assert len(segments) == 2
    # Of the one whose wheel has nothing of it, the rest is all of it.
    assert len(segments & {path.name for path in (tmp_path / "out/blobs").rglob("*")}) == 1
    done = dash.run(installer, "--into", into)
    assert done.returncode == 0, done.stderr
    assert called("verify", "--into", into).returncode == 0
    assert said(into) == "3.0 hello\n"
    # The files are those that come from the channel.
    assert "nothing was changed" in called("update", "--into", into).stdout
    publish_with_client(repository, "3.1", word="moin")
    (plan,) = (
        event
        for event in events(called("update", "--into", into, "--json").stdout)
        if event["event"] == "plan"
    )
    assert (plan["files"], plan["linked"]) == (15, 9)
    assert said(into) == "3.1 moin\n"


def test_says_how_it_is_used(installer: Path, dash: Shell) -> None:
    done = dash.run(installer, "--help")
    assert done.returncode == 0
    assert f"(default: {dash.home}/.local/share/hello)" in done.stdout
    wrong = dash.run(installer, "--from", "x")
    assert (wrong.returncode, wrong.stderr) == (
        2,
        "error: `--from` is not an option; `--help` names them.\n",
    )
    assert dash.run(installer, "--into").stderr == "error: `--into` needs a folder.\n"


def test_goes_to_the_home_folder(installer: Path, dash: Shell) -> None:
    assert dash.run(installer).returncode == 0
    assert left_in(dash.home / ".local/share/hello") == INSTALLED


@pytest.mark.parametrize("program", ["sha256sum", "shasum", "openssl"])
def test_verifies_itself(program: str, installer: Path, tmp_path: Path) -> None:
    able = shell("dash", tmp_path / "able", (*PROGRAMS, program))
    done = able.run(installer, "--verify")
    assert done.returncode == 0, done.stderr
    assert done.stdout.startswith(f"`{installer}` is whole: sha256 ")
    damaged = tmp_path / "damaged.sh"
    data = bytearray(installer.read_bytes())
    data[-1200] ^= 1
    damaged.write_bytes(data)
    into = tmp_path / "into"
    for arguments in (["--verify"], ["--into", str(into)]):
        done = able.run(damaged, *arguments)
        assert done.returncode == 4
        assert done.stderr.startswith(f"error: `{damaged}` is damaged: the hash of its layers is ")
        assert done.stderr.endswith("error: Download it again; nothing was installed.\n")
    assert not into.exists()


def test_python_verifies_the_payload_if_nothing_else_does(
    installer: Path, dash: Shell, tmp_path: Path
) -> None:
    assert dash.run(installer, "--verify").stderr == (
        "error: None of `sha256sum`, `shasum` and `openssl` is here to verify it.\n"
    )
    damaged = tmp_path / "damaged.sh"
    data = bytearray(installer.read_bytes())
    # Zeros behind the end of the payload, which no file has.
    data[-100] ^= 1
    damaged.write_bytes(data)
    into = tmp_path / "into"
    done = dash.run(damaged, "--into", into)
    assert done.returncode == 4, done.stderr
    assert "download the installer again; nothing was installed" in done.stderr
    assert not into.exists()


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK + 1, 100_000, -1])
def test_a_truncated_installer_installs_nothing(
    size: int, installer: Path, dash: Shell, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.sh"
    cut.write_bytes(installer.read_bytes()[:size])
    done = dash.run(cut, "--into", tmp_path / "into")
    assert done.returncode == 4
    assert done.stderr.splitlines()[1] == "error: Download it again; nothing was installed."
    assert not (tmp_path / "into").exists()


def test_another_machine(installer: Path, dash: Shell, tmp_path: Path) -> None:
    (dash.programs / "uname").unlink()
    uname = dash.programs / "uname"
    uname.write_text('#!/bin/sh\n[ "$1" = -s ] && echo Darwin || echo arm64\n')
    uname.chmod(0o755)
    done = dash.run(installer, "--into", tmp_path / "into")
    assert (done.returncode, done.stderr.partition("; ")[2]) == (
        1,
        "this machine is Darwin on arm64.\n",
    )
    assert not (tmp_path / "into").exists()


def test_leaves_folders_of_others_alone(installer: Path, dash: Shell, tmp_path: Path) -> None:
    into = tmp_path / "into"
    into.mkdir()
    (into / "mine.txt").write_text("mine")
    done = dash.run(installer, "--into", into)
    assert done.returncode == 1
    assert "it has other files, such as `mine.txt`" in done.stderr
    assert left_in(into) == ["mine.txt"]


def test_no_place_to_write(installer: Path, dash: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = dash.run(installer, "--into", tmp_path / "file/below")
    assert done.returncode == 6
    assert done.stderr.endswith(f"error: `{tmp_path}/file/below` cannot be made.\n")


def test_a_full_disk_leaves_nothing(installer: Path, dash: Shell, tmp_path: Path) -> None:
    into = tmp_path / "into"
    # No file may be larger than 8 blocks: the same error as that of a full disk, for `tar`.
    done = subprocess.run(
        [
            *(*dash.command, "-c", 'ulimit -f 8; exec "$@"', "x"),
            *(*dash.command, str(installer), "--into", str(into)),
        ],
        env=dict(dash.environment),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 6
    assert done.stderr.splitlines()[-1] == (
        "error: Is there room on the disk? Nothing was installed."
    )
    assert not into.exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGTERM, 143), (signal.SIGINT, 130), (signal.SIGPIPE, 141)]
)
def test_signals_leave_nothing(
    number: int, code: int, repository: ClientRepository, dash: Shell, tmp_path: Path
) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    request = bundle_request(repository, "1.0", folder)
    text = remade(request, folder / "slow.sh")
    # A client that waits for ever, in the place of ours.
    start = text.index(b"from venvstacks_rules.client.cli import main")
    wait = b"import time; time.sleep(600)".ljust(
        len(b"from venvstacks_rules.client.cli import main")
    )
    (folder / "slow.sh").write_bytes(text[:start] + wait + text[start + len(wait) :])
    into = tmp_path / "into"
    process = subprocess.Popen(
        [*dash.command, str(folder / "slow.sh"), "--into", str(into)],
        env=dict(dash.environment),
        start_new_session=True,
        # A shell that was started with an ignored signal, as in the background, cannot trap it.
        preexec_fn=lambda: signal.signal(number, signal.SIG_DFL),  # noqa: PLW1509 - no threads
    )
    deadline = time.monotonic() + 30
    while not list(into.glob(".installing-*/new/app-deploy/lib/*/*/venvstacks_rules/repository/*")):
        assert time.monotonic() < deadline
        time.sleep(0.01)
    process.send_signal(number)
    assert process.wait(30) == code
    assert not into.exists()


def test_options_of_the_caller_change_nothing(installer: Path, dash: Shell) -> None:
    done = subprocess.run(
        [*dash.command, "-efC", str(installer), "--into", str(dash.home / "into")],
        env={**dash.environment, "TAR_OPTIONS": "--no-such-option", "GZIP": "-l"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    assert left_in(dash.home / "into") == INSTALLED


@pytest.mark.parametrize("name", ["dash", "busybox"])
def test_the_command_is_started_by_links(name: str, tmp_path: Path) -> None:
    folder, links = tmp_path / "the client", tmp_path / "bin"
    links.mkdir()
    (folder / "rt").mkdir(parents=True)
    for path, data in (
        (folder / "command", starter("rt/python")),
        (folder / "rt/python", b'#!/bin/sh\nprintf "%s\\n" "$@"\n'),
    ):
        path.write_bytes(data)
        path.chmod(0o755)
    (links / "relative").symlink_to("../the client/command")
    (links / "absolute").symlink_to(folder / "command")
    (links / "link").symlink_to("relative")
    with_programs = shell(name, tmp_path / name, (*PROGRAMS, "readlink"))
    for link in ("relative", "absolute", "link"):
        done = with_programs.run(links / link, "a b", "")
        isolated, start, *arguments = done.stdout.splitlines()
        assert (isolated, arguments) == ("-I", ["a b", ""]), done.stderr
        assert Path(start).resolve() == folder / "start.py"


def test_bytes_depend_on_the_request_only(
    repository: ClientRepository, installer: Path, tmp_path: Path
) -> None:
    request = bundle_request(repository, "1.0", tmp_path)
    first = remade(request, tmp_path / "first.sh")
    assert remade(request, tmp_path / "second.sh") == first
    assert sys.maxsize > len(first) > BLOCK
    assert installer.stat().st_mode & 0o777 == 0o755


def test_two_installers_at_once_leave_one_client(
    installer: Path, dash: Shell, tmp_path: Path
) -> None:
    into, other = tmp_path / "into", tmp_path / "other"
    assert dash.run(installer, "--into", other).returncode == 0
    # The other one is at its end when this one is about to move its client.
    move = (dash.programs / "mv").resolve()
    (dash.programs / "mv").unlink()
    (dash.programs / "mv").write_text(
        f'#!/bin/sh\ncase $1 in *new) cp -a "{other}/client" "$2" ;; esac\nexec {move} "$@"\n'
    )
    (dash.programs / "mv").chmod(0o755)
    (dash.programs / "cp").symlink_to(shutil.which("cp") or "")
    done = dash.run(installer, "--into", into)
    assert done.returncode == 0, done.stderr
    assert left_in(into) == INSTALLED
    assert left_in(into / "client") == left_in(other / "client")
    assert dash.run(into / "client/venvstacks-deploy", "verify", "--into", into).returncode == 0


def test_uninstalling_takes_the_client_along(installer: Path, dash: Shell, tmp_path: Path) -> None:
    into = tmp_path / "into"
    assert dash.run(installer, "--into", into).returncode == 0
    done = dash.run(into / "client/venvstacks-deploy", "uninstall", "--into", into)
    assert done.returncode == 0, done.stderr
    assert not into.exists()
