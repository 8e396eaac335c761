"""``https://`` and ``http://``: what another kind wrote, read from a server of static files."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterator, Mapping
from urllib.parse import quote

from venvstacks_rules.local.web.answers import announced_size
from venvstacks_rules.model.network.credentials import without_credentials
from venvstacks_rules.model.network.urls import url_problem
from venvstacks_rules.repository.stores.attempts import PassingError, retried, trouble
from venvstacks_rules.repository.stores.connections import ARRIVED, Connections
from venvstacks_rules.repository.stores.logins import basic_login
from venvstacks_rules.repository.stores.store import (
    Entry,
    ReadOnlyStore,
    Stored,
    StoreError,
    UrlError,
)

_TOTAL = re.compile(r"bytes (?:[0-9]{1,19}-[0-9]{1,19}|\*)/([0-9]{1,19})")


class WebStore(ReadOnlyStore):
    """A folder of a web server."""

    damage = ARRIVED

    def __init__(self, url: str, environment: Mapping[str, str]) -> None:
        problem = url_problem(url)
        if problem is not None:
            raise UrlError(f"{problem}.")
        self.url = without_credentials(url).rstrip("/")
        self._connections = Connections(self.url, environment, basic_login(url, environment))

    @retried
    def get(self, key: str, *, limit: int) -> Stored | None:
        """All bytes at `key`, or None."""
        with self._connections.answer(key, self._place(key)) as answer:
            if answer.status in (404, 410):
                return None
            if answer.status != 200:
                raise self._connections.refused(key, answer)
            announced = announced_size(answer)
            data = b""
            while announced is None or announced <= limit:
                piece = answer.read(limit + 1 - len(data))
                data += piece
                if not piece or len(data) > limit:
                    break
            if len(data) > limit or (announced or 0) > limit:
                raise self.too_many(key, limit)
            if announced not in (None, len(data)):
                raise PassingError(
                    trouble(self.url, key, "the connection broke", "Try again later.")
                )
            return Stored(data, hashlib.sha256(data).hexdigest())

    @retried
    def size(self, key: str) -> int | None:
        """The number of bytes at `key`, or None."""
        with self._connections.answer(key, self._place(key), "HEAD") as answer:
            if answer.status in (404, 410):
                return None
            size = announced_size(answer)
            if answer.status == 200 and size is not None:
                return size
        # Some servers know only GET.
        first = {"Range": "bytes=0-0"}
        with self._connections.answer(key, self._place(key), headers=first) as answer:
            if answer.status in (404, 410):
                return None
            total = _TOTAL.fullmatch(answer.headers.get("Content-Range", ""))
            size = int(total[1]) if total else announced_size(answer)
            if answer.status not in (200, 206, 416) or size is None:
                raise self._connections.refused(key, answer)
            return size

    def read(self, key: str, start: int, end: int) -> Iterator[bytes]:
        """The bytes from `start` to before `end`."""
        return self._connections.pieces(key, self._place(key), start, end)

    def explained(self, key: str) -> list[str]:
        """Who reads from a web server mends nothing there."""
        return self._connections.explained(key)

    @retried
    def takes_ranges(self, key: str) -> bool:
        """Whether the server sends pieces of files; some send everything whatever they are asked.

        One request.
        """
        first = {"Range": "bytes=0-0"}
        with self._connections.answer(key, self._place(key), headers=first) as answer:
            return answer.status != 200

    def list(self, prefix: str) -> Iterator[Entry]:
        """Refuse."""
        raise StoreError(
            f"{self.url}: `{prefix}`: a web server cannot tell what it has. Use the URL that the "
            "repository is published to."
        )

    def _place(self, key: str) -> str:
        return f"{self.url}/{quote(key)}"

    def read_only(self, key: str) -> StoreError:
        """Says where to publish instead."""
        return StoreError(
            f"{self.url}: `{key}`: a web server is read-only. Publish to the URL of its folder or "
            "bucket."
        )
