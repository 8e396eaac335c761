"""The registry of Docker with tokens, and the server that gives them, on loopback."""

from __future__ import annotations

import base64
import contextlib
import json
import threading
import time
import uuid
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta, timezone
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

from tests.support.stores import free_port, program, server

USER, PASSWORD, IDENTITY = "pusher-7f3a", "s3cret:Word+of=tokens", "identity-0f9c"
_ISSUER, _SERVICE = "tokens-of-the-tests", "registry-of-the-tests"
_LEEWAY = 60
"""Seconds for which the registry takes a token that has expired."""


@dataclass
class TokenServer:
    """Gives tokens to the user, and to nobody else."""

    key: ec.EllipticCurvePrivateKey
    certificate: x509.Certificate
    life: float = 300
    """Seconds for which the registry takes a token."""
    announced: int = 300
    """What it says of that."""
    scopes: list[list[str]] = field(default_factory=list)
    """What was asked for."""
    forms: list[dict[str, str]] = field(default_factory=list)
    """How, by those with an identity token."""

    def answer(self, handler: BaseHTTPRequestHandler, form: dict[str, list[str]]) -> None:
        """A token, or 401."""
        basic = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
        known = handler.headers.get("Authorization") == f"Basic {basic}"
        if handler.command == "POST":
            known = form.get("refresh_token") == [IDENTITY]
            self.forms.append({name: values[0] for name, values in form.items()})
        scopes = [scope for value in form.get("scope", []) for scope in value.split()]
        self.scopes.append(scopes)
        body = json.dumps({"access_token": self.token(scopes), "expires_in": self.announced})
        handler.send_response(200 if known else 401)
        content = (body if known else "{}").encode()
        handler.send_header("Content-Length", str(len(content)))
        handler.end_headers()
        handler.wfile.write(content)

    def token(self, scopes: list[str]) -> str:
        """As the registry reads it."""
        now = time.time()
        chain = self.certificate.public_bytes(serialization.Encoding.DER)
        header = {"typ": "JWT", "alg": "ES256", "x5c": [base64.b64encode(chain).decode()]}
        access: list[dict[str, Any]] = []
        for scope in scopes:
            kind, name, actions = scope.split(":")
            access.append({"type": kind, "name": name, "actions": actions.split(",")})
        claims = {
            "iss": _ISSUER,
            "sub": USER,
            "aud": _SERVICE,
            "exp": int(now + self.life - _LEEWAY),
            "nbf": int(now - 600),
            "iat": int(now - 600),
            "jti": uuid.uuid4().hex,
            "access": access,
        }
        text = f"{_encoded(json.dumps(header).encode())}.{_encoded(json.dumps(claims).encode())}"
        signature = self.key.sign(text.encode(), ec.ECDSA(hashes.SHA256()))
        raw = b"".join(part.to_bytes(32, "big") for part in decode_dss_signature(signature))
        return f"{text}.{_encoded(raw)}"


@contextlib.contextmanager
def token_registry(folder: Path) -> Iterator[tuple[str, TokenServer]]:
    """The host of a registry, and its server of tokens."""
    key = ec.generate_private_key(ec.SECP256R1())
    tokens = TokenServer(key, _certificate(key))
    bundle = folder / "tokens.pem"
    bundle.write_bytes(tokens.certificate.public_bytes(serialization.Encoding.PEM))

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            tokens.answer(self, parse_qs(urlsplit(self.path).query))

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            tokens.answer(self, parse_qs(body.decode()))

        def log_message(self, format: str, *arguments: object) -> None:  # noqa: A002
            pass

    port = free_port()
    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as serving:
        threading.Thread(target=serving.serve_forever, args=(0.05,), daemon=True).start()
        (folder / "registry.yml").write_text(
            "version: 0.1\nlog: {accesslog: {disabled: true}, level: error}\n"
            f"storage: {{filesystem: {{rootdirectory: {folder}/data}},"
            " delete: {enabled: true}}\n"
            f"http: {{addr: '127.0.0.1:{port}'}}\n"
            f"auth: {{token: {{realm: 'http://127.0.0.1:{serving.server_port}/token', "
            f"service: {_SERVICE}, issuer: {_ISSUER}, rootcertbundle: {bundle}}}}}\n"
        )
        command = [program("docker-registry"), "serve", str(folder / "registry.yml")]
        try:
            with server(command, port, folder / "registry.log"):
                yield f"127.0.0.1:{port}", tokens
        finally:
            serving.shutdown()


def _certificate(key: ec.EllipticCurvePrivateKey) -> x509.Certificate:
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, _ISSUER)])
    now = datetime.now(timezone.utc)
    return (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), critical=True)
        .sign(key, hashes.SHA256())
    )


def _encoded(data: bytes) -> str:
    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()
