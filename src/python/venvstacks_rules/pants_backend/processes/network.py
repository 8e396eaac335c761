"""The settings and credentials for the network, and where a process finds them.

These are in no process: whatever is in a process can be read in logs, in kept sandboxes and in the
caches, and makes others' cached results useless. They lie in a file beside the process while it
runs (see :mod:`.settings_file`), and the action finds it.
"""

from __future__ import annotations

import contextlib
import netrc
import os.path
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional
from urllib.parse import unquote, urlsplit

from pants.backend.python.subsystems.repos import PythonRepos
from pants.base.build_environment import get_buildroot
from pants.base.exceptions import IntrinsicError
from pants.engine.env_vars import CompleteEnvironmentVars
from pants.engine.fs import Digest, DownloadFile, FileDigest
from pants.engine.internals.session import SessionValues
from pants.option.global_options import GlobalOptions
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.network.credentials import (
    INDEX_VARIABLE,
    CredentialSearch,
    index_variables,
    unread_netrc,
)
from venvstacks_rules.model.requests.network import NetworkSettings
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    implicitly,
    rule,
    uncacheable_rule,
)
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.processes.settings_file import settings_file
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

NETWORK_DIR = "__network"
"""Where a process sees the settings; what a request has to have as `network`."""

_CACHE_NAME = "venvstacks_network"
_STORE_VARIABLE = re.compile(
    r"(AWS|AZURE|GOOGLE|DOCKER|REGISTRY_AUTH)_[A-Z0-9_]+|HOME|STORAGE_EMULATOR_HOST"
    # Programs that keep the passwords of docker, and what they ask.
    r"|PATH|GNUPGHOME|PASSWORD_STORE_DIR|DBUS_SESSION_BUS_ADDRESS|XDG_RUNTIME_DIR"
)
_PATHS = ("NETRC", "SSL_CERT_DIR", "SSL_CERT_FILE")

_unanswering: set[str] = set()
"""Servers from which the engine of this daemon got no answer: it takes 11 s to find that out."""


@dataclass(frozen=True)
class NetworkAccess:
    """How the person who builds reaches servers."""

    variables: FrozenDict[str, str] = field(repr=False)
    netrc: str
    """What messages call the netrc file."""
    netrc_hosts: frozenset[str]
    """The servers that it has credentials for."""
    engine_authorities: str | None = field(default=None, repr=False)
    """The file that Pants' option `ca_certs_path` names."""
    store_variables: FrozenDict[str, str] = field(default=FrozenDict(), repr=False)
    """Those by which stores are reached, for actions that publish."""
    program_variables: FrozenDict[str, str] = field(default=FrozenDict(), repr=False)
    """Those by which programs of the machine are found, and find their own settings."""

    def search(self, url: str, indexes: tuple[str, ...]) -> CredentialSearch:
        """Where credentials for `url` are looked for."""
        return CredentialSearch(url, indexes, self.netrc)

    def knows(self, search: CredentialSearch) -> bool:
        """Whether there are credentials."""
        return search.origin(self.variables, self.netrc_hosts) is not None

    def may_reach_more(self, url: str, error: IntrinsicError) -> bool:
        """Whether an action may reach a server, where the engine's download ended with `error`.

        That is where the engine got no answer at all, and where the user's environment knows more.

        The engine has the proxies of the time when its daemon was started, reads no ``NO_PROXY`` in
        2.17, and knows no authorities but those of Pants' own option. Its HTTP library takes the
        answers of some proxies for refusals.
        """
        return str(error).startswith("Error downloading file") and self.may_know_more(url)

    def may_know_more(self, url: str) -> bool:
        """Whether the user's environment may know a way to a server that the engine does not."""
        places = {self.variables.get("SSL_CERT_FILE"), self.variables.get("SSL_CERT_DIR")}
        if places - {None, "", self.engine_authorities}:
            return True
        proxies = {name.lower() for name, value in self.variables.items() if value}
        return bool({f"{urlsplit(url).scheme}_proxy", "all_proxy"} & proxies)


async def engine_download(url: str, file: FileDigest, access: NetworkAccess) -> Optional[Digest]:
    """A file, as the engine fetches it; None where only an action may reach the server.

    Raises IntrinsicError for all else that the engine fails of.
    """
    server = urlsplit(url).netloc
    if server in _unanswering and access.may_know_more(url):
        return None
    try:
        return await engine.download_file(DownloadFile(url, file))
    except IntrinsicError as e:
        if not access.may_reach_more(url, e):
            raise
    _unanswering.add(server)
    return None


@dataclass(frozen=True)
class SessionNetworkAccess:
    """What a run of Pants found."""

    access: NetworkAccess


def network_variables(
    environment: Mapping[str, str], extra: Mapping[str, str], ca_certs_path: str | None
) -> dict[str, str]:
    """The variables for a networking action.

    `extra` are those that the options name. Credentials of indexes come along without being named,
    as people expect who have set them.
    """
    variables = {name: environment[name] for name in environment if INDEX_VARIABLE.fullmatch(name)}
    home = environment.get("HOME")
    own = environment.get("NETRC") or (os.path.join(home, ".netrc") if home else None)
    if own is not None:
        variables["NETRC"] = own
    variables.update(extra)
    if ca_certs_path and not {"SSL_CERT_DIR", "SSL_CERT_FILE"} & set(variables):
        variables["SSL_CERT_FILE"] = ca_certs_path
    for name in _PATHS:
        # An action works in another folder.
        if variables.get(name):
            variables[name] = os.path.join(get_buildroot(), variables[name])
    return variables


def store_variables(environment: Mapping[str, str]) -> FrozenDict[str, str]:
    """The variables by which the stores' own tools find credentials and servers."""
    return FrozenDict(
        {name: environment[name] for name in environment if _STORE_VARIABLE.fullmatch(name)}
    )


def mirror_indexes(urls: Iterable[str]) -> tuple[tuple[str, str], ...]:
    """The indexes of `[python-repos]`, which have no names of their own, with names."""
    return tuple((f"python-repos-{number}", url) for number, url in enumerate(urls))


def credential_variables(indexes: Iterable[tuple[str, str]]) -> dict[str, str]:
    """The variables for the credentials that users write into the URLs of indexes."""
    variables = {}
    for name, url in indexes:
        parts = urlsplit(url)
        for variable, value in zip(index_variables(name), (parts.username, parts.password)):
            if value:
                variables[variable] = unquote(value)
    return variables


def netrc_hosts(path: str) -> tuple[str, frozenset[str]]:
    """The servers that a netrc file has entries for, and what messages call the file."""
    try:
        hosts = netrc.netrc(path).hosts
    except (OSError, UnicodeDecodeError, netrc.NetrcParseError) as e:
        return unread_netrc(path, e), frozenset()
    return path, frozenset(host for host in hosts if host != "default")


# Looks at a file that Pants does not watch: once a run.
@uncacheable_rule
async def session_network_access(
    session: SessionValues,
    options: VenvstacksSubsystem,
    global_options: GlobalOptions,
    repos: PythonRepos,
) -> SessionNetworkAccess:
    # With remote execution Pants' own rules would ask the environment there.
    environment = session[CompleteEnvironmentVars]
    variables = network_variables(
        environment,
        environment.get_subset(options.extra_env_vars),
        global_options.ca_certs_path,
    )
    # Processes of one run share the file with the settings: all have these credentials in it.
    variables.update(credential_variables(mirror_indexes(repos.indexes)))
    name, hosts = netrc_hosts(variables["NETRC"]) if "NETRC" in variables else ("netrc", None)
    authorities = global_options.ca_certs_path
    return SessionNetworkAccess(
        NetworkAccess(
            FrozenDict(variables),
            name,
            hosts or frozenset(),
            os.path.join(get_buildroot(), authorities) if authorities else None,
            store_variables(environment),
            FrozenDict(environment.get_subset(("HOME", "PATH", "XDG_CONFIG_HOME"))),
        )
    )


# What depends on this is not looked at again in a run that finds the same.
@rule
async def network_access() -> NetworkAccess:
    found: SessionNetworkAccess = await session_network_access(**implicitly())
    return found.access


def with_settings(action: ActionProcessRequest) -> ActionProcessRequest:
    """`action` with the settings at :data:`NETWORK_DIR`, while :func:`kept_settings` keeps them."""
    mounts = {**action.append_only_caches, _CACHE_NAME: NETWORK_DIR}
    return replace(action, append_only_caches=FrozenDict(mounts))


def kept_settings(
    variables: Mapping[str, str], named_caches: str
) -> contextlib.AbstractContextManager[Path]:
    """Keep the variables where actions that this process starts find them."""
    return settings_file(Path(named_caches, _CACHE_NAME), to_json(NetworkSettings(dict(variables))))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
