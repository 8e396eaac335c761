"""What a wheel brings along for others: modules to import, and binaries with their needs."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.libraries.binaries import Binary


@dataclass(frozen=True)
class AnalyzedWheel:
    """What a wheel brings along."""

    file_name: str
    modules: tuple[str, ...]
    """The names that can be imported from it, sorted."""
    binaries: tuple[Binary, ...]
    """Sorted by path."""
