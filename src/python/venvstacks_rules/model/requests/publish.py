"""The requests of the actions that publish: ``plan-publish`` and ``publish``.

The result of the first is a :class:`~venvstacks_rules.model.publishing.plan.PublishPlan`; the
second
prints its report.
"""

from __future__ import annotations

from typing import Optional

from venvstacks_rules.model.paths import GivenPath
from venvstacks_rules.model.publishing.plan import PublishPlan
from venvstacks_rules.model.publishing.publication import PublicationFiles
from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class PlanPublishRequest:
    """Ask a repository what it lacks (verb ``plan-publish``). No blob is read."""

    repository: str
    """The URL."""
    files: PublicationFiles
    thorough: bool = False
    """Whether to ask for each blob, also of layer versions that are there."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""


@dataclass(frozen=True)
class PublishRequest:
    """Carry out a plan, or show it (verb ``publish``). `files` has the blobs that it names."""

    repository: str
    files: PublicationFiles
    plan: PublishPlan
    only_show: bool
    """Whether to send nothing, and fail."""
    thorough: bool = False
    """Whether to ask for each blob, also of layer versions that are there."""
    keys: tuple[str, ...] = ()
    """URIs of the keys that sign records."""
    root: Optional[str] = None
    """The root that is believed: a file, or a pin; None for that of the repository."""
    expires_days: int = 30
    """How long signatures count."""
    deltas: bool = True
    """Whether to make deltas from the versions that channels point at."""
    network: Optional[GivenPath] = None
    """A folder with :class:`NetworkSettings`; None for the environment as it is."""
