"""Serves ``pypiserver`` with TLS: ``python -m tests.support.tls_index FOLDER``.

The folder has ``packages``, ``htpasswd`` and ``server.pem``; the port is written to ``port``, and
method, path and status of each request to ``answers``. It is a process of its own so that what
``pypiserver`` leaves open troubles nobody else.
"""

from __future__ import annotations

import socketserver
import ssl
import sys
from pathlib import Path
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server

import pypiserver


class _Server(socketserver.ThreadingMixIn, WSGIServer):
    daemon_threads = True


class _Handler(WSGIRequestHandler):
    answers: Path

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        with self.answers.open("a") as file:
            file.write(f"{self.command} {self.path} {int(code)}\n")

    def log_message(self, *_: object) -> None:
        """Say nothing: the answers are kept."""


def main(folder: Path) -> None:
    """Serve until the process is ended."""
    _Handler.answers = folder / "answers"
    app = pypiserver.app(
        roots=[folder / "packages"],
        password_file=str(folder / "htpasswd"),
        authenticate=["download", "list", "update"],
        disable_fallback=True,
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(folder / "server.pem")
    with make_server("127.0.0.1", 0, app, _Server, _Handler) as server:
        # Handshakes are for the threads of the requests.
        server.socket = context.wrap_socket(
            server.socket, server_side=True, do_handshake_on_connect=False
        )
        (folder / "port.new").write_text(str(server.server_port))
        (folder / "port.new").rename(folder / "port")
        server.serve_forever()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
