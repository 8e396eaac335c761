"""The request of the action that looks after a repository (``repository``)."""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class RepositoryRequest:
    """A command of ``venvstacks-repository`` to run; it prints what it has to say."""

    repository: str
    """The URL of the repository that the command is about, if its arguments name no other."""
    args: tuple[str, ...]
    """The command and its arguments."""
    folder: GivenPath
    """Where relative paths among the arguments start."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""
