"""What the readers of the three formats have in common."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional


class UnreadableError(Exception):
    """A binary that is damaged, or that pretends to be one."""


@dataclass(frozen=True)
class BinaryFacts:
    """What :class:`~venvstacks_rules.model.binaries.Binary` has, but for what the file is."""

    kind: str
    machine: str
    name: Optional[str] = None
    needed: tuple[str, ...] = ()
    optional: tuple[str, ...] = ()
    run_paths: tuple[str, ...] = ()
    inherited: bool = False
    minimum: Optional[str] = None


def shortest_first(version: str) -> tuple[int, ...]:
    """What versions ``X.Y`` are compared by."""
    return tuple(int(part) for part in version.split("."))
