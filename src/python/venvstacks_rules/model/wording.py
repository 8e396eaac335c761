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
    """`text` from a foreign file, with escapes for characters that a terminal cannot print."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else _escaped(c) for c in text)


def printable_lines(text: str) -> str:
    """The same for a text of several lines, which may have tabs."""
    return "\n".join("\t".join(map(printable, line.split("\t"))) for line in text.split("\n"))


def is_unicode(text: str) -> bool:
    """Whether all of `text` are characters; bytes that were none can be halves of pairs."""
    try:
        text.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def _escaped(character: str) -> str:
    return character.encode("unicode_escape").decode("ascii")


def signed_size_text(difference: int) -> str:
    """A difference of sizes for people, with its sign."""
    return f"{'-' if difference < 0 else '+'}{size_text(abs(difference))}"


def work_text(done: str, size: int | None, milliseconds: int | None) -> str:
    """What was done, with the size of what it read and the time that it took, where known."""
    details = [text for text in (size_text(size), duration_text(milliseconds)) if text]
    return printable(f"{done} ({', '.join(details)})" if details else done)


def duration_text(milliseconds: int | None) -> str:
    """A time for people; empty for None."""
    if milliseconds is None:
        return ""
    # Rounding must not give `60.0 s`.
    if milliseconds < 59_950:
        return f"{milliseconds / 1000:.1f} s"
    minutes, seconds = divmod(round(milliseconds / 1000), 60)
    return f"{minutes} min {seconds} s"


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
