"""The request of the action that runs tests in deployed layers."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.contents.layout import InstallTarget
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.requests.deploy import DeployedArchive
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class LayerSource:
    """A file of a layer that comes from the repository."""

    install_target: InstallTarget
    path: GivenPath
    """Relative to the layer's site-packages."""
    source: GivenPath
    """Relative to the root of the repository."""


@dataclass(frozen=True)
class MeasuredCode:
    """The code whose coverage is measured."""

    data_file: GivenPath
    """The data file to write; it has the paths of the repository."""
    layers: tuple[LayerSource, ...]
    """Files of layers."""
    beside: tuple[GivenPath, ...]
    """Files below the working directory, at their paths in the repository."""
    config: Optional[GivenPath] = None
    """A configuration file of coverage."""


@dataclass(frozen=True)
class RunTestsRequest:
    """Deploy a chain of layers into a cache and run pytest in it (verb ``run-tests``).

    The working directory has the tests, and what they need beside the layers, at their paths in the
    repository.
    """

    target: str
    archives: tuple[DeployedArchive, ...]
    """Of the tested layer and those below it, the runtime first."""
    tools: tuple[DeployedArchive, ...]
    """Of the layer with pytest and those below it, the same runtime first."""
    cache: GivenPath
    roots: tuple[GivenPath, ...]
    """The source roots below the working directory, ``.`` for itself."""
    args: tuple[str, ...]
    """The arguments of pytest."""
    coverage: Optional[MeasuredCode] = None
    verify: bool = False
    """Whether to read all files of the cached layers, to find damage."""
