"""Words that messages, summaries and pages have in common."""

from __future__ import annotations


def size_text(size: int | None) -> str:
    """A number of bytes for people, in decimal units; empty for None."""
    if size is None:
        return ""
    amount = float(size)
    for unit in ("B", "kB", "MB"):
        # Rounding must not give `1000.0 kB`.
        if amount < 999.95:
            return f"{size} B" if unit == "B" else f"{amount:.1f} {unit}"
        amount /= 1000
    return f"{amount:.1f} GB"
