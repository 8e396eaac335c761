"""Credentials for package indexes and file servers: their places, and who may receive them.

The places are those of ``uv``: two variables for each named index, and netrc. Callers pass the
values of variables and the content of netrc; no message here shows them.
"""

from __future__ import annotations

import re
from collections.abc import Container, Iterable, Mapping
from urllib.parse import urlsplit

from venvstacks_rules.model.values import dataclass, field

INDEX_VARIABLE = re.compile(r"UV_INDEX_\w+_(?:USERNAME|PASSWORD)")
"""The names of all variables that can hold credentials of an index."""

_USER_INFO = re.compile(r"^([^/?#]*//)[^/?#]*@")
_IN_TEXT = re.compile(r"(?<=//)[^/\s]*@")
_PORTS = {"http": 80, "https": 443}


@dataclass(frozen=True)
class PackageIndex:
    """An index of ``[[tool.uv.index]]``."""

    name: str
    url: str
    """Without credentials."""


@dataclass(frozen=True)
class Credentials:
    """A user name and a password."""

    origin: str
    """Their place, for messages."""
    username: str = field(repr=False)
    password: str = field(repr=False)


@dataclass(frozen=True)
class CredentialSearch:
    """The places to look for the credentials of a URL."""

    url: str
    indexes: tuple[str, ...] = ()
    """The names of the indexes on the URL's server, as :func:`indexes_for` gives them."""
    netrc: str = "netrc"
    """The name of the netrc file in messages; of one that cannot be read, :func:`unread_netrc`."""

    @property
    def host(self) -> str:
        """The entry of netrc."""
        return urlsplit(self.url).hostname or ""

    @property
    def places(self) -> str:
        """All places, for messages."""
        pairs = [_pair(index_variables(index)) for index in self.indexes]
        return ", ".join([*pairs, self._netrc_entry])

    def origin(self, variables: Mapping[str, str], netrc_hosts: Container[str]) -> str | None:
        """The first place that has credentials; None without one."""
        found = self._variables(variables)
        if found is not None:
            return _pair(found)
        return self._netrc_entry if self.host in netrc_hosts else None

    def credentials(
        self, variables: Mapping[str, str], netrc: Mapping[str, tuple[str, str]]
    ) -> Credentials | None:
        """The credentials in the first place with some; `netrc` has login and password by host."""
        found = self._variables(variables)
        if found is not None:
            user, password = found
            return Credentials(_pair(found), variables.get(user, ""), variables.get(password, ""))
        if self.host in netrc:
            return Credentials(self._netrc_entry, *netrc[self.host])
        return None

    def _variables(self, variables: Mapping[str, str]) -> tuple[str, str] | None:
        for pair in map(index_variables, self.indexes):
            if any(variables.get(name) for name in pair):
                return pair
        return None

    @property
    def _netrc_entry(self) -> str:
        return f"{self.host} in {self.netrc}"


def index_variables(index: str) -> tuple[str, str]:
    """The variables for user name and password of the index of that name."""
    key = re.sub(r"[^A-Z0-9]", "_", index.upper())
    return f"UV_INDEX_{key}_USERNAME", f"UV_INDEX_{key}_PASSWORD"


def indexes_for(url: str, recorded: str | None, known: Iterable[PackageIndex]) -> tuple[str, ...]:
    """The names of the indexes whose credentials the server of `url` may see, likeliest first.

    These are the indexes on the same server. `recorded` is the URL of the index in a lockfile; if
    it is one of them, it comes first.
    """
    recorded = None if recorded is None else recorded.rstrip("/")
    path = urlsplit(url).path

    def likelihood(index: PackageIndex) -> tuple[bool, int]:
        return index.url.rstrip("/") != recorded, -_shared(urlsplit(index.url).path, path)

    same = [index for index in known if server(index.url) == server(url)]
    return tuple(dict.fromkeys(index.name for index in sorted(same, key=likelihood)))


def server(url: str) -> tuple[str, str, int | None]:
    """Scheme, host and port, which credentials are bound to."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = -1  # No server has it.
    return parts.scheme, parts.hostname or "", port or _PORTS.get(parts.scheme)


def has_credentials(url: str) -> bool:
    """Whether `url` contains a user name or a password."""
    parts = urlsplit(url)
    # `git@` in a URL for `ssh` is neither.
    return parts.scheme in _PORTS and "@" in parts.netloc


def without_credentials(url: str) -> str:
    """`url` without user name and password; works with any scheme and with invalid URLs."""
    return _USER_INFO.sub(r"\1", url, count=1)


def hidden_credentials(text: str) -> str:
    """`text` without user names and passwords of the URLs in it."""
    return _IN_TEXT.sub("", text)


def unread_netrc(path: str, error: Exception) -> str:
    """What messages call a netrc file that cannot be read."""
    if isinstance(error, OSError):
        return f"{path} ({error.strerror})"
    # What the error itself says may hold a password.
    line = getattr(error, "lineno", None)
    return f"{path} ({'cannot be read' if line is None else f'line {line} cannot be read'})"


def refused(status: int, origin: str | None, search: CredentialSearch) -> str:
    """A remark about credentials for an answer with `status`; empty if they do not matter."""
    if status not in (401, 403, 404):
        return ""
    if origin is not None:
        return f" (with the credentials of {origin})"
    return f" (without credentials: there are none in {search.places})"


def _pair(variables: tuple[str, str]) -> str:
    return " and ".join(variables)


def _shared(one: str, other: str) -> int:
    count = 0
    for a, b in zip(one.split("/"), other.split("/")):
        if a != b:
            break
        count += 1
    return count
