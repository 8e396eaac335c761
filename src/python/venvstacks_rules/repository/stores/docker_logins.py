"""Logins of ``docker login``: its ``config.json``, and the programs that keep passwords for it."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from venvstacks_rules.repository.stores.logins import basic_token
from venvstacks_rules.repository.stores.store import StoreError

_IDENTITY = "<token>"
"""The user of a helper whose secret is an identity token."""
_UNKNOWN = "credentials not found"
"""What helpers say of a registry that nobody has logged in to."""


@dataclass(frozen=True)
class DockerLogin:
    """What a registry, or its server of tokens, accepts."""

    basic: str | None = field(default=None, repr=False)
    """User and password, as after ``Basic``."""
    identity: str | None = field(default=None, repr=False)
    """An identity token, for which the server of tokens gives others."""


NOBODY = DockerLogin()
_LOGIN_HOSTS = {"registry-1.docker.io": "index.docker.io"}
"""Where docker logs in for a registry, if that is another host."""


def docker_login(host: str, environment: Mapping[str, str]) -> DockerLogin:
    """The login for a registry; StoreError if the file or a helper does not work."""
    host = _LOGIN_HOSTS.get(host, host)
    folder = environment.get("DOCKER_CONFIG") or "~/.docker"
    path = Path(folder).expanduser() / "config.json"
    try:
        config = json.loads(path.read_bytes())
        logins, helpers = _table(config, "auths"), _table(config, "credHelpers")
    except FileNotFoundError:
        return NOBODY
    except (OSError, ValueError, TypeError):
        raise StoreError(f"`{path}` cannot be read. Log in again, by `docker login`.") from None
    name = _named(logins, host)
    helper = helpers.get(_named(helpers, host)) or config.get("credsStore")
    if helper:
        found = _of_helper(str(helper), name, environment)
        if found is not None:
            return found
    login = logins.get(name)
    if not isinstance(login, dict):
        return NOBODY
    basic, identity = login.get("auth"), login.get("identitytoken")
    return DockerLogin(str(basic) if basic else None, str(identity) if identity else None)


def _table(config: Any, name: str) -> dict[str, Any]:
    table = (config.get(name) or {}) if isinstance(config, dict) else None
    if not isinstance(table, dict):
        raise TypeError(name)
    return table


def _named(table: Iterable[str], host: str) -> str:
    """What a table calls a registry: its host, or a URL."""
    for name in table:
        if name.partition("://")[2].partition("/")[0] == host:
            return host if host in table else name
    return host


def _of_helper(name: str, server: str, environment: Mapping[str, str]) -> DockerLogin | None:
    """The login that a helper has, or None."""
    program = f"docker-credential-{name}"
    path = shutil.which(program, path=environment.get("PATH"))
    if path is None:
        raise StoreError(
            f"`{program}`, which docker's `config.json` names, is not on PATH. Install it, or log"
            " in again, by `docker login`."
        )
    try:
        done = subprocess.run(  # noqa: S603  the user's own program
            [path, "get"],
            input=server.encode(),
            capture_output=True,
            check=False,
            timeout=60,
            env={**os.environ, **environment},
        )
        if done.returncode and _UNKNOWN in done.stdout.decode("utf-8", "replace"):
            return None
        found = json.loads(done.stdout)
        user, secret = str(found["Username"]), str(found["Secret"])
    except (OSError, subprocess.SubprocessError, ValueError, KeyError, TypeError):
        # What it says may have a password.
        raise StoreError(
            f"`{path}` gives no login for {server}. Try `echo {server} | {program} get`."
        ) from None
    if user == _IDENTITY:
        return DockerLogin(identity=secret)
    return DockerLogin(basic_token(user, secret))
