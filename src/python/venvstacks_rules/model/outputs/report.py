"""What people are told of an archive that was packaged."""

from __future__ import annotations

from dataclasses import dataclass

from venvstacks_rules.model.wording import size_text


@dataclass(frozen=True)
class ArchiveReport:
    """An archive, and how much of it this run had to make."""

    size: int
    """In bytes."""
    sha256: str
    segments: int
    """All of them, the one of the layer's own files included."""
    built: int
    """Segments that a process of this run wrote; the others were remembered, or in a cache."""

    @property
    def lines(self) -> tuple[str, ...]:
        """What is said below the archive's name."""
        return (f"{size_text(self.size)}, sha256 {self.sha256}", f"segments: {self._counts}")

    @property
    def short(self) -> str:
        """What is said in a list of archives."""
        return f"{size_text(self.size)}, segments: {self._counts}"

    @property
    def _counts(self) -> str:
        return f"{self.segments - self.built} reused, {self.built} built"
