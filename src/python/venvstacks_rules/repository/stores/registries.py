"""Requests to a registry of containers, with the logins of docker: its file, helpers and tokens."""

from __future__ import annotations

import contextlib
import ipaddress
import json
import re
import subprocess
import threading
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any

from venvstacks_rules.model.network.credentials import server
from venvstacks_rules.repository.stores.attempts import trouble
from venvstacks_rules.repository.stores.connections import Answer, Connections
from venvstacks_rules.repository.stores.logins import basic_token
from venvstacks_rules.repository.stores.store import StoreError

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_CODE = re.compile(r'"code" *: *"([A-Z_]{1,50})"')
_MOST_ERROR = 64 * 1024
_MOST_TOKEN = 1024 * 1024


class Registry:
    """One repository of a registry; `place` is ``host[:port]/name``."""

    def __init__(self, url: str, place: str, environment: Mapping[str, str]) -> None:
        self._url = url
        host, _, self._name = place.partition("/")
        # As docker does: nobody else listens to what this machine says to itself.
        scheme = "http" if _is_loopback(host) else "https"
        self._root = f"{scheme}://{host}"
        self._environment = environment
        self._headers: Mapping[str, str] = {}
        self._lock = threading.Lock()
        self._sizes: dict[str, int] = {}
        """Of blobs that were there, by their hash."""
        self._connections = Connections(url, environment, self._authorize)

    @contextlib.contextmanager
    def answer(
        self,
        key: str,
        path: str,
        method: str = "GET",
        *,
        headers: Mapping[str, str] | None = None,
        body: Iterable[bytes] | None = None,
    ) -> Iterator[Answer]:
        """The answer for a path below the repository's, or for a URL that the registry gave."""
        url, before = self.place(path), self._headers
        again = False
        with self._connections.answer(key, url, method, headers=headers, body=body) as answer:
            if answer.status == 401 and body is None and self._log_in(key, answer, before):
                again = True
            else:
                yield answer
        if again:
            with self._connections.answer(key, url, method, headers=headers) as answer:
                yield answer

    def place(self, path: str) -> str:
        """The URL of a path below the repository's; URLs are left as they are."""
        if path.startswith("/"):
            return f"{self._root}{path}"
        return path if "://" in path else f"{self._root}/v2/{self._name}/{path}"

    def pieces(self, key: str, path: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end` of what lies at a path."""
        # Logs in where that is needed.
        with self.answer(key, path, "HEAD") as answer:
            if answer.status != 200:
                raise self.refused(key, answer)
        return self._connections.pieces(key, self.place(path), start, end)

    def refused(self, key: str, answer: Answer) -> StoreError:
        """The error for an answer that a method cannot do anything with."""
        remedy = "Look at the URL, and at what the registry permits."
        # Codes are words of the specification, as `MANIFEST_INVALID`.
        codes = _CODE.findall(answer.read(_MOST_ERROR).decode("utf-8", "replace"))
        return self._connections.refused(key, answer, remedy, codes)

    def _authorize(self, url: str) -> Mapping[str, str]:
        return self._headers if server(url) == server(self._root) else {}

    def _log_in(self, key: str, answer: Answer, before: Mapping[str, str]) -> bool:
        """Whether there are other credentials now than `before`, which the answer refuses."""
        with self._lock:
            if self._headers == before:
                self._headers = self._new_headers(key, answer)
            return self._headers != before

    def _new_headers(self, key: str, answer: Answer) -> Mapping[str, str]:
        kind, _, parameters = answer.headers.get("WWW-Authenticate", "").partition(" ")
        challenge = dict(_CHALLENGE.findall(parameters))
        basic = _docker_login(urllib.parse.urlsplit(self._root).netloc, self._environment)
        if kind.lower() == "bearer" and "realm" in challenge:
            return {"Authorization": f"Bearer {self._new_token(key, challenge, basic)}"}
        return {"Authorization": f"Basic {basic}"} if basic and kind.lower() == "basic" else {}

    def _new_token(self, key: str, challenge: Mapping[str, str], basic: str | None) -> str:
        realm = challenge["realm"]
        if not realm.startswith("https://") and not self._root.startswith("http://"):
            raise StoreError(
                trouble(self._url, key, f"the registry names {realm} for tokens", "Use https.")
            )
        asked = {name: challenge[name] for name in ("service", "scope") if name in challenge}
        url = f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(asked)}"
        tokens = Connections(
            self._url,
            self._environment,
            lambda target: (
                {"Authorization": f"Basic {basic}"}
                if basic and server(target) == server(url)
                else {}
            ),
        )
        with tokens.answer(key, url) as answer:
            if answer.status != 200:
                raise tokens.refused(key, answer)
            try:
                found = json.loads(answer.read(_MOST_TOKEN))
                return str(found.get("token") or found["access_token"])
            except (ValueError, KeyError, AttributeError):
                raise StoreError(
                    trouble(self._url, key, f"{realm} gives no token", "Look at the registry.")
                ) from None


def _is_loopback(host: str) -> bool:
    name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _docker_login(host: str, environment: Mapping[str, str]) -> str | None:
    """User and password for a registry, as after `Basic`."""
    folder = environment.get("DOCKER_CONFIG") or "~/.docker"
    path = Path(folder).expanduser() / "config.json"
    try:
        config: dict[str, Any] = json.loads(path.read_bytes())
    except FileNotFoundError:
        return None
    except (OSError, ValueError):
        raise StoreError(f"`{path}` cannot be read. Log in again, by `docker login`.") from None
    entry = config.get("auths", {}).get(host) or {}
    if entry.get("auth"):
        return str(entry["auth"])
    helper = config.get("credHelpers", {}).get(host) or config.get("credsStore")
    return _of_helper(str(helper), host) if helper else None


def _of_helper(name: str, host: str) -> str | None:
    try:
        done = subprocess.run(  # noqa: S603  the user's own program
            [f"docker-credential-{name}", "get"],
            input=host.encode(),
            capture_output=True,
            check=True,
            timeout=60,
        )
        found = json.loads(done.stdout)
        return basic_token(str(found["Username"]), str(found["Secret"]))
    except (OSError, subprocess.SubprocessError, ValueError, KeyError):
        # It has no login for this registry, or there is no such helper.
        return None
