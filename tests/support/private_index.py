"""A package index with a password and a certificate of its own authority, behind a proxy.

The index is ``pypiserver``, made from its own application factory and served with TLS by the
standard library (see :mod:`.tls_index`); its password file is one of ``htpasswd``. The proxy is
``proxy.py``, started as ``python -m proxy --port 0 --basic-auth USER:PASSWORD``. Nobody but the
proxy knows the index's host name, so that there is no other way to it.
"""

from __future__ import annotations

import base64
import contextlib
import hashlib
import os
import signal
import ssl
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import trustme

from tests.support.action_wheels import wheel_hosts

HOST = "packages.example.test"
USER, PASSWORD = "builder-7f3a", "s3cret/Pass:word+of=index"
PROXY_USER, PROXY_PASSWORD = "proxied-9c1e", "s3cretPasswordOfProxy"

_REPOSITORY = Path(__file__).resolve().parents[2]


@dataclass(frozen=True)
class PrivateIndex:
    """An index that runs."""

    url: str
    packages: Path
    """The folder of the wheels; more can be added at any time."""
    ca_file: Path
    """The certificate of the authority."""
    proxy: str
    """The proxy's URL, with its password."""
    log: Path
    """Where the index notes its answers."""

    @property
    def answers(self) -> list[tuple[str, str, int]]:
        """Method, path and status of each request, in the order of the answers."""
        lines = [line.split() for line in self.log.read_text().splitlines()]
        return [(method, path, int(status)) for method, path, status in lines]

    @property
    def way(self) -> dict[str, str]:
        """The environment that reaches it, but for its password."""
        return {"HTTPS_PROXY": self.proxy, "SSL_CERT_FILE": str(self.ca_file)}

    @property
    def way_beside_others(self) -> dict[str, str]:
        """The same, where the libraries of the actions come from their own servers."""
        known = os.environ.get("SSL_CERT_FILE") or ssl.get_default_verify_paths().cafile
        others = Path(known).read_text() if known else ""
        both = self.ca_file.with_name("authorities.pem")
        both.write_text(self.ca_file.read_text() + others)
        return {**self.way, "SSL_CERT_FILE": str(both), "NO_PROXY": ",".join(wheel_hosts())}

    def add(self, wheels: Mapping[str, bytes]) -> None:
        """Serve more wheels."""
        for name, content in wheels.items():
            (self.packages / name).write_bytes(content)


def netrc(password: str = PASSWORD) -> str:
    """A netrc file with the index's password."""
    return f"machine {HOST} login {USER} password {password}\n"


def secrets() -> dict[str, bytes]:
    """Every way to write a name or a password that must not be found anywhere."""
    found = {}
    for user, password in ((USER, PASSWORD), (PROXY_USER, PROXY_PASSWORD)):
        for text in (user, password):
            found[text] = text.encode()
        token = base64.b64encode(f"{user}:{password}".encode())
        found[f"Basic {user}"] = token
    return found


@contextlib.contextmanager
def private_index(folder: Path) -> Iterator[PrivateIndex]:
    """Run index and proxy, with all their files in `folder`, until the block ends."""
    packages, ca_file = folder / "packages", folder / "ca.pem"
    packages.mkdir(parents=True)
    authority = trustme.CA()
    authority.cert_pem.write_to_path(str(ca_file))
    authority.issue_cert(HOST).private_key_and_cert_chain_pem.write_to_path(
        str(folder / "server.pem")
    )
    digest = base64.b64encode(hashlib.sha1(PASSWORD.encode()).digest()).decode()
    (folder / "htpasswd").write_text(f"{USER}:{{SHA}}{digest}\n")
    index = ["tests.support.tls_index", str(folder)]
    proxy = ["proxy", "--hostname", "127.0.0.1", "--port", "0"]
    proxy += ["--port-file", str(folder / "proxy.port"), "--log-level", "e"]
    proxy += ["--basic-auth", f"{PROXY_USER}:{PROXY_PASSWORD}"]
    proxy += ["--num-workers", "1", "--num-acceptors", "1"]
    proxy += ["--data-dir", str(folder / "proxy"), "--cache-dir", str(folder / "proxy")]
    proxy += ["--plugins", "tests.support.proxy_plugin.LoopbackOnly"]
    with (
        _server(index, folder / "port") as port,
        _server(proxy, folder / "proxy.port") as proxy_port,
    ):
        yield PrivateIndex(
            url=f"https://{HOST}:{port}/simple/",
            packages=packages,
            ca_file=ca_file,
            proxy=f"http://{PROXY_USER}:{PROXY_PASSWORD}@127.0.0.1:{proxy_port}",
            log=folder / "answers",
        )


@contextlib.contextmanager
def _server(command: list[str], port_file: Path) -> Iterator[int]:
    """Run ``python -m COMMAND``, which writes its port to a file."""
    process = subprocess.Popen(
        [sys.executable, "-m", *command],
        cwd=_REPOSITORY,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        deadline = time.monotonic() + 30
        while not port_file.is_file() or not port_file.read_text().strip():
            assert process.poll() is None, f"{command[0]} ended"
            assert time.monotonic() < deadline, f"{command[0]} does not start"
            time.sleep(0.05)
        yield int(port_file.read_text())
    finally:
        # Its workers are processes of the session that we made for it.
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            os.killpg(process.pid, signal.SIGKILL)
            process.wait()
