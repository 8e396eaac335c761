"""A package index on loopback, for wheels that the tests make."""

from __future__ import annotations

import contextlib
import hashlib
import http.server
import json
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from tests.support.wheels import WHEEL, wheel_bytes


def package_wheel(
    name: str,
    version: str = "1.0",
    *,
    requires: tuple[str, ...] = (),
    files: Mapping[str, bytes] | None = None,
    tag: str = "py3-none-any",
) -> dict[str, bytes]:
    """A wheel of the package `name`, by its file name; its module has the version."""
    metadata = f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n"
    metadata += "".join(f"Requires-Dist: {requirement}\n" for requirement in requires)
    module = f'VERSION = "{version}"\n'.encode()
    stem = f"{name}-{version}"
    content = wheel_bytes(
        {f"{name}/__init__.py": module, **(files or {})},
        metadata=metadata,
        wheel=WHEEL.replace("py3-none-any", tag),
        dist_info=f"{stem}.dist-info",
    )
    return {f"{stem}-{tag}.whl": content}


@dataclass
class SimpleIndex:
    """What is served, and what was asked for."""

    url: str
    """Of the index."""
    wheels: dict[str, bytes] = field(default_factory=dict)
    """By file name; more can be added at any time."""
    sizes: bool = True
    """Whether the index says how large the files are."""
    upload_times: dict[str, str] = field(default_factory=dict)
    """By file name; what `exclude-newer` looks at."""
    asked: list[str] = field(default_factory=list)
    """``METHOD path`` of each request."""

    @property
    def uv_config(self) -> str:
        """A file that makes it the only index."""
        return f'[[tool.uv.index]]\nname = "local"\nurl = "{self.url}"\ndefault = true\n'

    def page(self, project: str) -> bytes | None:
        """The files of a project in the JSON of the simple repository API; None without any."""
        files: list[dict[str, Any]] = []
        for name, content in sorted(self.wheels.items()):
            if name.split("-")[0].replace("_", "-") == project:
                file: dict[str, Any] = {
                    "filename": name,
                    "url": f"{self.url}/files/{name}",
                    "hashes": {"sha256": hashlib.sha256(content).hexdigest()},
                }
                if self.sizes:
                    file["size"] = len(content)
                if name in self.upload_times:
                    file["upload-time"] = self.upload_times[name]
                files.append(file)
        meta = {"api-version": "1.1"}
        return (
            json.dumps({"meta": meta, "name": project, "files": files}).encode() if files else None
        )


@contextlib.contextmanager
def simple_index(*wheels: Mapping[str, bytes], sizes: bool = True) -> Iterator[SimpleIndex]:
    """Serve `wheels` until the block ends."""

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_HEAD(self) -> None:
            self._answer(with_body=False)

        def do_GET(self) -> None:
            self._answer(with_body=True)

        def _answer(self, *, with_body: bool) -> None:
            index.asked.append(f"{self.command} {self.path}")
            folder, _, name = self.path.strip("/").rpartition("/")
            kind = "application/octet-stream"
            content = index.wheels.get(name)
            if folder == "simple":
                kind = "application/vnd.pypi.simple.v1+json"
                content = index.page(name)
            self.send_response(404 if content is None else 200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content or b"")))
            self.send_header("Cache-Control", "no-store")
            self.end_headers()
            if with_body:
                self.wfile.write(content or b"")

        def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its name there
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    index = SimpleIndex(f"http://127.0.0.1:{server.server_port}/simple", sizes=sizes)
    for some in wheels:
        index.wheels.update(some)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
