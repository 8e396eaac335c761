"""Application folders and packages for macOS, read by other tools.

What needs no macOS runs here: the programs in them are for `sh`.
"""

from __future__ import annotations

import hashlib
import plistlib
import shutil
import subprocess
import xml.etree.ElementTree as ET
import zlib
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client_repository import APP, RUNTIME, ClientRepository
from tests.support.installers import (
    PROGRAMS,
    Shell,
    bundle_request,
    left_in,
    make_installer,
    publish_with_client,
    remade,
    shell,
)
from venvstacks_rules.actions.commands import make_bundle
from venvstacks_rules.model.errors import ArchiveError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.bundles import Following

IDENTIFIER = "com.example.hello"
INSTALLED = "Library/Application Support/hello"

needs_bsdtar = pytest.mark.skipif(shutil.which("bsdtar") is None, reason="needs bsdtar")


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> ClientRepository:
    made = ClientRepository(tmp_path_factory.mktemp("macosx") / "repository")
    publish_with_client(made, "1.0")
    return made


def made_as(form: str, repository: ClientRepository, folder: Path) -> Path:
    """An installer of version 1.0, in a form."""
    folder.mkdir()
    following = Following(repository.url, "stable", allow_unsigned=True)
    request = bundle_request(repository, "1.0", folder, following=following)
    request = replace(request, form=form, identifier=IDENTIFIER)
    remade(request, folder / f"hello.{form}")
    return folder / f"hello.{form}"


def unpacked(archive: Path, folder: Path) -> Path:
    """What `bsdtar`, the `tar` of macOS, makes of an archive."""
    folder.mkdir()
    subprocess.run(["bsdtar", "-xpf", str(archive), "-C", str(folder)], check=True)
    return folder


def tree(folder: Path) -> dict[str, tuple[int, str]]:
    """All files and links below a folder, with mode and content."""
    return {
        str(path.relative_to(folder)): (
            path.lstat().st_mode,
            str(path.readlink())
            if path.is_symlink()
            else hashlib.sha256(path.read_bytes()).hexdigest(),
        )
        for path in folder.rglob("*")
        if path.is_symlink() or path.is_file()
    }


def started(with_programs: Shell, app: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Start the application as macOS does."""
    return with_programs.run(app / "Contents/MacOS/hello", *arguments)


@needs_bsdtar
@pytest.mark.parametrize("name", ["dash", "busybox"])
def test_an_application_folder(name: str, repository: ClientRepository, tmp_path: Path) -> None:
    archive = made_as("app", repository, tmp_path / "made")
    app = unpacked(archive, tmp_path / "my apps") / "hello.app"
    assert left_in(app.parent) == ["hello.app"]
    assert plistlib.loads((app / "Contents/Info.plist").read_bytes()) == {
        "CFBundleDevelopmentRegion": "en",
        "CFBundleExecutable": "hello",
        "CFBundleIdentifier": IDENTIFIER,
        "CFBundleInfoDictionaryVersion": "6.0",
        "CFBundleName": "hello",
        "CFBundlePackageType": "APPL",
        "CFBundleShortVersionString": "1.0",
        "CFBundleVersion": "1.0",
    }
    assert left_in(app / "Contents") == ["Info.plist", "MacOS", "Resources"]
    assert left_in(app / "Contents/Resources/client") == [
        "app-deploy",
        RUNTIME,
        "start.py",
        "venvstacks-deploy",
    ]
    before = tree(app)
    machine = shell(name, tmp_path / name, (*PROGRAMS, "readlink"))
    done = started(machine, app, "Ada")
    assert (done.returncode, done.stdout) == (0, "1.0 hello Ada\n"), done.stderr
    assert "Installed app-hello 1.0 (generation 1)." in done.stderr
    # The second start says nothing, and installs nothing.
    done = started(machine, app, "Ada")
    assert (done.stdout, done.stderr) == ("1.0 hello Ada\n", "")
    # It follows the channel, and the folder does not bring back its own version.
    publish_with_client(repository, "1.1", word="moin")
    into = machine.home / INSTALLED
    client = app / "Contents/Resources/client/venvstacks-deploy"
    assert machine.run(client, "update", "--into", into).returncode == 0
    assert started(machine, app).stdout == "1.1 moin\n"
    # By a link, as on a desktop of others.
    (tmp_path / "link").symlink_to(app / "Contents/MacOS/hello")
    assert machine.run(tmp_path / "link").stdout == "1.1 moin\n"
    # Whoever signs it finds nothing changed.
    assert tree(app) == before
    assert machine.run(client, "uninstall", "--into", into, APP).returncode == 0
    assert not into.exists()
    assert started(machine, app).stdout == "1.0 hello\n"
    publish_with_client(repository, "1.0")


@needs_bsdtar
def test_an_application_folder_that_cannot_install(
    repository: ClientRepository, tmp_path: Path
) -> None:
    archive = made_as("app", repository, tmp_path / "made")
    app = unpacked(archive, tmp_path / "apps") / "hello.app"
    machine = shell("dash", tmp_path / "dash")
    (machine.home / "Library").write_text("")
    done = started(machine, app)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.endswith("error: hello 1.0 cannot be installed.\n")


def test_a_damaged_archive_makes_no_folder(repository: ClientRepository, tmp_path: Path) -> None:
    request = bundle_request(repository, "1.0", tmp_path)
    archive = Path(request.archives[0])
    archive.write_bytes(archive.read_bytes()[:-100])
    request = replace(request, form="app", identifier=IDENTIFIER, output=str(tmp_path / "x"))
    with pytest.raises(ArchiveError, match=f"`{archive}` cannot be used:"):
        make_bundle.run(to_json(request))
    assert not list(tmp_path.glob("x*"))


@needs_bsdtar
def test_a_package(repository: ClientRepository, tmp_path: Path) -> None:
    package = made_as("pkg", repository, tmp_path / "made")
    out = unpacked(package, tmp_path / "package")
    assert left_in(out) == ["PackageInfo", "Scripts"]
    info = ET.fromstring((out / "PackageInfo").read_text())
    assert (info.tag, info.get("identifier"), info.get("version"), info.get("auth")) == (
        "pkg-info",
        IDENTIFIER,
        "1.0",
        "root",
    )
    assert [child.get("file") for child in info.iter("postinstall")] == ["./postinstall"]
    scripts = unpacked(out / "Scripts", tmp_path / "scripts")
    assert left_in(scripts) == ["installer.sh", "postinstall"]
    script = (scripts / "postinstall").read_text()
    assert script.endswith('--into "/Library/Application Support/hello"\n')
    subprocess.run(["dash", "-n", str(scripts / "postinstall")], check=True)
    following = Following(repository.url, "stable", allow_unsigned=True)
    (tmp_path / "plain").mkdir()
    plain = make_installer(repository, "1.0", tmp_path / "plain", following)
    assert (scripts / "installer.sh").read_bytes() == plain.read_bytes()
    assert {path.stat().st_mode & 0o777 for path in scripts.iterdir()} == {0o755}
    machine = shell("dash", tmp_path / "dash")
    done = machine.run(scripts / "installer.sh", "--into", tmp_path / "into")
    assert done.returncode == 0, done.stderr
    # What the installer of macOS compares, and programs for signing read.
    data = package.read_bytes()
    header, packed, unpacked_size = (
        int.from_bytes(data[start:end], "big") for start, end in ((4, 6), (8, 16), (16, 24))
    )
    toc = zlib.decompress(data[header : header + packed])
    assert (data[:4], header, len(toc)) == (b"xar!", 28, unpacked_size)
    heap = data[header + packed :]
    assert heap[:20] == hashlib.sha1(data[header : header + packed]).digest()
    for file in ET.fromstring(toc).iter("file"):
        values = {each.tag: each.text or "" for each in file.iter()}
        start, size = int(values["offset"]), int(values["length"])
        content = heap[start : start + size]
        assert hashlib.sha1(content).hexdigest() == values["archived-checksum"]
        assert content == (out / values["name"]).read_bytes()


@pytest.mark.parametrize("form", ["app", "pkg"])
def test_the_same_bytes_again(form: str, repository: ClientRepository, tmp_path: Path) -> None:
    first = made_as(form, repository, tmp_path / "one").read_bytes()
    assert made_as(form, repository, tmp_path / "other").read_bytes() == first
