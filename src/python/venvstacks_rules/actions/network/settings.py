"""The settings and credentials of the person who builds, for the actions that talk to servers.

A build writes them to a file that only that person can read, and the action finds it by the
process that started it: so they are in no request, and in no cache key. Without such a file, from
a shell say, the environment itself has them.
"""

from __future__ import annotations

import netrc
import os
import platform
from pathlib import Path

from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.network.credentials import Credentials, CredentialSearch
from venvstacks_rules.model.requests.network import NetworkSettings, network_settings_file

_DEFAULT_NETRC = "~/.netrc"


def use_network_settings(folder: str | None) -> None:
    """Put the settings that the starting process left in `folder` into our own environment."""
    if folder is None:
        return
    name = network_settings_file(platform.node(), os.getppid())
    try:
        text = Path(folder, name).read_text(encoding="utf-8")
    except OSError as e:
        raise NetworkError(
            f"the proxies, certificates and credentials for this process are not there: {name} in "
            f"the cache folder `{folder}`: {e.strerror}. They are for processes on the machine of "
            "the build only: run what uses the network there, not in a container and not by "
            "remote execution"
        ) from None
    os.environ.update(from_json(NetworkSettings, text).variables)


def search_for(url: str, indexes: tuple[str, ...]) -> CredentialSearch:
    """Where credentials for `url` are looked for."""
    return CredentialSearch(url, indexes, os.environ.get("NETRC") or _DEFAULT_NETRC)


def find_credentials(search: CredentialSearch) -> Credentials | None:
    """What the environment or netrc has for a URL."""
    return search.credentials(os.environ, _netrc(search.netrc))


def _netrc(path: str) -> dict[str, tuple[str, str]]:
    try:
        hosts = netrc.netrc(os.path.expanduser(path)).hosts
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError):
        return {}
    # The entry `default` would send a password to every server.
    return {host: (found[0], found[2] or "") for host, found in hosts.items() if host != "default"}
