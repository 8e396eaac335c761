"""Serves a summary of a data set on loopback, fetches it with httpx and prints it with rich."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import httpx
from rich import print as rich_print
from sklearn.cluster import KMeans
from sklearn.datasets import load_wine


def summary() -> dict[str, int]:
    """How many wines fall into each of three clusters."""
    clusters = KMeans(n_clusters=3, n_init=10, random_state=0).fit_predict(load_wine().data)
    return {
        f"cluster {i}": int(size)
        for i, size in enumerate(sorted((clusters == k).sum() for k in range(3)))
    }


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        body = json.dumps(summary()).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep the output to the summary."""


def main() -> None:
    """Serve once, fetch, print."""
    server = HTTPServer(("127.0.0.1", 0), _Handler)
    threading.Thread(target=server.handle_request, daemon=True).start()
    with httpx.Client(trust_env=False) as client:
        rich_print(client.get(f"http://127.0.0.1:{server.server_port}/", timeout=60).json())


if __name__ == "__main__":
    main()
