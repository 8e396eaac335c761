"""The XML interface of Google Cloud Storage before `fake-gcs-server`, which has only its reads.

It passes GET, HEAD, lists and DELETE on, and makes uploads of the JSON interface of PUT, of copies
and of uploads in parts. Conditions on generations (`x-goog-if-generation-match`) it compares
itself, one change at a time: the emulator does not.

    python xml_storage.py PORT PORT_OF_THE_EMULATOR
"""

from __future__ import annotations

import http.client
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import parse_qs, quote, unquote, urlsplit

_CONDITION, _COPY = "x-goog-if-generation-match", "x-goog-copy-source"
_CHANGES = threading.Lock()
_PARTS: dict[str, dict[int, bytes]] = {}


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    protocol_version = "HTTP/1.1"
    emulator = 0

    def do_GET(self) -> None:
        """Pass it on."""
        self._relay(self.command, self.path)

    do_HEAD = do_GET  # noqa: N815

    def do_DELETE(self) -> None:
        """Pass it on; an upload in parts ends."""
        upload = self._query().get("uploadId")
        if upload is not None:
            _PARTS.pop(upload[0], None)
            self._answer(204)
        else:
            self._relay(self.command, self.path)

    def do_PUT(self) -> None:
        """Store a file, a part or a copy."""
        query, body = self._query(), self._body()
        if "uploadId" in query:
            _PARTS[query["uploadId"][0]][int(query["partNumber"][0])] = body
            self._answer(200, headers={"ETag": f'"{query["partNumber"][0]}"'})
            return
        with _CHANGES:
            condition = self.headers.get(_CONDITION)
            if condition is not None and condition != self._generation():
                self._answer(412, b"<Error><Code>PreconditionFailed</Code></Error>")
                return
            if _COPY in self.headers:
                status, _, body = self._call("GET", f"/{self.headers[_COPY].lstrip('/')}")
                if status != 200:
                    self._answer(status)
                    return
            self._store(body)

    def do_POST(self) -> None:
        """Begin or complete an upload in parts."""
        query, _ = self._query(), self._body()
        if "uploads" in query:
            upload = f"upload-{len(_PARTS)}-{threading.get_ident()}"
            _PARTS[upload] = {}
            bucket, name = self._place()
            text = (
                f"<InitiateMultipartUploadResult><Bucket>{bucket}</Bucket><Key>{name}</Key>"
                f"<UploadId>{upload}</UploadId></InitiateMultipartUploadResult>"
            )
            self._answer(200, text.encode())
            return
        parts = _PARTS.pop(query["uploadId"][0])
        with _CHANGES:
            self._store(b"".join(parts[number] for number in sorted(parts)), whole=True)

    def log_message(self, *_: object) -> None:
        """Say nothing."""

    def _store(self, body: bytes, *, whole: bool = False) -> None:
        bucket, name = self._place()
        path = f"/upload/storage/v1/b/{bucket}/o?uploadType=media&name={quote(name, safe='')}"
        status, _, _ = self._call("POST", path, body)
        text = b"<CompleteMultipartUploadResult><ETag>x</ETag></CompleteMultipartUploadResult>"
        headers = {"ETag": '"x"', "x-goog-generation": self._generation()}
        self._answer(status, text if whole else b"", headers)

    def _generation(self) -> str:
        """Of the file at the path; 0 if there is none."""
        _, headers, _ = self._call("HEAD", urlsplit(self.path).path)
        return headers.get("X-Goog-Generation", "0")

    def _place(self) -> tuple[str, str]:
        bucket, _, name = urlsplit(self.path).path.lstrip("/").partition("/")
        return bucket, unquote(name)

    def _query(self) -> dict[str, list[str]]:
        return parse_qs(urlsplit(self.path).query, keep_blank_values=True)

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    def _relay(self, method: str, path: str) -> None:
        sent = {name: self.headers[name] for name in ("Range",) if name in self.headers}
        status, headers, body = self._call(method, path, headers=sent)
        self._answer(status, body, dict(headers))

    def _call(
        self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> tuple[int, http.client.HTTPMessage, bytes]:
        connection = http.client.HTTPConnection("127.0.0.1", self.emulator)
        try:
            connection.request(method, path, body or None, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.headers, answer.read()
        finally:
            connection.close()

    def _answer(
        self, status: int, body: bytes = b"", headers: dict[str, str] | None = None
    ) -> None:
        self.send_response(status)
        found = {"Content-Length": str(len(body)), **(headers or {})}
        for name, value in found.items():
            if name.lower() not in ("connection", "date", "transfer-encoding"):
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)


def main() -> None:
    """Serve until the process ends."""
    port, Handler.emulator = map(int, sys.argv[1:])
    ThreadingHTTPServer(("127.0.0.1", port), Handler).serve_forever()


if __name__ == "__main__":
    main()
