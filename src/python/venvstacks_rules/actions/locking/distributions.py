"""Distributions that are built from the repository: their wheels for ``uv``, and in the lock."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from venvstacks_rules.model.locks.pylock import TOOL
from venvstacks_rules.model.locks.shared import Constraint
from venvstacks_rules.model.requests.lock import BuiltDistribution


@dataclass(frozen=True)
class DistributionWheels:
    """The wheels for the packages of one layer."""

    built: tuple[BuiltDistribution, ...]

    @property
    def requirements(self) -> tuple[str, ...]:
        """Those that the layer itself names: exactly these files."""
        return tuple(_reference(one) for one in self.built if one.is_own)

    def constraints(self, imposed: Iterable[Constraint]) -> tuple[str, ...]:
        """What layers below impose, with the files in place of versions, and all other files.

        No index has them, and what an index has of that name is something else.
        """
        versions = {one.distribution.name: one.distribution.version for one in self.built}
        kept = [c.requirement for c in imposed if versions.get(c.name) != c.version]
        return (*kept, *(_reference(one) for one in self.built if not one.is_own))

    @property
    def names(self) -> dict[str, str]:
        """From the place of each in this process to a name for people."""
        return {_place(one).as_uri(): one.distribution.name for one in self.built}

    def recorded(self, package: Mapping[str, Any]) -> dict[str, Any]:
        """A package that ``uv`` exported; without its file, if that is one of these."""
        result = dict(package)
        archive = result.get("archive")
        places = {str(_place(one)) for one in self.built}
        if isinstance(archive, Mapping) and str(archive.get("path")) in places:
            del result["archive"]
            result["tool"] = {TOOL: {"from": "python_distribution"}}
        return result


NO_DISTRIBUTIONS = DistributionWheels(())


def _place(one: BuiltDistribution) -> Path:
    return Path(one.wheel).absolute()


def _reference(one: BuiltDistribution) -> str:
    return f"{one.distribution.name} @ {_place(one).as_uri()}"
