"""Requests to a registry of containers, with the logins of docker: its file, helpers and tokens."""

from __future__ import annotations

import contextlib
import ipaddress
import re
import threading
import time
import urllib.parse
from collections.abc import Iterable, Iterator, Mapping

from venvstacks_rules.local.web.redirects import may_follow
from venvstacks_rules.model.network.credentials import server
from venvstacks_rules.repository.stores.attempts import trouble
from venvstacks_rules.repository.stores.bearer_tokens import Token, Tokens
from venvstacks_rules.repository.stores.connections import Answer, Connections
from venvstacks_rules.repository.stores.docker_logins import DockerLogin, docker_login
from venvstacks_rules.repository.stores.store import StoreError

_CHALLENGE = re.compile(r'(\w+)="([^"]*)"')
_CODE = re.compile(r'"code" *: *"([A-Z_]{1,50})"')
_MOST_ERROR = 64 * 1024
_LOGINS = 2
"""For one request: other requests may log in at the same time, for something else."""


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
        self._token: Token | None = None
        self._found_login: DockerLogin | None = None
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
        """The answer for a path below the repository's, or for a URL that the registry gave.

        After a login, `body` is sent from its beginning.
        """
        url = self.place(path)
        if "://" in path and not may_follow(url, self._root):
            why = f"the registry names {url}"
            raise StoreError(trouble(self._url, key, why, "Look at the registry."))
        for _ in range(_LOGINS):
            self._renew()
            before = self._headers
            with self._connections.answer(key, url, method, headers=headers, body=body) as answer:
                # Another server, to which the registry leads, does not say who gets the login.
                ours = server(answer.url) == server(self._root)
                if answer.status != 401 or not ours or not self._log_in(key, answer, before):
                    yield answer
                    return
        with self._connections.answer(key, url, method, headers=headers, body=body) as answer:
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

    def explained(self, key: str) -> list[str]:
        """For messages about wrong bytes: what is known of them, and what to do."""
        return self._connections.explained(key)

    def refused(self, key: str, answer: Answer) -> StoreError:
        """The error for an answer that a method cannot do anything with."""
        remedy = "Look at the URL, and at what the registry permits."
        # Codes are words of the specification, as `MANIFEST_INVALID`.
        codes = _CODE.findall(answer.read(_MOST_ERROR).decode("utf-8", "replace"))
        return self._connections.refused(key, answer, remedy, codes)

    def _authorize(self, url: str) -> Mapping[str, str]:
        if server(url) != server(self._root):
            return {}
        self._renew()
        return self._headers

    def _renew(self) -> None:
        """Have a token that is valid, if there was one."""
        with self._lock:
            if self._token is not None and time.monotonic() > self._token.until:
                self._use(self._tokens().renewed("", self._token))

    def _log_in(self, key: str, answer: Answer, before: Mapping[str, str]) -> bool:
        """Whether there are other credentials now than `before`, which the answer refuses."""
        with self._lock:
            if self._headers == before:
                self._take_credentials(key, answer)
            return self._headers != before

    def _take_credentials(self, key: str, answer: Answer) -> None:
        kind, _, parameters = answer.headers.get("WWW-Authenticate", "").partition(" ")
        challenge = dict(_CHALLENGE.findall(parameters))
        if kind.lower() == "bearer" and "realm" in challenge:
            self._use(self._tokens().asked(key, challenge, self._token))
        elif kind.lower() == "basic" and self._login().basic:
            self._headers = {"Authorization": f"Basic {self._login().basic}"}

    def _use(self, token: Token) -> None:
        self._token = token
        self._headers = {"Authorization": f"Bearer {token.text}"}

    def _tokens(self) -> Tokens:
        return Tokens(self._url, self._root, self._environment, self._login())

    def _login(self) -> DockerLogin:
        if self._found_login is None:
            host = urllib.parse.urlsplit(self._root).netloc
            self._found_login = docker_login(host, self._environment)
        return self._found_login


def _is_loopback(host: str) -> bool:
    name = urllib.parse.urlsplit(f"//{host}").hostname or ""
    try:
        return name == "localhost" or ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False
