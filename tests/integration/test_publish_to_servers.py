"""``publish`` to real servers, with credentials, and with signatures."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import stores
from tests.support.build_root import BuildRoot, Finished
from tests.support.machines import TALKATIVE, FirstBuild
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Store

pytestmark = pytest.mark.xdist_group("first build")

RELEASE = """
venvstacks_release(
    name="release",
    layers=[":hello"],
    version="{version}",
    channel="stable",
    repositories=["{url}"],
)
"""
TARGET = "examples/hello:release"
PASSWORD = "correct horse battery staple"


@pytest.fixture(scope="module")
def root(first: FirstBuild) -> Iterator[BuildRoot]:
    """Of a machine whose daemon tells all it does, and keeps what its processes saw."""
    root = first.machine.root
    build = root.read("examples/hello/BUILD")
    yield root
    root.write("examples/hello/BUILD", build)


def publish(root: BuildRoot, *options: str, **variables: str) -> Finished:
    """Publish the release; it leaves no settings behind."""
    done = root.pants(*TALKATIVE, *options, "publish", TARGET, environment=variables)
    network = Path(root.environment["PANTS_NAMED_CACHES_DIR"]) / "venvstacks_network"
    assert list(network.iterdir()) == []
    return done


def release(root: BuildRoot, url: str, version: str = "1.0") -> None:
    build = root.read("examples/hello/BUILD").partition("\nvenvstacks_release")[0]
    root.write("examples/hello/BUILD", build + RELEASE.format(url=url, version=version))


def versions(store: Store) -> list[str]:
    """The versions that the channels point at."""
    repository = Repository(store)
    found = []
    for key, _ in repository.channels():
        record = repository.record(key)
        assert record is not None
        found.append(record.record.current.version)
    return found


def repository_command(*arguments: str, folder: Path, **variables: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.repository", *arguments],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_a_bucket(root: BuildRoot, tmp_path: Path) -> None:
    with stores.s3(tmp_path) as served:
        release(root, served.url)
        variables = {
            name: value for name, value in served.environment.items() if name.startswith("AWS_")
        }
        secret = "a-secret-of-nobody-else"
        variables["AWS_SECRET_ACCESS_KEY"] = secret
        done = publish(root, **variables)
        assert done.code == 0, done.stderr
        assert secret not in done.stdout + done.stderr
        store = opened(served.url, served.environment)
        assert versions(store) == ["1.0"]
        again = publish(root, **variables)
        assert f"skipped as {served.url} has all of it" in again.stderr


def test_a_server_that_is_not_there(root: BuildRoot) -> None:
    url = "s3://layers/here"
    release(root, url)
    variables = {
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{stores.free_port()}",
        "AWS_ACCESS_KEY_ID": "nina",
        "AWS_SECRET_ACCESS_KEY": "a-secret-of-nobody-else",
        "AWS_REGION": "us-east-1",
    }
    failed = publish(root, **variables)
    assert failed.code == 1
    assert url in failed.error
    assert "Traceback" not in failed.stderr
    assert "a-secret-of-nobody-else" not in failed.stderr


def test_a_signed_repository(root: BuildRoot, tmp_path: Path) -> None:
    url = (tmp_path / "store").as_uri()

    def run(*arguments: str, **variables: str) -> None:
        repository_command(*arguments, folder=tmp_path, **variables)

    run("key", "generate", "root.pem")
    run("key", "generate", "ci.pem", VENVSTACKS_KEY_PASSWORD=PASSWORD)
    run(
        *("root", "create", "root.json", "--root-key", "root.pem.pub"),
        *("--root-threshold", "1", "--record-key", "ci.pem.pub", "--days", "365"),
    )
    run("root", "sign", "root.json", url, "--key", "root.pem")
    run("root", "publish", "root.json", url)
    release(root, url)
    unsigned = publish(root)
    assert unsigned.code == 1
    assert "clients would not believe what is published" in unsigned.stdout + unsigned.stderr
    key = "--venvstacks-publish-keys=['envvar:SIGNING_KEY?password=KEY_PASSWORD']"
    signing = {"SIGNING_KEY": (tmp_path / "ci.pem").read_text(), "KEY_PASSWORD": PASSWORD}
    done = publish(root, key, **signing)
    assert done.code == 0, done.stderr
    assert "1.0" in done.stderr
    assert PASSWORD not in done.stdout + done.stderr
    assert "PRIVATE KEY" not in done.stdout + done.stderr
    run("root", "verify", url, "--root", "root.json")
    # Somebody else's root is not believed.
    run("key", "generate", "other.pem")
    run(
        *("root", "create", "other.json", "--root-key", "other.pem.pub"),
        *("--root-threshold", "1", "--record-key", "other.pem.pub", "--days", "365"),
    )
    run("root", "sign", "other.json", (tmp_path / "elsewhere").as_uri(), "--key", "other.pem")
    root.write("other.json", (tmp_path / "other.json").read_text())
    release(root, url, "1.1")
    pinned = "--venvstacks-publish-root=other.json"
    refused = publish(root, key, pinned, **signing)
    assert refused.code == 1
    assert versions(opened(url)) == ["1.0"]
    root.write("root.json", (tmp_path / "root.json").read_text())
    pinned = "--venvstacks-publish-root=root.json"
    done = publish(root, key, pinned, **signing)
    assert done.code == 0, done.stderr
    assert versions(opened(url)) == ["1.1"]
