"""Tokens for a registry, which a server of tokens gives for a login, for a while.

As https://distribution.github.io/distribution/spec/auth/token has it, and for identity tokens
https://distribution.github.io/distribution/spec/auth/oauth.
"""

from __future__ import annotations

import json
import time
import urllib.parse
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from venvstacks_rules.local.web.redirects import may_follow
from venvstacks_rules.model.network.credentials import server
from venvstacks_rules.repository.stores.attempts import retried, trouble
from venvstacks_rules.repository.stores.connections import Answer, Connections
from venvstacks_rules.repository.stores.docker_logins import DockerLogin
from venvstacks_rules.repository.stores.store import StoreError

_MOST_TOKEN = 1024 * 1024
_LIFE = 60
"""Seconds that a token is valid if the server does not say."""
_MARGIN = 15
"""Seconds before its end when a token is not used any more, or a quarter of its life."""


@dataclass(frozen=True)
class Token:
    """What a server of tokens gave."""

    challenge: Mapping[str, str]
    """What the registry asked for: ``realm``, and maybe ``service``."""
    scopes: Mapping[str, frozenset[str]]
    """For resources, as ``repository:demo``, what may be done with them."""
    text: str = field(repr=False)
    until: float
    """By the monotonic clock; then another one is asked for."""


class Tokens:
    """Asks for the tokens of one store, whose URL stands in all messages."""

    def __init__(
        self, url: str, root: str, environment: Mapping[str, str], login: DockerLogin
    ) -> None:
        self._url = url
        self._root = root
        self._environment = environment
        self._login = login

    def asked(self, key: str, challenge: Mapping[str, str], before: Token | None) -> Token:
        """A token for what the registry asks for, and for what the one before it permitted.

        Else requests that run at the same time would take it from each other.
        """
        scopes = dict(before.scopes) if before is not None else {}
        for scope in challenge.get("scope", "").split():
            resource, _, actions = scope.rpartition(":")
            scopes[resource] = scopes.get(resource, frozenset()).union(actions.split(","))
        return self._new(key, challenge, scopes)

    def renewed(self, key: str, token: Token) -> Token:
        """Another one for the same."""
        return self._new(key, token.challenge, token.scopes)

    @retried
    def _new(
        self, key: str, challenge: Mapping[str, str], scopes: Mapping[str, frozenset[str]]
    ) -> Token:
        realm = challenge["realm"]
        if not may_follow(realm, self._root):
            raise StoreError(
                trouble(self._url, key, f"the registry names {realm} for tokens", "Use https.")
            )
        asked = [("service", challenge["service"])] if "service" in challenge else []
        texts = [f"{name}:{','.join(sorted(actions))}" for name, actions in sorted(scopes.items())]
        began = time.monotonic()
        if self._login.identity is not None:
            asked += [
                ("scope", " ".join(texts)),
                ("grant_type", "refresh_token"),
                ("client_id", "venvstacks-rules"),
                ("refresh_token", self._login.identity),
            ]
            body = urllib.parse.urlencode(asked).encode()
            headers = {
                "Content-Type": "application/x-www-form-urlencoded",
                "Content-Length": str(len(body)),
            }
            connections = Connections(self._url, self._environment, lambda _: {})
            request = connections.answer(key, realm, "POST", headers=headers, body=[body])
        else:
            asked += [("scope", text) for text in texts]
            url = f"{realm}{'&' if '?' in realm else '?'}{urllib.parse.urlencode(asked)}"
            connections = self._with_password(url)
            request = connections.answer(key, url)
        with request as answer:
            if answer.status != 200:
                raise connections.refused(key, answer)
            text, life = self._read(key, realm, answer)
        return Token(challenge, scopes, text, began + life - min(_MARGIN, life / 4))

    def _with_password(self, url: str) -> Connections:
        basic = self._login.basic
        headers = {} if basic is None else {"Authorization": f"Basic {basic}"}
        return Connections(
            self._url,
            self._environment,
            lambda target: headers if server(target) == server(url) else {},
        )

    def _read(self, key: str, realm: str, answer: Answer) -> tuple[str, float]:
        try:
            found: Any = json.loads(answer.read(_MOST_TOKEN))
            return str(found.get("token") or found["access_token"]), _life(found)
        except (ValueError, KeyError, AttributeError):
            raise StoreError(
                trouble(self._url, key, f"{realm} gives no token", "Look at the registry.")
            ) from None


def _life(found: Mapping[str, Any]) -> float:
    life = found.get("expires_in")
    return float(life) if isinstance(life, int) and life > 0 else _LIFE
