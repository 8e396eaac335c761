"""The requests and results of what talks to servers when a layer is built."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import Optional


@dataclass(frozen=True)
class NetworkSettings:
    """What a networking action takes from the person who builds, apart from its request.

    It is written to a file that the action finds by :func:`network_settings_file`, so that
    neither the request nor the cache key has it.
    """

    variables: dict[str, str] = field(repr=False)
    """Environment variables: proxies, certificates, credentials, and ``NETRC``."""


def network_settings_file(host: str, process_id: int) -> str:
    """The name of the file with the settings for the actions that a process starts.

    Who started it is all that an action knows beside its request.
    """
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}-{process_id}.json"


@dataclass(frozen=True)
class FetchFileRequest:
    """Download a file of known hash (verb ``fetch-file``)."""

    url: str
    sha256: str
    size: Optional[int]
    """In bytes; None where it is not known."""
    output: str
    """The file to write."""
    indexes: tuple[str, ...] = ()
    """The names of the indexes whose credentials may be sent to the server of the URL."""
    network: Optional[str] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class FetchedFile:
    """The result of ``fetch-file``."""

    size: int
    """In bytes."""
