"""Words that messages, summaries and pages share."""

from __future__ import annotations

from collections.abc import Iterable, Sequence


def quoted(names: Iterable[str]) -> str:
    """`names` in backticks, with commas between them; empty without names."""
    return ", ".join(f"`{name}`" for name in names)


def and_more(items: Sequence[str], limit: int) -> str:
    """The first `limit` items with commas between them, and the number of the others."""
    listed, hidden = ", ".join(items[:limit]), len(items) - limit
    return f"{listed} and {hidden} more" if hidden > 0 else listed


def counted(count: int, noun: str) -> str:
    """The number with the noun: ``1 wheel``, ``2 wheels``."""
    return f"{count} {noun}{'' if count == 1 else 's'}"


def printable(text: str) -> str:
    """`text` from a foreign file; escaped if it has a character that a terminal cannot print."""
    return text if text.isprintable() else text.encode("unicode_escape").decode("ascii")


def signed_size_text(difference: int) -> str:
    """A difference of sizes for people, with its sign."""
    return f"{'-' if difference < 0 else '+'}{size_text(abs(difference))}"


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
