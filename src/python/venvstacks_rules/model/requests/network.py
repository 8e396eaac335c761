"""The requests and results of the actions that talk to servers during a build."""

from __future__ import annotations

import re
from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass, field


@dataclass(frozen=True)
class NetworkSettings:
    """The settings of the person who builds, for actions that use the network.

    The action finds their file by :func:`network_settings_file`, so that neither the request nor
    the cache key contains them.
    """

    variables: dict[str, str] = field(repr=False)
    """Environment variables: proxies, certificates, credentials, and ``NETRC``."""


def network_settings_file(host: str, process_id: int) -> str:
    """The name of the file with the settings for the actions that a process starts.

    An action knows only its request and its parent process.
    """
    return f"{re.sub(r'[^A-Za-z0-9.-]', '_', host)}-{process_id}.json"


@dataclass(frozen=True)
class FetchFileRequest:
    """Download a file of known hash (verb ``fetch-file``)."""

    url: str
    sha256: str
    size: Optional[int]
    """In bytes; None if unknown."""
    output: GivenPath
    """The file to write."""
    indexes: tuple[str, ...] = ()
    """The names of the indexes whose credentials the server of the URL may see."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class FetchCommitRequest:
    """Fetch the files of a commit as an archive of known hash (verb ``fetch-commit``)."""

    url: str
    """Of the git repository."""
    commit: str
    """40 hexadecimal digits."""
    sha256: str
    """Of the archive."""
    output: GivenPath
    """The tar archive to write."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class FetchedFile:
    """The result of ``fetch-file`` and ``fetch-commit``."""

    size: int
    """In bytes."""
