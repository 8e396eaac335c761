"""What goals say of the groups that they divide their targets into."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Undescribed:
    """The metadata of a group that Pants need not describe."""

    description: None = None
