"""User names and passwords for servers that speak HTTP: of the URL itself, or of netrc."""

from __future__ import annotations

import base64
import netrc
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import unquote, urlsplit

from venvstacks_rules.model.network.credentials import server, without_credentials
from venvstacks_rules.repository.stores.connections import Authorize
from venvstacks_rules.repository.stores.store import StoreError


def basic_login(url: str, environment: Mapping[str, str]) -> Authorize:
    """What adds the credentials for the server of `url`, to requests that go there."""
    own = server(url)
    token = _of_url(url) or _of_netrc(url, environment)
    headers = {} if token is None else {"Authorization": f"Basic {token}"}
    return lambda target: headers if server(target) == own else {}


def basic_token(user: str, password: str) -> str:
    """As after `Basic` in a header."""
    return base64.b64encode(f"{user}:{password}".encode()).decode("ascii")


def _of_url(url: str) -> str | None:
    parts = urlsplit(url)
    if parts.username is None:
        return None
    return basic_token(unquote(parts.username), unquote(parts.password or ""))


def _of_netrc(url: str, environment: Mapping[str, str]) -> str | None:
    path = Path(environment.get("NETRC") or "~/.netrc").expanduser()
    try:
        hosts = netrc.netrc(str(path)).hosts
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
        # What the error itself says may hold a password.
        clean = without_credentials(url)
        raise StoreError(f"{clean}: `{path}` cannot be read as a netrc file. Correct it.") from None
    # The entry `default` would send a password to every server.
    found = hosts.get(urlsplit(url).hostname or "")
    return None if found is None else basic_token(found[0], found[2] or "")
