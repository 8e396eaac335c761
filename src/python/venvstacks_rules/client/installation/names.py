"""What a message says of names that exist, to somebody who wrote another one."""

from __future__ import annotations

from collections.abc import Iterable

from venvstacks_rules.model.wording import quoted


def known_names(names: Iterable[str], wrong: str, what: str) -> list[str]:
    """Which names there are, and which of them was meant; nothing if there are none.

    `what` is a noun in the plural, such as ``applications``.
    """
    import difflib

    there = sorted(set(names))
    if not there:
        return []
    near = difflib.get_close_matches(wrong, there, n=1, cutoff=0.75)
    meant = [f"did you mean `{near[0]}`?"] if near else []
    return [*meant, f"the {what} there: {quoted(there)}"]
