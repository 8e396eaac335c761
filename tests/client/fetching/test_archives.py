"""Applications from folders of archives, on a disk and on servers that know ranges or not."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import io
import json
import os
import random
import re
import shutil
import sys
import tarfile
import threading
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.support.client_repository import (
    APP,
    FRAMEWORK,
    LEVELS,
    RUNTIME,
    SITE,
    ClientRepository,
    Content,
    called,
    deploy,
    events,
)
from tests.support.packaged_stack import PackagedStack
from tests.support.stores import free_port, program, server
from tests.support.wheels import decompressed
from venvstacks_rules.client.api import Installation
from venvstacks_rules.client.commands.updating import InstallRequest, check, install, update
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.stores import attempts

RANGE = re.compile(r"bytes=([0-9]+)-([0-9]+)")


class Told:
    """What a command told."""

    def __init__(self) -> None:
        self.events: list[tuple[str, dict[str, Any]]] = []

    def __call__(self, kind: str, /, **values: Any) -> None:
        self.events.append((kind, values))

    def last(self, kind: str) -> dict[str, Any]:
        """The last event of a kind."""
        return [values for name, values in self.events if name == kind][-1]

    @property
    def notes(self) -> list[str]:
        """The texts of all notes."""
        return [values["text"] for name, values in self.events if name == "note"]


@pytest.fixture
def packaged(tmp_path: Path) -> PackagedStack:
    made = PackagedStack(tmp_path / "dist")
    made.package("1.0")
    return made


def said(folder: Path) -> str:
    """What the application prints, whose files are all as they should be."""
    assert called("verify", "--into", folder).returncode == 0
    return called("run", "--into", folder).stdout.strip()


def problems_of(request: InstallRequest, folder: Path) -> str:
    """Why nothing is installed."""
    with pytest.raises(RepositoryError) as caught:
        install(folder, request)
    assert not (folder / "apps" / APP / "current.json").exists()
    return str(caught.value)


@pytest.mark.parametrize(
    ("archive_format", "lists"), [("zip", True), *((name, False) for name in LEVELS)]
)
def test_all_formats(tmp_path: Path, archive_format: str, *, lists: bool) -> None:
    packaged, apps = PackagedStack(tmp_path / "dist", archive_format), tmp_path / "apps"
    # Two wheels have the file: the later one counts.
    both = [Content(f"{name}-1.0.whl", {f"{SITE}/both.py": f"{name!r}\n"}) for name in "ab"]
    packaged.package("1.0", more=both)
    if not lists:
        for path in packaged.folder.glob("*.segments.json"):
            path.unlink()
    install(apps, packaged.request(manifest=packaged.pin))
    assert said(apps) == "1.0 hello"
    layers = apps / "apps" / APP / "1/layers"
    assert (layers / FRAMEWORK / SITE / "both.py").read_text() == "'b'\n"
    # All that the archives have, the layers' own files as well.
    expected = {
        name for path in packaged.folder.glob(f"*.{archive_format}") for name in names(path)
    }
    installed = {
        path.relative_to(layers).as_posix()
        for path in layers.rglob("*")
        if path.is_symlink() or (path.is_file() and path.suffix != ".pyc")
    }
    assert installed == expected | {f"{layer}/pyvenv.cfg" for layer in (FRAMEWORK, APP)}


def names(archive: Path) -> list[str]:
    """What an archive has, by programs of others."""
    if archive.suffix == ".zip":
        return zipfile.ZipFile(archive).namelist()
    if archive.suffix == ".zst":
        return tarfile.open(fileobj=io.BytesIO(decompressed(archive))).getnames()
    return tarfile.open(archive).getnames()


def test_nothing_vouches_for_a_folder(packaged: PackagedStack, tmp_path: Path) -> None:
    apps = tmp_path / "apps"
    assert problems_of(packaged.request(), apps) == (
        f"{packaged.url}: a folder of archives is not signed, so nothing can be verified.\n"
        "  * name the hash of its manifest that its publisher gave you, with `--manifest "
        "sha256:...`\n"
        "  * or say `--allow-unsigned`: whoever can change the folder, or the way to it, then "
        "decides what runs here"
    )
    told = Told()
    install(apps, packaged.request(allow_unsigned=True), told)
    assert told.notes == ["The folder of archives is not signed."]
    assert said(apps) == "1.0 hello"


def test_a_pin_is_of_one_manifest(packaged: PackagedStack, tmp_path: Path) -> None:
    apps, told, pin = tmp_path / "apps", Told(), packaged.pin
    first = Installation(apps, told).install(packaged.url, APP, manifest=pin)
    assert (first.generation, told.notes) == (1, [])
    assert not update(apps).changed
    packaged.package("1.1", word="hi")
    with pytest.raises(RepositoryError) as caught:
        update(apps)
    assert str(caught.value) == (
        f"`{packaged.url}/__venvstacks__/venvstacks.json` is not believed.\n"
        f"  * its hash is {packaged.pin}, and {pin} is pinned\n"
        "  * for a new version, run `venvstacks-deploy install` with the hash that its publisher "
        "gave you"
    )
    assert said(apps) == "1.0 hello"
    install(apps, packaged.request(manifest=packaged.pin))
    assert said(apps) == "1.1 hi"


def test_an_update_fetches_segments_that_changed(packaged: PackagedStack, tmp_path: Path) -> None:
    apps, told = tmp_path / "apps", Told()
    assert install(apps, packaged.request(allow_unsigned=True)).changed
    assert not update(apps, report=told).changed
    packaged.package("1.0", word="hi")
    checked = check(apps)
    assert (checked.changed, checked.installed == checked.version) == (True, False)
    change = update(apps, report=told)
    assert change.version == checked.version
    assert (change.generation, told.last("plan")["fetched_segments"]) == (2, 1)
    assert said(apps) == "1.0 hi"
    for command, text in ((["rollback"], "1.0 hello"), (["update"], "1.0 hi")):
        assert called(*command, "--into", apps).returncode == 0
        assert said(apps) == text
    lines = called("list", "--into", apps).stdout.splitlines()
    assert lines[0].startswith(f"{APP}, archives of {packaged.url}: 2 generations, ")
    assert events(called("list", "--json", "--into", apps).stdout)[0]["channel"] is None
    assert called("gc", "--into", apps).returncode == 0
    for damaged in (apps / "documents", apps / "apps" / APP / "2/layers" / FRAMEWORK / SITE):
        shutil.rmtree(damaged)
        assert called("verify", "--into", apps).returncode == 3
        assert called("repair", "--into", apps).returncode == 0
    assert said(apps) == "1.0 hi"
    assert called("uninstall", "--into", apps).returncode == 0
    assert not apps.exists()


def test_repair_from_a_folder_that_has_another_version(
    packaged: PackagedStack, tmp_path: Path
) -> None:
    apps = tmp_path / "apps"
    install(apps, packaged.request(allow_unsigned=True))
    layers = apps / "apps" / APP / "1/layers"
    packaged.package("1.0", word="hi")
    # It is in the new archive as well.
    (layers / FRAMEWORK / SITE / "big.py").unlink()
    assert called("repair", "--into", apps).returncode == 0
    assert said(apps) == "1.0 hello"
    (layers / FRAMEWORK / SITE / "words.py").unlink()
    done = called("repair", "--into", apps)
    assert done.returncode == 4
    assert re.fullmatch(
        rf"error: {packaged.url}: `blobs/sha256/../[0-9a-f]*` is not there any more\.\n"
        r"  \* the folder has archives of another version; run `venvstacks-deploy update`\n",
        done.stderr,
    )
    assert called("update", "--into", apps).returncode == 0
    assert said(apps) == "1.0 hi"


def test_another_application_of_the_folder_changes_nothing(
    packaged: PackagedStack, tmp_path: Path
) -> None:
    apps = tmp_path / "apps"
    install(apps, packaged.request(allow_unsigned=True))
    packaged.package("1.0", apps=(APP, "app-other"))
    assert not update(apps).changed


@pytest.mark.parametrize("place", ["{platform}/", "{platform}/tagged/", "tagged/", ""], ids=str)
def test_where_manifests_lie(tmp_path: Path, place: str) -> None:
    tagged = "tagged/" in place
    made = PackagedStack(tmp_path / "x", tagged=tagged)
    folder = tmp_path / "dist" / place.format(platform=made.platform).replace("tagged/", "")
    made.folder = folder
    made.package("1.0")
    # Others are beside it.
    other = PackagedStack(folder, tagged=tagged, platform="linux_armv7l")
    if tagged:
        other.package("0.9")
    apps = tmp_path / "apps"
    install(apps, made.request(repository=str(tmp_path / "dist"), allow_unsigned=True))
    assert said(apps) == "1.0 hello"
    assert not update(apps).changed


def test_what_is_looked_for(tmp_path: Path) -> None:
    folder, apps = tmp_path / "dist", tmp_path / "apps"
    folder.mkdir()
    made = PackagedStack(folder, platform="win_arm64")
    request = made.request(platform="linux_x86_64", allow_unsigned=True)
    assert problems_of(request, apps) == (
        f"{made.url}: there is no repository, and no folder of archives.\n"
        "  * it has no `repository.json`, and none of "
        "`__venvstacks__/venvstacks-linux_x86_64.json`, `__venvstacks__/venvstacks.json`, "
        "`linux_x86_64/__venvstacks__/venvstacks-linux_x86_64.json`, "
        "`linux_x86_64/__venvstacks__/venvstacks.json`\n"
        "  * look at the URL; a folder of archives is what `package` writes for a "
        "`venvstacks_manifest`"
    )
    made.package("1.0")
    assert problems_of(request, apps) == (
        f"{made.url}: there are no archives for linux_x86_64.\n"
        "  * `__venvstacks__/venvstacks.json` is for win_arm64"
    )
    assert not apps.exists()


def test_options_for_the_other_kind(packaged: PackagedStack, tmp_path: Path) -> None:
    apps = tmp_path / "apps"
    assert problems_of(packaged.request(root="sha256:" + 64 * "a"), apps) == (
        f"{packaged.url} is a folder of archives, which nobody signs.\n"
        "  * pin its manifest with `--manifest sha256:...` in place of `--root`"
    )
    assert problems_of(packaged.request(manifest="abc"), apps) == (
        "`abc` does not pin a manifest.\n"
        "  * write `sha256:` and its hash in lower-case hexadecimal, as `sha256sum` prints it"
    )
    assert problems_of(packaged.request(version="1.0", allow_unsigned=True), apps).startswith(
        f"{packaged.url}: there is no version '1.0'.\n"
        "  * a folder of archives has one version; it is "
    )
    made = ClientRepository(tmp_path / "repository")
    made.publish("1.0")
    request = made.request(allow_unsigned=False, manifest=packaged.pin)
    assert problems_of(request, apps) == (
        f"{made.url} is a repository, and `--manifest` pins a folder of archives.\n"
        "  * pin the root of the repository with `--root`"
    )
    request = InstallRequest(packaged.url, "app-other", allow_unsigned=True)
    assert problems_of(request, apps) == (
        f"{packaged.url}/__venvstacks__/venvstacks.json: The manifest has no application "
        f"`app-other`.\n  * the applications there: `{APP}`"
    )


def changed_list(packaged: PackagedStack) -> str:
    """Have the list of the framework ask for another content; its hash before."""
    path = packaged.beside(FRAMEWORK)
    before = hashlib.sha256(path.read_bytes()).hexdigest()
    data = json.loads(path.read_text())
    data["segments"][-1]["files"][0]["sha256"] = 64 * "0"
    path.write_text(json.dumps(data))
    return before


def test_a_pin_covers_the_lists(packaged: PackagedStack, tmp_path: Path) -> None:
    """Who can change the folder can change lists, segments and hashes of both; not the manifest."""
    apps = tmp_path / "apps"
    before = changed_list(packaged)
    after = hashlib.sha256(packaged.beside(FRAMEWORK).read_bytes()).hexdigest()
    text = (
        f"{packaged.url}: `{FRAMEWORK}.segments.json` is damaged.\n"
        f"  * its hash is sha256:{after}, not sha256:{before}\n"
        "  * upload the folder again"
    )
    assert problems_of(packaged.request(manifest=packaged.pin), apps) == text
    assert problems_of(packaged.request(allow_unsigned=True), apps) == text


def without_hashes(packaged: PackagedStack) -> None:
    """Have a manifest as earlier versions wrote it."""
    manifest = json.loads(packaged.manifest.read_text())
    del manifest["segment_indexes"]
    packaged.manifest.write_text(json.dumps(manifest))


def test_a_list_that_nobody_vouches_for(packaged: PackagedStack, tmp_path: Path) -> None:
    apps, told = tmp_path / "apps", Told()
    without_hashes(packaged)
    install(apps, packaged.request(allow_unsigned=True), told)
    assert told.last("plan")["fetched_segments"] == 6
    # Now somebody says that this is the manifest: what was believed before counts no more.
    told = Told()
    install(apps, packaged.request(manifest=packaged.pin), told)
    assert told.notes == [
        f"`{name}.tar.zst` is fetched as a whole: the manifest does not say the hash of "
        f"`{name}.segments.json`."
        for name in (RUNTIME, FRAMEWORK, APP)
    ]
    assert told.last("plan")["linked"] == told.last("plan")["files"] - 4
    # And what the archives themselves said does.
    told = Told()
    assert not update(apps, report=told).changed
    assert told.notes == []


def test_a_list_that_lies_is_found_out_by_a_pin(packaged: PackagedStack, tmp_path: Path) -> None:
    """The same list, hashes and all, is believed without one: so much for unsigned folders."""
    evil = PackagedStack(tmp_path / "evil")
    evil.package("1.0", word="olleh")
    without_hashes(packaged)
    for name in (f"{FRAMEWORK}.tar.zst", f"{FRAMEWORK}.segments.json"):
        shutil.copy(evil.folder / name, packaged.folder / name)
    segments = packaged.beside(FRAMEWORK)
    data = json.loads(segments.read_text())
    real = json.loads(packaged.beside(FRAMEWORK, ".json").read_text())
    data["archive_sha256"] = real["archive_hashes"]["sha256"]
    # Whatever follows the segments.
    more = real["archive_size"] - data["archive_size"]
    data["archive_size"] = real["archive_size"]
    assert more == 0
    segments.write_text(json.dumps(data))
    apps = tmp_path / "apps"
    install(apps, packaged.request(allow_unsigned=True))
    assert said(apps) == "1.0 olleh"
    with pytest.raises(RepositoryError, match=f"`{FRAMEWORK}.tar.zst` is damaged"):
        install(apps, packaged.request(manifest=packaged.pin))


class Server:
    """A server of files that knows ranges as it is told."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.url = ""
        self.lie: str | None = None
        """The header ``Content-Range`` of each answer with a part, from its first and last byte."""
        self.cut_after: int | None = None
        """Break each answer after so many bytes."""
        self.asked: list[tuple[str, str]] = []
        """Names of files, and ranges."""

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        path = self.folder / handler.path.lstrip("/")
        asked = handler.headers.get("Range", "")
        if not path.is_file():
            handler.send_error(404)
            return
        self.asked.append((path.name, asked))
        data = path.read_bytes()
        found = RANGE.fullmatch(asked)
        start, end = (int(found[1]), int(found[2]) + 1) if found else (0, len(data))
        handler.send_response(206 if found else 200)
        if found:
            real = f"bytes {start}-{end - 1}/{len(data)}"
            handler.send_header("Content-Range", self.lie or real)
        handler.send_header("Content-Length", str(end - start))
        handler.end_headers()
        handler.wfile.write(data[start:end][: self.cut_after])
        handler.close_connection = True


@contextlib.contextmanager
def serving(folder: Path) -> Iterator[Server]:
    """Serve a folder until the block ends."""
    made = Server(folder)

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            made.answer(self)

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler) as running:
        threading.Thread(target=running.serve_forever, args=(0.02,), daemon=True).start()
        made.url = f"http://127.0.0.1:{running.server_address[1]}"
        yield made
        running.shutdown()


def test_ranges_of_archives(packaged: PackagedStack, tmp_path: Path) -> None:
    apps, told = tmp_path / "apps", Told()
    with serving(packaged.folder) as web:
        install(apps, packaged.request(repository=web.url, manifest=packaged.pin))
        asked = [name for name, _ in web.asked]
        assert asked.count("venvstacks.json") == 1
        # One question whether it knows ranges, and one for each segment.
        assert sum(name.endswith(".tar.zst") for name in asked) == 1 + 6
        web.asked.clear()
        assert not update(apps).changed
        assert web.asked == [("venvstacks.json", "")]
        packaged.package("1.1", word="hi")
        web.asked.clear()
        install(apps, packaged.request(repository=web.url, manifest=packaged.pin), told)
        lists = [name for name, _ in web.asked if name.endswith(".segments.json")]
        # The runtime's archive is the same.
        assert lists == [f"{FRAMEWORK}.segments.json", f"{APP}.segments.json"]
        fetched = [(name, place) for name, place in web.asked if name.endswith(".tar.zst")]
        assert {name for name, _ in fetched} == {f"{FRAMEWORK}.tar.zst", f"{APP}.tar.zst"}
        assert len(fetched) == 1 + 2
    assert said(apps) == "1.1 hi"


def test_a_connection_that_breaks(
    packaged: PackagedStack, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(attempts, "WAITS", [0.01, 0.02])
    text = random.Random(1).getrandbits(8 * 100_000).to_bytes(100_000, "little").hex()
    packaged.package("1.0", more=[Content("noise-1.0.whl", {f"{SITE}/noise.txt": text})])
    apps = tmp_path / "apps"
    with serving(packaged.folder) as web:
        request = packaged.request(repository=web.url, manifest=packaged.pin)
        web.cut_after = 30_000
        install(apps, request)
        asked = [place for place in web.asked if place[0] == f"{FRAMEWORK}.tar.zst"]
        assert len(asked) > 5
        # Nothing came twice.
        assert len(set(asked)) == len(asked)
    assert said(apps) == "1.0 hello"


@pytest.mark.parametrize("lie", ["bytes 7-99/100", "nonsense", "bytes */100"])
def test_another_range_than_was_asked_for(
    packaged: PackagedStack, tmp_path: Path, lie: str
) -> None:
    with serving(packaged.folder) as web:
        web.lie = lie
        done = called(
            *("install", "--from", web.url, "--app", APP, "--manifest", packaged.pin),
            *("--into", tmp_path / "apps"),
        )
    assert done.returncode == 4
    assert f"{web.url}: `" in done.stderr
    assert "` is damaged.\n" in done.stderr


def test_other_bytes_than_were_asked_for(packaged: PackagedStack, tmp_path: Path) -> None:
    archive = packaged.folder / f"{FRAMEWORK}.tar.zst"
    data = bytearray(archive.read_bytes())
    data[len(data) // 3] ^= 1
    archive.write_bytes(data)
    with serving(packaged.folder) as web:
        request = packaged.request(repository=web.url, manifest=packaged.pin)
        text = problems_of(request, tmp_path / "apps")
    assert f"{web.url}: `{FRAMEWORK}.tar.zst` is damaged.\n" in text
    assert "if it is being uploaded, try again; otherwise upload the folder again" in text


@contextlib.contextmanager
def python_server(folder: Path, log: Path) -> Iterator[str]:
    """The server of the standard library, which knows no ranges."""
    port = free_port()
    command = [sys.executable, "-m", "http.server", str(port), "--bind", "127.0.0.1"]
    with server([*command, "--directory", str(folder)], port, log, dict(os.environ)):
        yield f"http://127.0.0.1:{port}"


def test_a_server_without_ranges(packaged: PackagedStack, tmp_path: Path) -> None:
    apps, log, told = tmp_path / "apps", tmp_path / "log", Told()
    both = [Content(f"{name}-1.0.whl", {f"{SITE}/both.py": f"{name!r}\n"}) for name in "ab"]
    packaged.package("1.0", more=both)
    with python_server(packaged.folder, log) as url:
        install(apps, packaged.request(repository=url, manifest=packaged.pin), told)
        assert told.last("plan")["fetched_segments"] == 3
        # Each archive once, and one question whether there are ranges.
        assert log.read_text().count("GET /framework-words.tar.zst ") == 1
        assert len(re.findall(r"GET /\S*\.tar\.zst ", log.read_text())) == 1 + 3
        packaged.package("1.1", more=both)
        install(apps, packaged.request(repository=url, manifest=packaged.pin), told)
        assert told.last("plan")["fetched_segments"] == 1
        assert len(re.findall(r"GET /\S*\.tar\.zst ", log.read_text())) == 1 + 3 + 1 + 1
    assert said(apps) == "1.1 hello"
    assert (apps / "apps" / APP / "2/layers" / FRAMEWORK / SITE / "both.py").read_text() == "'b'\n"


def test_nginx(packaged: PackagedStack, tmp_path: Path) -> None:
    """As users do it, from the upload to the second version."""
    port, place, apps = free_port(), tmp_path / "nginx", tmp_path / "apps"
    place.mkdir(mode=0o755)
    temporary = "".join(
        f"{name}_temp_path {place}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (place / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {place}/pid; error_log {place}/errors;\n"
        f"events {{}}\nhttp {{ access_log {place}/answers; {temporary} server {{\n"
        f"listen 127.0.0.1:{port}; root {packaged.folder}; }} }}\n"
    )
    command = [program("nginx"), "-p", str(place), "-c", str(place / "nginx.conf")]
    with server(command, port, place / "log"):
        done = deploy(
            *("install", "--from", f"http://127.0.0.1:{port}", "--app", APP),
            *("--into", apps, "--allow-unsigned"),
        )
        assert done.returncode == 0, done
        packaged.package("1.1", word="hi")
        done = deploy("update", "--into", apps)
        assert done.returncode == 0, done
        answers = (place / "answers").read_text()
    assert "in 2 segments, after " in done.stdout
    assert len(re.findall(r"\.tar\.zst HTTP/1\.1. 206 ", answers)) == 1 + 6 + 1 + 2
    assert not re.findall(r"\.tar\.zst HTTP/1\.1. 200 ", answers)
    assert said(apps) == "1.1 hi"
