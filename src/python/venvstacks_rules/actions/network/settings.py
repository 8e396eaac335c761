"""The settings and credentials of the person who builds, for the actions that talk to servers.

A build writes them to a file that only that person can read, and the action finds it by the
process that started it. So no request and no cache key contains them. Without such a file, for
example in a shell, they come from the environment.
"""

from __future__ import annotations

import netrc
import os
import platform
from pathlib import Path

from venvstacks_rules.model.errors import NetworkError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.network.credentials import Credentials, CredentialSearch, unread_netrc
from venvstacks_rules.model.requests.network import NetworkSettings, network_settings_file

_DEFAULT_NETRC = "~/.netrc"


def use_network_settings(folder: str | None) -> None:
    """Add the settings that our parent process left in `folder` to our environment."""
    if folder is None:
        return
    name = network_settings_file(platform.node(), os.getppid())
    try:
        text = Path(folder, name).read_text(encoding="utf-8")
    except OSError as e:
        raise NetworkError(
            f"the proxies, certificates and credentials for this process are missing: {name} in "
            f"the cache folder `{folder}`: {e.strerror}. Only processes on the machine of the "
            "build have them: run the processes that use the network there, not in a "
            "container and not by remote execution"
        ) from None
    os.environ.update(from_json(NetworkSettings, text).variables)


def find_credentials(
    url: str, indexes: tuple[str, ...]
) -> tuple[CredentialSearch, Credentials | None]:
    """The places to look for credentials for `url`, and what is there: the environment or netrc."""
    name, hosts = _netrc(os.environ.get("NETRC") or _DEFAULT_NETRC)
    search = CredentialSearch(url, indexes, name)
    return search, search.credentials(os.environ, hosts)


def _netrc(path: str) -> tuple[str, dict[str, tuple[str, str]]]:
    """What messages call the file, and its credentials by host."""
    try:
        hosts = netrc.netrc(os.path.expanduser(path)).hosts
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError) as e:
        return unread_netrc(path, e), {}
    # The entry `default` would send a password to every server.
    return path, {
        host: (found[0], found[2] or "") for host, found in hosts.items() if host != "default"
    }
