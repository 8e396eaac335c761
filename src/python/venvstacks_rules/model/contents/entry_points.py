"""The commands that a wheel defines.

What a layer makes of them is apart (see :mod:`.console_scripts`): an action that only reads them
starts without it, and does not run again when it changes.
"""

from __future__ import annotations

_SECTIONS = ("console_scripts", "gui_scripts")


def declared_scripts(entry_points: str) -> tuple[tuple[str, str], ...]:
    """The names and targets of the commands in an ``entry_points.txt``, sorted."""
    found: dict[str, str] = {}
    section = ""
    for line in entry_points.splitlines():
        text = line.strip()
        if text.startswith("[") and text.endswith("]"):
            section = text[1:-1].strip()
        elif text and text[0] not in "#;" and section in _SECTIONS:
            name, equals, target = text.partition("=")
            if equals:
                found.setdefault(name.strip(), target.strip())
    return tuple(sorted(found.items()))


def target_module(target: str) -> str:
    """The module of a command's target ``MODULE:FUNCTION``, dotted."""
    return target.partition(":")[0].strip()
