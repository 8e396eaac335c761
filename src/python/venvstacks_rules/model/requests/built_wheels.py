"""The requests and results of the actions on wheels that a build made."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class NormalizeWheelRequest:
    """Write a wheel again, so that its bytes follow from its files (verb ``normalize-wheel``)."""

    wheel: GivenPath
    """Its file name has its tags."""
    output: GivenPath
    """The wheel to write."""


@dataclass(frozen=True)
class NormalizedWheel:
    """The result of ``normalize-wheel``."""

    file_name: str
    sha256: str
    size: int
    """In bytes."""
    distribution: Distribution


@dataclass(frozen=True)
class BuildWheelRequest:
    """Build the wheel of a source archive, without a network (verb ``build-wheel``)."""

    package: str
    """Name and version, for messages."""
    archive: GivenPath
    sha256: str
    interpreter: GivenPath
    """The archive of the runtime's interpreter, which runs the build."""
    build_wheels: tuple[GivenPath, ...]
    """What the build requires."""
    output_dir: GivenPath
    """The folder for the wheel."""
    twice: bool
    """Whether to build twice, and to compare."""
    folder: Optional[str] = None
    """In an archive of a commit's files the folder of the project; None for a source archive."""
    version: Optional[str] = None
    """That the lockfile has, for projects that take it from the history of the repository."""


@dataclass(frozen=True)
class BuiltWheel:
    """The result of ``build-wheel``."""

    wheel: NormalizedWheel
    differing: tuple[str, ...] = ()
    """The files of the wheel that were not the same the second time."""
