"""A web server on loopback that serves files from memory and remembers what was asked of it."""

from __future__ import annotations

import contextlib
import re
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


@dataclass(frozen=True)
class FileServer:
    """A server that runs."""

    url: str
    """Without a slash at the end."""
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Method and path of each request, in the order of their arrival."""
    authorizations: list[str | None] = field(default_factory=list)
    """The header ``Authorization`` of each of them."""


@contextlib.contextmanager
def serve(files: Mapping[str, bytes], *, parts: bool = False) -> Iterator[FileServer]:
    """Serve `files`, by path as it stands in a request line, until the block ends.

    With `parts`, a request may ask for some of the bytes of one.
    """
    requests: list[tuple[str, str]] = []
    authorizations: list[str | None] = []

    class Handler(BaseHTTPRequestHandler):
        def do_HEAD(self) -> None:
            self._answer()

        def do_GET(self) -> None:
            content = self._answer()
            if content is not None:
                self.wfile.write(content)

        def _answer(self) -> bytes | None:
            requests.append((self.command, self.path))
            authorizations.append(self.headers.get("Authorization"))
            content = files.get(self.path)
            if content is None:
                self.send_error(404)
                return None
            asked = re.fullmatch(r"bytes=(\d+)-(\d+)", self.headers.get("Range", ""))
            if parts and asked is not None:
                first, last = int(asked[1]), int(asked[2])
                self.send_response(206)
                self.send_header("Content-Range", f"bytes {first}-{last}/{len(content)}")
                content = content[first : last + 1]
            else:
                self.send_response(200)
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            return content

        def log_message(self, *_: object) -> None:
            """Say nothing: the requests are kept."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
        thread.start()
        try:
            url = f"http://127.0.0.1:{server.server_address[1]}"
            yield FileServer(url, requests, authorizations)
        finally:
            server.shutdown()
            thread.join()
