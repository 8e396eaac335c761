"""The files of packages that a layer leaves out or keeps, as in its metadata."""

from __future__ import annotations

from typing import Any

from venvstacks_rules.model.values import dataclass


@dataclass(frozen=True)
class ChosenFiles:
    """What the fields of a layer make of a distribution on a platform."""

    distribution: str
    """Normalised."""
    wheel: str
    """The file name."""
    excluded: tuple[str, ...]
    """The globs of the files that stay out."""
    files: int = 0
    size: int = 0
    """Of these files, in bytes."""
    unused: tuple[tuple[str, str], ...] = ()
    """The globs that match nothing there, each with the field that has it."""

    def to_dict(self) -> dict[str, Any]:
        """The files that stay out, as in the metadata of a layer."""
        return {"globs": list(self.excluded), "files": self.files, "size": self.size}
