"""The requests and results of the actions that make the environment of the other actions.

They run before any library is there: the standard library alone reads and serves them.
"""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.contents.inputs import WheelFile
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class InstallWheelRequest(WheelFile):
    """Unpack a wheel into a folder to import it from (verb ``install-wheel``)."""

    output: GivenPath
    """The folder to make; programs go to its ``bin``."""


@dataclass(frozen=True)
class InstalledWheel:
    """The result of ``install-wheel``."""

    files: int
    """Files unpacked, and compiled."""


@dataclass(frozen=True)
class CompileSourcesRequest:
    """Compile modules to byte code (verb ``compile-sources``)."""

    sources: GivenPath
    """A folder with modules."""
    output: GivenPath
    """The folder to make, with the byte code at the places where Python looks beside modules."""


@dataclass(frozen=True)
class CompiledSources:
    """The result of ``compile-sources``."""

    files: int


@dataclass(frozen=True)
class FetchWheelRequest:
    """Find a wheel by name and hash, and download it (verb ``fetch-wheel``)."""

    distribution: str
    file_name: str
    sha256: str
    size: Optional[int]
    """In bytes; None where the lockfile does not say."""
    indexes: tuple[tuple[str, str], ...]
    """Names and URLs of package indexes, asked in this order; the names say which credentials."""
    find_links: tuple[str, ...]
    """Folders, and URLs of pages or folders, that are looked at before the indexes."""
    output: GivenPath
    """The file to write."""
    url: Optional[str] = None
    """Where it is, looked at first; None where only its name and hash count."""
    network: Optional[GivenPath] = None
    """A folder with :class:`.network.NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class FetchedWheel:
    """The result of ``fetch-wheel``."""

    origin: str
    """The URL or the file that it was taken from."""
