"""The missing libraries that a layer accepts: its field ``accepted_libraries``."""

from __future__ import annotations

from collections.abc import Sequence

from venvstacks_rules.model.globs import matches_end

DESKTOP = "desktop"
"""The entry that stands for all libraries of a desktop."""


def entry_problem(entry: str) -> str | None:
    """What is wrong with an entry of the field, and the remedy."""
    # A name without a dot is more likely a misspelt word than a library.
    if entry == DESKTOP or "." in entry or "*" in entry:
        return None
    return (
        f"is {entry!r}, which is neither the name of a library nor '{DESKTOP}'. Write, for "
        "example, 'libpq.so.5'."
    )


def is_accepted(library: str, entries: Sequence[str], *, on_desktops: bool) -> bool:
    """Whether `entries` accept that `library` is missing.

    `library` is the name that a binary asks for, perhaps with folders. An entry is a glob for the
    end of it, without regard to case, as Windows looks for libraries.
    """
    if on_desktops and DESKTOP in entries:
        return True
    names = (entry for entry in entries if entry != DESKTOP)
    return any(matches_end(library.lower(), entry.lower()) for entry in names)
