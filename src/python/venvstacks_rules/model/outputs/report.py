"""The report on a packaged archive."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.wording import size_text


@dataclass(frozen=True)
class ArchiveReport:
    """An archive, and how much of it this run made."""

    size: int
    """In bytes."""
    sha256: str
    segments: int
    """All of them, with the segment of the layer's own files."""
    built: int
    """Segments that a process of this run wrote; the others come from memory or a cache."""

    @property
    def lines(self) -> tuple[str, ...]:
        """The lines below the archive's name."""
        return (f"{size_text(self.size)}, sha256 {self.sha256}", f"segments: {self._counts}")

    @property
    def short(self) -> str:
        """The entry in a list of archives."""
        return f"{size_text(self.size)}, segments: {self._counts}"

    @property
    def _counts(self) -> str:
        return f"{self.segments - self.built} reused, {self.built} built"
