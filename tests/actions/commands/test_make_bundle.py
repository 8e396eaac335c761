"""Installers for Windows, and archives for the tools of every machine, read by other tools."""

from __future__ import annotations

import hashlib
import io
import json
import re
import shutil
import subprocess
import tarfile
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client_repository import RUNTIME, ClientRepository
from tests.support.installers import bundle_request, index_of
from venvstacks_rules.actions.commands import make_bundle, portable_archive
from venvstacks_rules.model.errors import ArchiveError, RepositoryError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.requests.bundle import MakeBundleRequest, PortableArchiveRequest


def archive_request(
    folder: Path, archive_format: str
) -> tuple[ClientRepository, PublishedStack, PortableArchiveRequest]:
    """A request for the archive of the runtime of a small stack."""
    repository = ClientRepository(folder / "repository", archive_format)
    stack = repository.publish("1.0")
    index = index_of(repository, stack, RUNTIME)
    key = stack.layer_keys[0]
    return (
        repository,
        stack,
        PortableArchiveRequest(
            str(repository.folder / str(key)),
            tuple(str(repository.folder / blob_key(s.blob.sha256)) for s in index.segments),
            str(folder / "archive"),
        ),
    )


needs_busybox = pytest.mark.skipif(shutil.which("busybox") is None, reason="needs busybox")


@needs_busybox
@pytest.mark.parametrize("archive_format", ["tar.zst", "tar.xz", "tar.gz"])
def test_other_tools_unpack_the_archive(archive_format: str, tmp_path: Path) -> None:
    _, _, request = archive_request(tmp_path, archive_format)
    made = portable_archive.run(to_json(request))
    data = Path(request.output).read_bytes()
    assert (made.size, made.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    (tmp_path / "out").mkdir()
    command = 'gzip -dc "$1" | busybox tar -xf - -C "$2"'
    subprocess.run(["sh", "-c", command, "x", request.output, tmp_path / "out"], check=True)
    files = {path.name for path in (tmp_path / "out" / RUNTIME).rglob("*") if path.is_file()}
    assert {"postinstall.py", "venvstacks_layer.json"} < files
    if archive_format == "tar.gz":
        # Nothing was compressed anew.
        assert data == b"".join(Path(path).read_bytes() for path in request.segments)


def test_a_damaged_segment_makes_no_archive(tmp_path: Path) -> None:
    _, _, request = archive_request(tmp_path, "tar.zst")
    path = Path(request.segments[0])
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(data)
    with pytest.raises(ArchiveError, match="The segment of `interpreter` is damaged:"):
        portable_archive.run(to_json(request))
    path.write_bytes(data[:-1])
    with pytest.raises(ArchiveError, match="it has [0-9]+ bytes; its index says [0-9]+"):
        portable_archive.run(to_json(request))
    assert not Path(request.output).exists()


def windows_request(folder: Path) -> MakeBundleRequest:
    """A request for an installer for Windows, with what a layer for it would be."""
    repository = ClientRepository(folder / "repository")
    repository.publish("1.0", apps=("app-deploy", "app-hello"))
    request = bundle_request(repository, "1.0", folder)
    description = json.loads(request.description)
    description["target_platform"] = "win_amd64"
    return replace(
        request,
        description=json.dumps(description),
        python="cpython/python.exe",
        site_folders=("app-deploy/Lib/site-packages",),
        output=str(folder / "hello.zip"),
    )


@needs_busybox
def test_an_installer_for_windows(tmp_path: Path) -> None:
    request = windows_request(tmp_path)
    made = make_bundle.run(to_json(request))
    data = Path(request.output).read_bytes()
    assert (made.size, made.sha256) == (len(data), hashlib.sha256(data).hexdigest())
    subprocess.run(["busybox", "unzip", "-q", request.output, "-d", tmp_path / "out"], check=True)
    (folder,) = (tmp_path / "out").iterdir()
    assert folder.name == "hello-1.0"
    found = sorted(path.name for path in folder.iterdir())
    assert found == [
        *(f"{number}.zip" for number in range(len(request.archives))),
        *("install.ps1", "payload.tar", "start.py", "venvstacks-deploy.cmd"),
    ]
    script = (folder / "install.ps1").read_text(encoding="ascii")
    assert "@" not in re.sub(r"@\{|@\(|@options", "", script)
    # It compares each file that it unpacks, copies or hands on.
    hashes = dict(re.findall(r"^    '([^']+)' = '([0-9a-f]{64})'$", script, re.MULTILINE))
    assert hashes == {
        name: hashlib.sha256((folder / name).read_bytes()).hexdigest()
        for name in found
        if name != "install.ps1"
    }
    # A client that cannot be replaced comes back before what is unpacked is removed.
    assert script.index("Move($old, $client)") < script.index("Remove-Item -LiteralPath $unpacked")
    # Quotes, and brackets of each kind, come in pairs.
    bare = re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#.*", "", script)
    for opening, closing in (("(", ")"), ("{", "}"), ("[", "]")):
        assert bare.count(opening) == bare.count(closing)
    assert (folder / "venvstacks-deploy.cmd").read_bytes() == (
        b'@"%~dp0cpython\\python.exe" -I "%~dp0start.py" %*\r\n'
    )
    compile((folder / "start.py").read_text(), "start.py", "exec")
    with tarfile.open(folder / "payload.tar") as payload:
        assert payload.getnames()[0] == "bundle.json"
        assert set(request.files) <= set(payload.getnames())


def test_the_same_bytes_again(tmp_path: Path) -> None:
    request = windows_request(tmp_path)
    make_bundle.run(to_json(request))
    first = Path(request.output).read_bytes()
    Path(request.output).unlink()
    make_bundle.run(to_json(request))
    assert Path(request.output).read_bytes() == first
    with zipfile.ZipFile(io.BytesIO(first)) as archive:
        assert {info.date_time[0] for info in archive.infolist()} == {1980}


def test_what_describes_no_installer(tmp_path: Path) -> None:
    request = replace(windows_request(tmp_path), description="{}")
    with pytest.raises(RepositoryError, match=r"bundle\.json"):
        make_bundle.run(to_json(request))
    assert not Path(request.output).exists()
