"""The client as users call it, from a folder and from a web server."""

from __future__ import annotations

import functools
import http.server
import json
import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from tests.support.client_repository import (
    APP,
    FRAMEWORK,
    RUNTIME,
    SITE,
    ClientRepository,
    Content,
    called,
    deploy,
    events,
    own_files,
    own_links,
    runtime_content,
)


@contextmanager
def web(folder: Path) -> Iterator[str]:
    """Serve a folder."""

    class Handler(http.server.SimpleHTTPRequestHandler):
        def log_message(self, *_: object) -> None:
            """Say nothing."""

    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield f"http://127.0.0.1:{server.server_address[1]}"
        server.shutdown()


def install(repository: ClientRepository, folder: Path, url: str = "", app: str = APP) -> str:
    done = called(
        *("install", "--from", url or repository.url, "--app", app, "--name", "hello"),
        *("--into", folder, "--allow-unsigned"),
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.mark.parametrize("archive_format", ["tar.zst", "tar.xz", "tar.gz", "zip"])
def test_an_application_is_installed_started_updated_and_rolled_back(
    tmp_path: Path, archive_format: str
) -> None:
    repository = ClientRepository(tmp_path / "repository", archive_format)
    repository.publish("1.0")
    folder = tmp_path / "apps"
    with web(repository.folder) as url:
        assert install(repository, folder, url) == (
            "note: The repository is not signed.\n"
            f"{APP} 1.0: 15 files, 0 are here; fetching {size(repository)} in 5 segments, after "
            f"{size_of_lists(repository)} of lists.\n"
            f"Installed {APP} 1.0 (generation 1).\n"
        )
        assert called("run", "--into", folder, APP, "--", "you").stdout == "1.0 hello you\n"

        repository.publish("1.1", word="hi")
        asked = called("update", "--into", folder, "--check").stdout.splitlines()
        assert asked[-1:] == [f"{APP} 1.1 is available; 1.0 is installed."]
        done = called("update", "--into", folder, "--json")
        assert done.returncode == 0, done.stderr
        plan = next(event for event in events(done.stdout) if event["event"] == "plan")
        assert (plan["linked"], plan["fetched_segments"]) == (9, 2)
        assert called("run", "--into", folder).stdout == "1.1 hi\n"
        again = called("update", "--into", folder)
        assert again.stdout.splitlines()[1:] == [f"{APP} 1.1 is installed; nothing was changed."]

    assert called("verify", "--into", folder, "--all").stdout == (
        f"{APP} (generation 1): verified.\n{APP} (generation 2): verified.\n"
    )
    assert called("rollback", "--into", folder).stdout == f"{APP} is at 1.0 again (generation 1).\n"
    assert deploy("run", "--into", folder).stdout == "1.0 hello\n"
    assert called("uninstall", "--into", folder).stdout == f"Removed {APP}.\n"
    assert not folder.exists()


def size(repository: ClientRepository) -> str:
    """The size of all segments of the first version, as the client shows it."""
    total = 0
    for path in (repository.folder / "layers").rglob("*.json"):
        total += sum(segment["size"] for segment in json.loads(path.read_text())["segments"])
    return f"{total / 1000:.1f} kB"


def size_of_lists(repository: ClientRepository) -> str:
    """The size of the manifest, the indexes and the lists of files."""
    paths = {*(repository.folder / "layers").rglob("*.json")}
    for path in tuple(paths):
        for segment in json.loads(path.read_text())["segments"]:
            sha256 = segment["files"]["sha256"]
            (found,) = (repository.folder / "blobs").rglob(sha256)
            paths.add(found)
    paths.update((repository.folder / "stacks").rglob("*.json"))
    return f"{sum(path.stat().st_size for path in paths) / 1000:.1f} kB"


@pytest.mark.parametrize("command", ["install", "update"])
def test_something_has_to_stay(repository: ClientRepository, tmp_path: Path, command: str) -> None:
    """Nothing is fetched for a command that cannot be done to its end."""
    more = ("--from", repository.url, "--app", APP, "--allow-unsigned")
    options = more if command == "install" else ()
    done = called(command, *options, "--into", tmp_path / "apps", "--keep", "0")
    assert (done.returncode, done.stderr) == (
        2,
        "error: Nothing was changed.\n  * `--keep 0`: one generation stays at least\n",
    )
    assert not (tmp_path / "apps").exists()


def test_the_exit_code_of_the_application_is_that_of_the_client(
    repository: ClientRepository, tmp_path: Path
) -> None:
    install(repository, tmp_path / "apps")
    done = deploy("run", "--into", tmp_path / "apps", APP, "--", "code")
    assert (done.returncode, done.stdout, done.stderr) == (5, "1.0 hello code\n", "")


def test_two_applications_share_the_files_of_layers(
    repository: ClientRepository, tmp_path: Path
) -> None:
    repository.publish("2.0", apps=(APP, "app-other"))
    folder = tmp_path / "apps"
    install(repository, folder)
    install(repository, folder, app="app-other")
    shared = f"1/layers/{FRAMEWORK}/{SITE}/words.py"
    one, other = folder / "apps" / APP / shared, folder / "apps/app-other" / shared
    assert one.stat().st_ino == other.stat().st_ino
    done = called("list", "--into", folder, "--json")
    listed = [event for event in events(done.stdout) if event["event"] == "generation"]
    # Of its own: the record and `pyvenv.cfg`, and files of the other's name.
    assert [event["app"] for event in listed] == [APP, "app-other"]
    assert all(event["own_bytes"] < event["bytes"] / 2 for event in listed)
    done = deploy("run", "--into", folder)
    assert (done.returncode, done.stderr) == (
        2,
        f"error: Several applications are installed; name one of them.\n  * `{APP}`, `app-other`\n",
    )
    done = deploy("run", "--into", folder, "app-helo")
    assert (done.returncode, done.stderr) == (
        7,
        f"error: `app-helo` is not installed in `{folder}`.\n"
        f"  * did you mean `{APP}`?\n"
        f"  * the applications there: `{APP}`, `app-other`\n",
    )
    assert called("run", "--into", folder, "app-other").stdout == "2.0 hello\n"
    assert called("uninstall", "--into", folder, APP).returncode == 0
    assert called("run", "--into", folder).stdout == "2.0 hello\n"
    assert called("verify", "--into", folder).returncode == 0


def test_damage_is_named_and_only_that_is_fetched(
    repository: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(repository, folder)
    layers = folder / "apps" / APP / "1/layers"
    site = layers / FRAMEWORK / SITE
    changed = site / "words.py"
    before = changed.stat()
    changed.write_text("WORD = 'hullo'\n")
    # What a disk does, which tells nobody.
    os.utime(changed, ns=(before.st_atime_ns, before.st_mtime_ns))
    (layers / APP / SITE / "data.txt").unlink()
    (site / "sneaked.py").write_text("")
    code = next((site / "__pycache__").glob("big.*.pyc"))
    code.write_bytes(b"nonsense")
    (layers / APP / "bin/python").unlink()
    expected = {
        "changed": [f"{FRAMEWORK}/{SITE}/__pycache__/{code.name}", f"{FRAMEWORK}/{SITE}/words.py"],
        "missing": [f"{APP}/bin/python", f"{APP}/{SITE}/data.txt"],
        "extra": [f"{FRAMEWORK}/{SITE}/sneaked.py"],
    }

    done = called("verify", "--into", folder, "--json")
    assert done.returncode == 3
    found: dict[str, list[str]] = {"changed": [], "missing": [], "extra": []}
    for event in events(done.stdout):
        if event["event"] == "damage":
            assert event["path"].startswith(f"apps/{APP}/1/layers/")
            found[event["kind"]].append(event["path"].split("/", 4)[4])
    assert found == expected

    done = called("repair", "--into", folder, "--json")
    assert done.returncode == 3
    plan = next(event for event in events(done.stdout) if event["event"] == "plan")
    assert (plan["files"], plan["linked"], plan["fetched_segments"]) == (3, 0, 2)
    done = called("repair", "--into", folder, "--remove-extra")
    assert done.stdout.splitlines()[-1] == f"{APP} (generation 1): repaired."
    assert done.returncode == 0
    assert called("verify", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.0 hello\n"


def test_damage_does_not_spread_into_a_new_generation(
    repository: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(repository, folder)
    site = folder / "apps" / APP / "1/layers" / FRAMEWORK / SITE
    big = site / "big.py"
    before = big.stat()
    text = big.read_text()
    big.write_text("y" + text[1:])
    os.utime(big, ns=(before.st_atime_ns, before.st_mtime_ns))
    code = next((site / "__pycache__").glob("words.*.pyc"))
    code.write_bytes(code.read_bytes()[:-1] + b"\1")
    repository.publish("1.1")
    assert called("update", "--into", folder).returncode == 0
    assert called("verify", "--into", folder).returncode == 0
    new = folder / "apps" / APP / "2/layers" / FRAMEWORK / SITE
    assert (new / "big.py").read_text() == text
    assert (new / "__pycache__" / code.name).read_bytes() != code.read_bytes()


def test_what_is_linked_is_never_written_through(
    repository: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(repository, folder)
    first = folder / "apps" / APP / "1"
    before = {path: path.read_bytes() for path in first.rglob("*") if path.is_file()}
    for number in range(1, 4):
        repository.publish(f"1.{number}", word=f"word {number}")
        assert called("update", "--into", folder, "--keep", "9").returncode == 0
        assert called("repair", "--into", folder).returncode == 0
    assert {path: path.read_bytes() for path in first.rglob("*") if path.is_file()} == before


def test_old_generations_go_and_those_that_run_stay(
    repository: ClientRepository, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    install(repository, folder)
    command = [sys.executable, "-m", "venvstacks_rules.client", "run", "--into", str(folder)]
    with subprocess.Popen(
        [*command, APP, "--", "wait"], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as running:
        assert running.stdout is not None
        assert running.stdout.readline() == "1.0 hello wait\n"
        for number in range(1, 6):
            repository.publish(f"1.{number}")
            assert called("update", "--into", folder, "--keep", "2").returncode == 0
        done = called("gc", "--into", folder, "--keep", "2")
        assert f"Generation 1 of {APP} is in use, and stays." in done.stdout
        assert numbers(folder) == [1, 5, 6]
        done = called("uninstall", "--into", folder)
        assert (done.returncode, done.stderr) == (
            1,
            f"error: `{APP}` was not removed.\n  * it runs, from generation 1; end it first\n",
        )
        running.communicate("")
    assert called("gc", "--into", folder, "--keep", "1").returncode == 0
    assert numbers(folder) == [6]
    assert called("verify", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.5 hello\n"


def numbers(folder: Path) -> list[int]:
    return sorted(int(path.name) for path in (folder / "apps" / APP).iterdir() if path.is_dir())


def test_a_moved_installation_is_made_ready_again(
    repository: ClientRepository, tmp_path: Path
) -> None:
    install(repository, tmp_path / "apps")
    folder = tmp_path / "moved"
    (tmp_path / "apps").rename(folder)
    done = deploy("run", "--into", folder)
    assert (done.returncode, called("verify", "--into", folder).returncode) == (3, 3)
    old, new = (f"{place}/apps/{APP}/1/layers" for place in (tmp_path / "apps", folder))
    assert done.stderr == (
        f"error: `{APP}` cannot be started.\n"
        f"  * it was installed in `{old}`, and is in `{new}` now; `venvstacks-deploy repair` makes "
        "it ready for another folder\n"
    )
    assert called("repair", "--into", folder).returncode == 0
    assert called("run", "--into", folder).stdout == "1.0 hello\n"
    assert called("verify", "--into", folder).returncode == 0


def test_nothing_is_written_into_sealed_layers_which_run_anywhere(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Real ones have byte code. These have none, so Python would write it.
    monkeypatch.setenv("PYTHONDONTWRITEBYTECODE", "1")
    repository = ClientRepository(tmp_path / "repository")
    main = {f"{SITE}/hello.py": "print('sealed')\n", **own_files((RUNTIME,), "hello")}
    sealed = {"sealed": True, "byte_code": "none"}
    runtime = repository.layer(RUNTIME, "runtime", (), [runtime_content()], more=sealed)
    contents = [Content("layer", main, own_links())]
    app = repository.layer(APP, "application", (RUNTIME,), contents, more=sealed)
    repository.release("1.0", [runtime, app])
    install(repository, tmp_path / "apps")
    folder = tmp_path / "moved"
    (tmp_path / "apps").rename(folder)
    layers = folder / "apps" / APP / "1/layers"
    found = {path.relative_to(layers / APP).as_posix() for path in (layers / APP).rglob("*.*")}
    assert found == {*main, f"lib/{SITE.split('/')[1]}"}
    assert called("run", "--into", folder).stdout == "sealed\n"
    assert called("verify", "--into", folder).returncode == 0


def test_help_teaches(tmp_path: Path) -> None:
    text = deploy("--help").stdout
    names = ("install", "update", "rollback", "verify", "repair", "gc", "list", "uninstall", "run")
    for command in names:
        assert f"\n    {command}" in text
        assert "--into DIR" in deploy(command, "--help").stdout
    assert "  3    the installation is damaged: run `repair`\n" in text
    done = called("update", "--into", tmp_path / "nothing")
    assert (done.returncode, done.stdout) == (7, "")
    assert done.stderr == (
        f"error: `{tmp_path}/nothing` is no installation.\n"
        f"  * it has no `venvstacks-deploy.json`; `venvstacks-deploy install --into "
        f"{tmp_path}/nothing` makes one\n"
    )


def test_one_of_each(repository: ClientRepository, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    install(repository, folder)
    listed = called("list", "--into", folder).stdout
    assert listed.startswith(f"{APP}, stable of {repository.url}: 1 generation, 0 B for old ones\n")
    (folder / "apps" / APP / "1/layers" / APP / SITE / "data.txt").unlink()
    done = called("repair", "--into", folder)
    assert re.search(r": 1 file, 0 are here; fetching [0-9]+ B in 1 segment\.\n", done.stdout)
    (folder / "apps" / APP / "1/extra").touch()
    done = called("verify", "--into", folder)
    assert done.stdout.splitlines()[-1] == (
        f"{APP} (generation 1): 1 file is not as it was installed."
    )


def test_a_file_is_no_folder(repository: ClientRepository, tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("")
    options = ("--from", repository.url, "--app", APP, "--name", "hello", "--allow-unsigned")
    for folder in (file, file / "below"):
        done = called("install", "--into", folder, *options)
        assert (done.returncode, done.stderr) == (
            2,
            f"error: `{folder}` cannot become an installation.\n"
            f"  * `{file}` is a file; name a folder\n",
        )
        done = called("update", "--into", folder)
        assert (done.returncode, done.stderr) == (
            7,
            f"error: `{folder}` is no installation.\n  * `{file}` is a file\n",
        )


def test_a_generation_that_is_not_there(repository: ClientRepository, tmp_path: Path) -> None:
    install(repository, tmp_path / "apps")
    done = called("rollback", "--into", tmp_path / "apps", "--to", "7")
    assert (done.returncode, done.stderr) == (
        2,
        f"error: `{APP}` has no generation 7.\n  * it has 1\n",
    )
