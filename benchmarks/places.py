"""Where layers are published: a folder, and servers on loopback, as the tests start them.

Each place can copy archives, too, as people do who have archives only.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping
from pathlib import Path
from urllib.parse import urlsplit

from benchmarks.measure import timed
from benchmarks.relay import Count, relay
from tests.support import stores

_PUSH = """\
import sys

from oras.client import OrasClient

target, user, password, *files = sys.argv[1:]
client = OrasClient(insecure=True, auth_backend="basic")
client.auth.set_basic_auth(user, password)
client.push(target=target, files=files, disable_path_validation=True)
"""


class Place(ABC):
    """A kind of repository that runs."""

    name: str
    copier: str
    """What copies archives to it."""

    def __init__(self, served: stores.Served, folder: Path, copiers: Path) -> None:
        self.environment: dict[str, str] = dict(served.environment)
        self._url = served.url
        self._secrets = served.secrets
        self._folder = folder
        self._copiers = copiers

    def url(self, name: str) -> str:
        """A repository of that name."""
        return f"{self._url}/{name}"

    @abstractmethod
    def copy(self, archives: Path, name: str) -> float:
        """Copy the files of a folder that are not there yet; seconds."""

    @contextlib.contextmanager
    def counted(self) -> Iterator[Count]:
        """Whatever is sent while the block runs is counted."""
        port = self._port
        with relay(port) as (between, count):
            self._move(port, between)
            yield count
            self._move(between, port)

    @property
    def _port(self) -> int:
        return urlsplit(self._url).port or 0

    def _move(self, port: int, other: int) -> None:
        """Reach the server at another port."""
        self._url = self._url.replace(f":{port}/", f":{other}/")

    def _run(self, *command: str, cwd: Path) -> float:
        return timed(command, cwd=cwd, env=self.environment).seconds


class Folder(Place):
    """A folder, and rsync."""

    name = "folder"
    copier = "rsync"

    def copy(self, archives: Path, name: str) -> float:
        """Copy what is new, or has another size or time."""
        place = f"{urlsplit(self._url).path}/copies-{name}/"
        return self._run("rsync", "--archive", "--mkpath", "./", place, cwd=archives)

    @contextlib.contextmanager
    def counted(self) -> Iterator[Count]:
        """Counts the files that are new or were written anew."""
        count, before = Count(), set(self._files())
        yield count
        count.sent = sum(size for _, _, size in set(self._files()) - before)

    def _files(self) -> Iterator[tuple[Path, int, int]]:
        for path in self._folder.rglob("*"):
            if path.is_file():
                status = path.stat()
                yield path, status.st_ino, status.st_size


class Bucket(Place):
    """A bucket of moto, and the command line of AWS."""

    name = "S3"
    copier = "aws s3 sync"

    def copy(self, archives: Path, name: str) -> float:
        """Copy what is new, or has another size or a later time."""
        aws = str(self._copiers / "aws")
        place = f"{self._url}/copies-{name}"
        return self._run(aws, "s3", "sync", "--only-show-errors", "./", place, cwd=archives)

    @property
    def _port(self) -> int:
        return urlsplit(self.environment["AWS_ENDPOINT_URL"]).port or 0

    def _move(self, port: int, other: int) -> None:
        del port
        self.environment["AWS_ENDPOINT_URL"] = f"http://127.0.0.1:{other}"


class Registry(Place):
    """The registry of Docker, and the Python client of ORAS."""

    name = "OCI registry"
    copier = "oras"

    def copy(self, archives: Path, name: str) -> float:
        """Push an artifact; the client asks for each blob first."""
        files = sorted(str(path) for path in archives.rglob("*") if path.is_file())
        user, password, *_ = self._secrets
        target = f"{self._url.removeprefix('oci://')}/copies-{name}:latest"
        python = str(self._copiers / "python")
        return self._run(python, "-c", _PUSH, target, user, password, *files, cwd=archives)

    def _move(self, port: int, other: int) -> None:
        super()._move(port, other)
        config = self._folder / "config.json"
        logins = json.loads(config.read_text())["auths"]
        logins[f"127.0.0.1:{other}"] = logins[f"127.0.0.1:{port}"]
        config.write_text(json.dumps({"auths": logins}))


_KINDS: Mapping[type[Place], str] = {Folder: "file", Bucket: "s3", Registry: "oci"}


@contextlib.contextmanager
def started(kind: type[Place], folder: Path, copiers: Path) -> Iterator[Place]:
    """A place, until the block ends."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    with stores.KINDS[_KINDS[kind]](folder) as served:
        yield kind(served, folder, copiers)


def install_copiers(uv: str, requirements: Path, folder: Path, python: str) -> Path:
    """Install what copies archives; the folder of its programs."""
    if shutil.which("rsync") is None:
        sys.exit("The part `publish` needs `rsync`: apt-get install rsync")
    subprocess.run([uv, "venv", "--quiet", "--clear", "--python", python, str(folder)], check=True)
    install = [uv, "pip", "install", "--quiet", "--require-hashes"]
    install += ["--python", str(folder / "bin/python"), "--requirement", str(requirements)]
    subprocess.run(install, check=True)
    return folder / "bin"
