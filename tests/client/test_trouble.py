"""Full disks, servers that drop or lie, two updates at once: what was installed stays as it was."""

from __future__ import annotations

import hashlib
import http.server
import json
import random
import re
import resource
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support.client_repository import (
    APP,
    MAIN,
    RUNTIME,
    SITE,
    ClientRepository,
    Content,
    called,
    own_files,
    own_links,
    runtime_content,
)
from tests.support.slow_server import slow_server
from venvstacks_rules.client.commands import checking
from venvstacks_rules.client.commands.repairing import repair
from venvstacks_rules.client.commands.updating import install
from venvstacks_rules.client.fetching.known import is_sound
from venvstacks_rules.client.installation.generations import Generations
from venvstacks_rules.client.installation.layout import opened_layout
from venvstacks_rules.local.web import pace
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.repository.stores import attempts

_SIZE = 6_000_000


def publish(repository: ClientRepository, version: str, *, large: bool = False) -> None:
    """A version of two layers; a large one has a segment that is downloaded to the disk."""
    main = {f"{SITE}/hello.py": MAIN.format(version=version), f"{SITE}/words.py": "WORD = 'x'\n"}
    contents = [Content("layer", {**main, **own_files((RUNTIME,), "hello")}, own_links())]
    if large:
        # Which does not compress below that.
        text = random.Random(version).getrandbits(8 * _SIZE).to_bytes(_SIZE, "little").hex()
        contents.insert(0, Content("large.whl", {f"{SITE}/large.txt": text}))
    runtime = repository.layer(RUNTIME, "runtime", (), [runtime_content()])
    app = repository.layer(APP, "application", (RUNTIME,), contents)
    repository.release(version, [runtime, app])


class Server:
    """A server of files that fails as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.cut_after: int | None = None
        """Break each large answer after so many bytes."""
        self.most_bytes: int | None = None
        """Break all connections after so many bytes of large answers."""
        self.lies = False
        """Change a byte of large answers."""
        self.starts: list[int] = []
        """Where the large answers began."""
        self.sent: dict[str, int] = {}
        """How many bytes of which file were sent."""

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path = self.folder / handler.path.lstrip("/")
        if not path.is_file():
            handler.send_error(404)
            return
        data = path.read_bytes()
        large = len(data) > 1_000_000
        start, end = 0, len(data)
        asked = handler.headers.get("Range")
        if asked:
            first, _, last = asked[len("bytes=") :].partition("-")
            start, end = int(first), int(last) + 1
        handler.send_response(206 if asked else 200)
        if asked:
            handler.send_header("Content-Range", f"bytes {start}-{end - 1}/{len(data)}")
        handler.send_header("Content-Length", str(end - start))
        handler.end_headers()
        body = bytearray(data[start:end])
        if large:
            self.starts.append(start)
            if self.lies:
                body[-1] ^= 1
            for most in (self.cut_after, self.most_bytes):
                body = body if most is None else body[:most]
            if self.most_bytes is not None:
                self.most_bytes -= len(body)
        self.sent[handler.path] = self.sent.get(handler.path, 0) + len(body)
        handler.wfile.write(body)
        handler.close_connection = True


@pytest.fixture
def server(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Server]:
    made = Server(tmp_path / "repository")

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    monkeypatch.setattr(attempts, "WAITS", [0.01, 0.02])
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, daemon=True).start()
        made.url = f"http://127.0.0.1:{running.server_address[1]}"
        yield made
        running.shutdown()


@pytest.fixture
def installed(server: Server, tmp_path: Path) -> ClientRepository:
    """Version 1.0 is installed, and 1.1, a large one, is there."""
    repository = ClientRepository(server.folder)
    publish(repository, "1.0")
    done = called(
        *("install", "--from", server.url, "--app", APP, "--name", "hello"),
        *("--into", tmp_path / "apps", "--allow-unsigned"),
    )
    assert done.returncode == 0, done
    publish(repository, "1.1", large=True)
    return repository


def version(folder: Path) -> str:
    assert called("verify", "--into", folder).returncode == 0
    return called("run", "--into", folder).stdout.split(" ")[0]


@pytest.mark.usefixtures("installed")
def test_a_connection_that_breaks_again_and_again(server: Server, tmp_path: Path) -> None:
    server.cut_after = 2_000_000
    assert called("update", "--into", tmp_path / "apps").returncode == 0
    assert len(server.starts) > 2
    assert server.starts == sorted(set(server.starts))
    assert version(tmp_path / "apps") == "1.1"


@pytest.mark.usefixtures("installed")
def test_the_next_update_goes_on_where_the_last_one_ended(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    server.most_bytes = 5_000_000
    done = called("update", "--into", folder)
    assert done.returncode == 5
    assert "Look whether the server runs" in done.stderr
    assert version(folder) == "1.0"
    server.most_bytes, server.starts = None, []
    assert called("update", "--into", folder).returncode == 0
    assert server.starts == [5_000_000]
    assert version(folder) == "1.1"
    assert not list((folder / "downloads").iterdir())


@pytest.mark.usefixtures("installed")
def test_bytes_that_are_wrong_are_discarded(server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    server.lies = True
    done = called("update", "--into", folder)
    assert done.returncode == 4
    assert " arrived damaged." in done.stderr
    assert len(server.starts) == 1
    assert not list((folder / "downloads").iterdir())
    assert version(folder) == "1.0"
    server.lies = False
    assert called("update", "--into", folder).returncode == 0
    assert version(folder) == "1.1"


@pytest.mark.usefixtures("installed")
def test_what_a_crash_did_to_a_download_costs_one_more_attempt(
    server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    server.most_bytes = 5_000_000
    assert called("update", "--into", folder).returncode == 5
    (part,) = (folder / "downloads").iterdir()
    part.write_bytes(bytes(part.stat().st_size))
    server.most_bytes, server.starts = None, []
    assert called("update", "--into", folder).returncode == 0
    assert server.starts == [5_000_000, 0]
    assert version(folder) == "1.1"


def test_a_full_disk(installed: ClientRepository, server: Server, tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    before = tree(folder)
    done = subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.client", "update", "--into", str(folder)],
        capture_output=True,
        text=True,
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (_SIZE, _SIZE)),
        check=False,
    )
    assert done.returncode == 6, done
    first, second, third = done.stderr.splitlines()[-3:]
    assert first == "error: The disk has no room for the new version."
    assert second.endswith("`: File too large; nothing was changed")
    assert third == (
        "  * there are no old versions to remove; make room on the disk of the installation"
    )
    assert tree(folder) == before
    assert version(folder) == "1.0"
    assert called("update", "--into", folder).returncode == 0
    assert version(folder) == "1.1"


def test_a_disk_without_room_is_noticed_before_anything_is_fetched(
    server: Server, tmp_path: Path
) -> None:
    repository = ClientRepository(server.folder)
    main = {f"{SITE}/hello.py": "", **own_files((RUNTIME,), "hello")}
    huge = [ArchivedFile(f"{SITE}/huge.bin", 10**18, "a" * 64)]
    contents = [Content("huge.whl", {f"{SITE}/huge.bin": ""}), Content("layer", main, own_links())]
    runtime = repository.layer(RUNTIME, "runtime", (), [runtime_content()])
    app = repository.layer(APP, "application", (RUNTIME,), contents, listed={"huge.whl": huge})
    repository.release("1.0", [runtime, app])
    done = called(
        *("install", "--from", server.url, "--app", APP, "--name", "hello"),
        *("--into", tmp_path / "apps", "--allow-unsigned"),
    )
    assert done.returncode == 6
    first, second, third = done.stderr.splitlines()
    assert first == "error: The disk has no room for the new version."
    assert second.startswith("  * it needs 1000000000.0 GB in `")
    assert third == (
        "  * there are no old versions to remove; make room on the disk of the installation"
    )


def tree(folder: Path) -> dict[str, str]:
    """All files of the applications, with their hashes."""
    return {
        str(path): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in (folder / "apps").rglob("*")
        if path.is_file() and path.name != "seen.json"
    }


@pytest.mark.usefixtures("installed")
def test_two_updates_at_once(tmp_path: Path) -> None:
    folder = tmp_path / "apps"
    command = [sys.executable, "-m", "venvstacks_rules.client", "update", "--into", str(folder)]
    running = [
        subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        for _ in range(3)
    ]
    said = [process.communicate()[0] for process in running]
    assert [process.returncode for process in running] == [0, 0, 0]
    assert sorted(text.count(f"Installed {APP} 1.1") for text in said) == [0, 0, 1]
    assert sum(text.count(f"{APP} 1.1 is installed; nothing was changed.") for text in said) == 2
    assert version(folder) == "1.1"
    assert sorted(path.name for path in (folder / "apps" / APP).iterdir() if path.is_dir()) == [
        "1", "2",
    ]  # fmt: skip


def test_repair_moves_the_segments_of_what_is_damaged_and_nothing_else(
    server: Server, tmp_path: Path
) -> None:
    folder = tmp_path / "apps"
    repository = ClientRepository(server.folder)
    publish(repository, "1.0", large=True)
    done = called(
        *("install", "--from", server.url, "--app", APP, "--name", "hello"),
        *("--into", folder, "--allow-unsigned"),
    )
    assert done.returncode == 0, done
    site = folder / "apps" / APP / "1/layers" / APP / SITE
    (site / "words.py").write_text("WORD = 'y'\n")
    (site / "hello.py").unlink()
    (site / "extra.py").write_text("")
    server.sent = {}
    # Extra files are named, and stay: 3.
    assert called("repair", "--into", folder, "--json").returncode == 3
    # One segment has both, and is sent once; the other one has 6 MB.
    ((path, size),) = ((path, size) for path, size in server.sent.items() if "/blobs/" in path)
    assert size == (server.folder / path[1:]).stat().st_size < 20_000
    assert set(server.sent) == {path}
    assert called("repair", "--into", folder, "--remove-extra").returncode == 0
    assert set(server.sent) == {path}
    assert version(folder) == "1.0"


def test_repair_without_lists_finds_what_is_damaged_by_those_that_it_fetches(
    installed: ClientRepository, tmp_path: Path
) -> None:
    del installed
    folder = tmp_path / "apps"
    site = folder / "apps" / APP / "1/layers" / APP / SITE
    (site / "hello.py").unlink()
    (site / "words.py").write_text("WORD = 'y'\n")
    shutil.rmtree(folder / "documents")
    done = called("repair", "--into", folder, "--json")
    assert done.returncode == 0, done
    told = [json.loads(line) for line in done.stdout.splitlines()]
    paths = {event["path"] for event in told if event["event"] == "damage"}
    assert {str((site / name).relative_to(folder)) for name in ("hello.py", "words.py")} <= paths
    assert version(folder) == "1.0"


def test_repair_with_a_lost_list_reads_no_file_more_often(
    installed: ClientRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    del installed
    folder = tmp_path / "apps"
    layers = folder / "apps" / APP / "1/layers"
    read: list[str] = []

    def counting(path: str, file: ArchivedFile) -> bool:
        read.append(str(Path(path).relative_to(layers)))
        return is_sound(path, file)

    monkeypatch.setattr(checking, "is_sound", counting)
    generation = Generations(opened_layout(folder), APP).read(1)
    lost = generation.application.index.sha256
    (folder / "documents" / lost).unlink()
    repair(folder)
    times = {path: read.count(path) for path in read}
    # Before and after; those of the application once more only where its lists came meanwhile.
    assert max(times.values()) == 2
    assert {path.partition("/")[0] for path in times} == {RUNTIME, APP}


def test_a_link_in_the_place_of_a_layer_is_damage_and_nothing_behind_it_is_touched(
    installed: ClientRepository, tmp_path: Path
) -> None:
    del installed
    folder = tmp_path / "apps"
    layer = folder / "apps" / APP / "1/layers" / APP
    elsewhere = tmp_path / "elsewhere"
    layer.rename(elsewhere)
    layer.symlink_to(elsewhere)
    (elsewhere / "letter.txt").write_text("Dear Ada")
    before = sorted(path for path in elsewhere.rglob("*"))
    assert called("verify", "--into", folder).returncode == 3
    assert called("repair", "--into", folder, "--remove-extra").returncode == 0
    assert not layer.is_symlink()
    assert sorted(path for path in elsewhere.rglob("*")) == before
    assert version(folder) == "1.0"


def test_a_server_that_never_comes_to_an_end(
    installed: ClientRepository, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    folder = tmp_path / "apps"
    del installed
    monkeypatch.setattr(pace, "WINDOW", 0.3)
    monkeypatch.setattr(pace, "LEAST", 300)
    settings = folder / "apps" / APP / "settings.json"
    before = settings.read_bytes()
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 1000\r\n\r\n"
    with slow_server([head], pause=0.02, again=b" ") as url:
        settings.write_text(json.dumps({**json.loads(before), "repository": url}))
        done = called("update", "--into", folder)
        assert (done.returncode, re.sub("sent [0-9]+ bytes", "sent N bytes", done.stderr)) == (
            5,
            f"error: {url}: `repository.json`: the server sent N bytes in 0.3 seconds; it is given "
            "up below 300. Use another server.\n",
        )
    settings.write_bytes(before)
    assert version(folder) == "1.0"
    assert called("update", "--into", folder).returncode == 0
    assert version(folder) == "1.1"


def test_what_applications_share_is_there_once(tmp_path: Path) -> None:
    repository = ClientRepository(tmp_path / "repository")
    text = random.Random(16).getrandbits(4_000_000).to_bytes(500_000, "little").hex()
    apps = [f"app-{number}" for number in range(3)]
    runtime = repository.layer(
        RUNTIME, "runtime", (), [runtime_content(), Content("x.whl", {f"{SITE}/large.txt": text})]
    )
    own = {f"{SITE}/hello.py": "print(1)\n", **own_files((RUNTIME,), "hello")}
    layers = [
        repository.layer(name, "application", (RUNTIME,), [Content("layer", own, own_links())])
        for name in apps
    ]
    repository.release("1.0", [runtime, *layers])
    folder = tmp_path / "apps"
    sizes = []
    for name in apps:
        install(folder, repository.request(name))
        done = subprocess.run(["du", "-sk", str(folder)], capture_output=True, check=True)
        sizes.append(int(done.stdout.split()[0]))
    assert sizes[0] > 1000
    # Folders, links and the small files of an application.
    assert sizes[-1] - sizes[0] < 2 * 150
    called("uninstall", "--into", folder, apps[0])
    called("gc", "--into", folder)
    for name in apps[1:]:
        assert called("verify", "--into", folder, name).returncode == 0
        assert called("run", "--into", folder, name).stdout == "1\n"
