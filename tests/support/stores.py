"""The servers behind each kind of store, on loopback; each begins and ends with a test.

To have a new kind tested, write a function that yields its :class:`Served`, and add it to `KINDS`.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from pathlib import Path
from urllib.parse import urlsplit

import bcrypt
import pytest


@dataclass(frozen=True)
class Served:
    """A place for repositories."""

    url: str
    """What is appended to it is the URL of another repository."""
    down: str
    """The same where no server is."""
    why_down: str
    """What a message says of that place."""
    environment: Mapping[str, str] = field(default_factory=dict)
    down_environment: Mapping[str, str] | None = None
    """For `down`, if it is another."""
    secrets: tuple[str, ...] = ()
    """What no message may show."""
    fill: Callable[[str, bytes], None] | None = None
    """Puts bytes where a URL leads; for kinds that only read."""


@contextlib.contextmanager
def folders(folder: Path) -> Iterator[Served]:
    """``file://``."""
    (folder / "file").write_bytes(b"")
    yield Served((folder / "of").as_uri(), (folder / "file").as_uri(), "Not a directory")


@contextlib.contextmanager
def s3(folder: Path) -> Iterator[Served]:
    """``s3://``: moto. It compares and stores in two steps, so it serves one request at a time."""
    port = free_port()
    script = (
        "from moto.server import DomainDispatcherApplication as A, create_backend_app as c\n"
        "from werkzeug.serving import run_simple\n"
        f"run_simple('127.0.0.1', {port}, A(c), threaded=False)\n"
    )
    secret = "sEcReT/of+the+BuCkEt0123456789"
    environment = {
        "AWS_ACCESS_KEY_ID": "AKIAOFTHETESTS",
        "AWS_SECRET_ACCESS_KEY": secret,
        "AWS_DEFAULT_REGION": "eu-central-1",
        "AWS_ENDPOINT_URL": f"http://127.0.0.1:{port}",
    }
    with server([sys.executable, "-c", script], port, folder / "moto.log"):
        url = f"{environment['AWS_ENDPOINT_URL']}/repositories"
        with urllib.request.urlopen(urllib.request.Request(url, method="PUT")):
            pass
        yield Served(
            "s3://repositories/below",
            "s3://repositories/below",
            "no answer (HTTP error: error sending request). Look whether the server runs and",
            environment,
            {**environment, "AWS_ENDPOINT_URL": f"http://127.0.0.1:{free_port()}"},
            ("AKIAOFTHETESTS", secret),
        )


@contextlib.contextmanager
def nginx(folder: Path) -> Iterator[Served]:
    """``http://``: nginx, with a password."""
    port, files = free_port(), folder / "files"
    files.mkdir()
    # Its workers may run as another user.
    for place in (folder, files):
        place.chmod(0o755)
    user, password = "reader-7f3a", "s3cret:Word+of=nginx"
    digest = base64.b64encode(hashlib.sha1(password.encode()).digest()).decode()
    (folder / "htpasswd").write_text(f"{user}:{{SHA}}{digest}\n")
    temporary = "".join(
        f"{name}_temp_path {folder}/{name};\n"
        for name in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    (folder / "nginx.conf").write_text(
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{}}\nhttp {{ access_log {folder}/answers; {temporary} server {{\n"
        f"listen 127.0.0.1:{port}; root {files};\n"
        f"auth_basic private; auth_basic_user_file {folder}/htpasswd; }} }}\n"
    )
    netrc = folder / "netrc"
    netrc.write_text(f"machine 127.0.0.1 login {user} password {password}\n")
    netrc.chmod(0o600)

    def fill(url: str, data: bytes) -> None:
        path = files / urlsplit(url).path.lstrip("/")
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)

    with server(
        [program("nginx"), "-p", str(folder), "-c", str(folder / "nginx.conf")],
        port,
        folder / "nginx.log",
    ):
        yield Served(
            f"http://127.0.0.1:{port}",
            f"http://{user}:pAsS%2Fw@127.0.0.1:{free_port()}/below",
            "no answer (Connection refused). Look whether the server runs and the URL is right",
            {"NETRC": str(netrc)},
            secrets=(user, password, "pAsS/w", "pAsS%2Fw"),
            fill=fill,
        )


@contextlib.contextmanager
def registry(folder: Path, *, accesslog: bool = False) -> Iterator[Served]:
    """``oci://``: the registry of Docker, with a password; `accesslog`: into `registry.log`."""
    port, user, password = free_port(), "pusher-7f3a", "s3cret:Word+of=registry"
    hashed = bcrypt.hashpw(password.encode(), bcrypt.gensalt(4)).decode()
    (folder / "htpasswd").write_text(f"{user}:{hashed}\n")
    quiet = "false" if accesslog else "true"
    (folder / "registry.yml").write_text(
        f"version: 0.1\nlog: {{accesslog: {{disabled: {quiet}}}, level: error}}\n"
        f"storage: {{filesystem: {{rootdirectory: {folder}/data}}, delete: {{enabled: true}}}}\n"
        f"http: {{addr: '127.0.0.1:{port}'}}\n"
        f"auth: {{htpasswd: {{realm: private, path: {folder}/htpasswd}}}}\n"
    )
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    (folder / "config.json").write_text(
        json.dumps({"auths": {f"127.0.0.1:{port}": {"auth": token}}})
    )
    command = [program("docker-registry"), "serve", str(folder / "registry.yml")]
    with server(command, port, folder / "registry.log"):
        yield Served(
            f"oci://127.0.0.1:{port}/below",
            f"oci://127.0.0.1:{free_port()}/below",
            "no answer (Connection refused). Look whether the server runs and the URL is right",
            {"DOCKER_CONFIG": str(folder)},
            secrets=(user, password, token),
        )


@contextlib.contextmanager
def azure(folder: Path) -> Iterator[Served]:
    """``az://``: Azurite, Microsoft's emulator (``npm install --global azurite``)."""
    port = free_port()
    account, secret = "devstoreaccount1", base64.b64encode(b"of the container" * 4).decode()
    environment = {
        "AZURE_STORAGE_ACCOUNT_NAME": account,
        "AZURE_STORAGE_ACCOUNT_KEY": secret,
        "AZURE_STORAGE_ENDPOINT": f"http://127.0.0.1:{port}/{account}",
    }
    command = [program("azurite-blob"), "--silent", "--disableTelemetry", "--skipApiVersionCheck"]
    command += ["--blobPort", str(port), "--location", str(folder)]
    accounts = {**os.environ, "AZURITE_ACCOUNTS": f"{account}:{secret}"}
    with server(command, port, folder / "azurite.log", accounts):
        headers = {
            "x-ms-date": formatdate(usegmt=True),
            "x-ms-version": "2021-08-06",
        }
        signed = "".join(f"{name}:{value}\n" for name, value in headers.items())
        text = "PUT" + "\n" * 12 + f"{signed}/{account}/{account}/repositories\nrestype:container"
        made = hmac.new(base64.b64decode(secret), text.encode(), hashlib.sha256).digest()
        headers["Authorization"] = f"SharedKey {account}:{base64.b64encode(made).decode()}"
        url = f"{environment['AZURE_STORAGE_ENDPOINT']}/repositories?restype=container"
        request = urllib.request.Request(url, b"", {**headers, "Content-Type": ""}, method="PUT")
        with urllib.request.urlopen(request):
            pass
        down = f"http://127.0.0.1:{free_port()}/{account}"
        yield Served(
            "az://repositories/below",
            "az://repositories/below",
            "no answer (HTTP error: error sending request). Look whether the server runs and",
            environment,
            {**environment, "AZURE_STORAGE_ENDPOINT": down},
            (secret,),
        )


@contextlib.contextmanager
def google(folder: Path) -> Iterator[Served]:
    """``gs://``: `fake-gcs-server`, behind what it lacks of the XML interface."""
    port, emulator = free_port(), free_port()
    environment = {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{port}"}
    command = [program("fake-gcs-server"), "-scheme", "http", "-backend", "memory"]
    # Its reads of the XML interface are for requests to this host only.
    command += ["-host", "127.0.0.1", "-port", str(emulator)]
    command += ["-public-host", f"127.0.0.1:{emulator}"]
    between = [sys.executable, str(Path(__file__).with_name("xml_storage.py"))]
    between += [str(port), str(emulator)]
    with (
        server(command, emulator, folder / "emulator.log"),
        server(between, port, folder / "between.log"),
    ):
        url = f"http://127.0.0.1:{emulator}/storage/v1/b?project=tests"
        headers = {"Content-Type": "application/json"}
        with urllib.request.urlopen(
            urllib.request.Request(url, b'{"name": "repositories"}', headers)
        ):
            pass
        yield Served(
            "gs://repositories/below",
            "gs://repositories/below",
            "no answer (HTTP error: error sending request). Look whether the server runs and",
            environment,
            {"STORAGE_EMULATOR_HOST": f"http://127.0.0.1:{free_port()}"},
        )


@contextlib.contextmanager
def memory(folder: Path) -> Iterator[Served]:
    """``memory://`` of fsspec."""
    (folder / "file").write_bytes(b"")
    yield Served("memory://of", f"local://{folder}/file", "Not a directory")


@contextlib.contextmanager
def local(folder: Path) -> Iterator[Served]:
    """``local://`` of fsspec, which other processes see."""
    (folder / "file").write_bytes(b"")
    yield Served(f"local://{folder}/of", f"local://{folder}/file", "Not a directory")


KINDS: Mapping[str, Callable[[Path], contextlib.AbstractContextManager[Served]]] = {
    "file": folders,
    "s3": s3,
    "http": nginx,
    "oci": registry,
    "memory": memory,
    "local": local,
}
ON_DEMAND: Mapping[str, Callable[[Path], contextlib.AbstractContextManager[Served]]] = {
    "az": azure,
    "gs": google,
}
"""Kinds whose server weighs too much for every run: `-m slow` tests them."""
READ_ONLY = ("http",)
IN_MEMORY = ("memory",)
"""Kinds that other processes do not see, and that have all in memory."""


def free_port() -> int:
    """A port that nobody listens at."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def program(name: str) -> str:
    """The path of a program of the machine; skips the test without it."""
    found = shutil.which(name, path=f"{Path('/usr/sbin')}:{Path('/usr/bin')}") or shutil.which(name)
    if found is None:
        pytest.skip(f"there is no `{name}`; see build-support/test-programs.txt")
    return found


@contextlib.contextmanager
def server(
    command: list[str], port: int, log: Path, environment: Mapping[str, str] | None = None
) -> Iterator[subprocess.Popen[bytes]]:
    """Run a server until the block ends."""
    with (
        log.open("w") as output,
        subprocess.Popen(
            command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, env=environment
        ) as process,
    ):
        try:
            deadline = time.monotonic() + 60
            while not _listens(port):
                assert process.poll() is None, log.read_text(errors="replace")
                assert time.monotonic() < deadline, f"{command[0]} does not start"
                time.sleep(0.05)
            yield process
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _listens(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0
