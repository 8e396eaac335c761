"""Another attempt, after a pause, for what may pass: shared by all kinds."""

from __future__ import annotations

import functools
import random
import time
from collections.abc import Callable
from typing import Any, TypeVar, cast

from venvstacks_rules.local.web.attempts import Attempts
from venvstacks_rules.model.network.credentials import hidden_credentials
from venvstacks_rules.repository.stores.store import StoreError

WAITS = [0.25, 1.0, 3.0, 8.0]
"""Between attempts, in seconds."""

_F = TypeVar("_F", bound=Callable[..., Any])
_MOST = 300


class PassingError(StoreError):
    """Another attempt may succeed."""


class SilentError(PassingError):
    """Another attempt may succeed, and takes long if it does not."""


class RequestAttempts:
    """Those of one request to a store."""

    def __init__(self) -> None:
        self._attempts = Attempts(WAITS, pause)

    def failed(self, error: PassingError) -> None:
        """Wait for the next attempt; after the last one raise `error`, which no longer passes.

        So whoever tries again what this request is a part of does not repeat all attempts.
        """
        if not self._attempts.again(slow=isinstance(error, SilentError)):
            raise StoreError(str(error)) from None


def retried(function: _F) -> _F:
    """`function`, called again while it raises PassingError; the last one is a StoreError."""

    @functools.wraps(function)
    def attempts(*arguments: Any, **named: Any) -> Any:
        made = RequestAttempts()
        while True:
            try:
                return function(*arguments, **named)
            except PassingError as e:
                made.failed(e)

    return cast("_F", attempts)


def pause(wait: float) -> None:
    """Wait for up to so many seconds."""
    # Many clients may have met the same trouble at the same moment.
    time.sleep(wait * random.uniform(0.5, 1))  # noqa: S311


def trouble(url: str, key: str, why: object, remedy: str) -> str:
    """The text of a StoreError; credentials in URLs that `why` contains are left out."""
    reason = hidden_credentials(str(why)).strip().split("\n")[0][:_MOST]
    return f"{url}: `{key}`: {reason.rstrip('.')}. {remedy}"


UNREACHED = (
    "Look whether the server runs and the URL is right; proxies and certificates come from "
    "HTTPS_PROXY and SSL_CERT_FILE."
)
