"""Wheels of an installer, in every format of archives, and what the client does not believe."""

from __future__ import annotations

import json
import re
import tarfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.client_repository import APP, SITE, ClientRepository, Content, called
from tests.support.installers import bundle_request, publish_with_client, with_wheels
from venvstacks_rules.client.commands.bundled import BundleRequest, install_bundle
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.bundles import Bundle
from venvstacks_rules.model.repository.indexes import LayerIndex
from venvstacks_rules.model.repository.keys import blob_key


def carried(
    folder: Path, archive_format: str = "tar.zst", more: Sequence[Content] = ()
) -> dict[str, bytes]:
    """The files of a payload that has all layers, two of them with wheels."""
    repository = ClientRepository(folder / "repository", archive_format)
    publish_with_client(repository, "1.0", more=more)
    request = bundle_request(repository, "1.0", folder)
    for path in [path for key, path in request.files.items() if key.startswith("layers/")]:
        for segment in LayerIndex.from_json(Path(path).read_bytes()).segments:
            key = blob_key(segment.blob.sha256)
            request.files.setdefault(key, str(repository.folder / key))
    request = with_wheels(repository, request, folder / "wheels", lacking="data.txt")
    bundle = replace(Bundle.from_json(request.description.encode()), unpacked=())
    files = {key: Path(path).read_bytes() for key, path in request.files.items()}
    return {"bundle.json": bundle.to_json().encode(), **files}


def install(files: dict[str, bytes], folder: Path) -> Path:
    """Install what a payload brings."""
    with tarfile.open(folder / "payload.tar", "w") as payload:
        for name, data in files.items():
            path = folder / "file"
            path.write_bytes(data)
            payload.add(path, name)
    install_bundle(folder / "apps", BundleRequest(folder / "payload.tar"))
    return folder / "apps"


@pytest.mark.parametrize("archive_format", ["tar.zst", "tar.gz", "zip"])
def test_all_formats(archive_format: str, tmp_path: Path) -> None:
    apps = install(carried(tmp_path, archive_format), tmp_path)
    assert called("verify", "--into", apps).returncode == 0
    assert called("run", "--into", apps, APP, "--", "Ada").stdout == "1.0 hello Ada\n"


def test_one_wheel_is_in_place_of_several_segments(tmp_path: Path) -> None:
    """As of a wheel with large files, each of which has a segment of its own."""
    more = [Content("big-1.0.whl", {f"{SITE}/lib{n}.so": f"{n}" * 9999}) for n in range(3)]
    files = carried(tmp_path, more=more)
    wheels = [key for key in files if key.endswith("big-1.0.whl")]
    documents = [json.loads(files[key]) for key in files if re.match(r"wheels/.*json$", key)]
    of_wheel = [data for data in documents if data["file_name"] == "big-1.0.whl"]
    assert (len(wheels), len(of_wheel)) == (1, 4)
    apps = install(files, tmp_path)
    assert called("verify", "--into", apps).returncode == 0
    installed = [path.read_text() for path in sorted(apps.glob(f"apps/*/1/*/*/{SITE}/lib*.so"))]
    assert installed == [f"{n}" * 9999 for n in range(3)]


def test_what_is_not_believed(tmp_path: Path) -> None:
    files = carried(tmp_path)
    documents = [key for key in files if key.startswith("wheels/") and key.endswith(".json")]
    key = next(key for key in documents if json.loads(files[key])["entries"] != [-1])
    data = json.loads(files[key])
    wheel = next(each for each in files if each.endswith("big-1.0.whl"))
    for changed, problem in (
        ({key: b"{}"}, f"`{key}` cannot be used."),
        (
            {key: json.dumps({**data, "entries": [1, 1]}).encode()},
            f"`{key}` cannot be used.\n  * it is for another segment than that of `big-1.0.whl`",
        ),
        (
            {key: json.dumps({**data, "entries": [0]}).encode()},
            "big.py' is not what its list says",
        ),
        ({wheel: files[wheel][:-1] + b"x"}, "is damaged."),
    ):
        with pytest.raises(RepositoryError) as caught:
            install({**files, **changed}, tmp_path)
        assert problem in str(caught.value)
        assert not list((tmp_path / "apps").glob("staging/*"))
        assert not (tmp_path / f"apps/apps/{APP}/1").exists()
