"""The requests and results of the actions that deploy layers.

A file of its own because people wait for the start of an application, and the other actions have
many more of them.
"""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class DeployedArchive:
    """A layer archive to deploy."""

    archive: GivenPath
    install_target: str
    sha256: str
    size: int
    """In bytes."""
    unpacked_size: Optional[int] = None
    """What it may unpack to, in bytes: the `tar_size` of all segments of its index, or the sizes of
    all files of a zip archive. None for a bound that follows from `size`."""


@dataclass(frozen=True)
class DeployLayersRequest:
    """Unpack archives side by side and post-install them (verb ``deploy-layers``)."""

    archives: tuple[DeployedArchive, ...]
    """The runtime first, then upwards."""
    destination: GivenPath
    """The folder for the layers' folders; absolute, or relative to the working directory."""
    verify: bool = False
    """Whether to read all files of layers that are there, to find damage."""


@dataclass(frozen=True)
class DeployedLayers:
    """The result of ``deploy-layers``."""

    installed: tuple[str, ...]
    """Install targets that the action unpacked."""
    kept: tuple[str, ...]
    """Install targets that were there already, from the same archive."""
    repaired: tuple[str, ...] = ()
    """Those of `installed` that were there from the same archive, damaged."""


@dataclass(frozen=True)
class LaunchRequest:
    """Deploy a chain of layers into a cache and start its last one (verb ``launch``).

    Paths are relative to the folder of the request's file: the working directory is the
    application's.
    """

    archives: tuple[DeployedArchive, ...]
    """The runtime first, the application last."""
    cache: GivenPath
    """The cache folder."""
    interpreter: bool = False
    """Whether to start the Python of the last layer instead of a launch module."""
    verify: bool = False
    """Whether to read all files of the cached layers, to find damage."""


@dataclass(frozen=True)
class ScannedFile:
    """A source file whose imports are tried."""

    path: GivenPath
    """Relative to the application's site-packages."""
    shown: str
    """How messages call it: its path in the repository."""


@dataclass(frozen=True)
class CheckImportsRequest:
    """Import modules inside a deployed application (verb ``check-imports``)."""

    target: str
    archives: tuple[DeployedArchive, ...]
    cache: GivenPath
    modules: tuple[str, ...]
    """Modules to import, in this order."""
    scan: tuple[ScannedFile, ...] = ()
    """Source files of launch and support modules: the action imports all modules that they import,
    and does not execute the files themselves."""
    launch: Optional[str] = None
    """``module:function``, if the application starts with a function: the module is imported, and
    has to have it."""
    verify: bool = False
    """Whether to read all files of the cached layers, to find damage."""


@dataclass(frozen=True)
class CheckedImports:
    """The result of ``check-imports``."""

    modules: tuple[str, ...]
    """The imports, in order: import statements of the scanned files, then the modules."""
    refused: tuple[str, ...] = ()
    """Those of them whose modules are found and want a setup first, with what they say."""
