"""What a layer chooses for its lock, beside requirements: versions, and what to leave out.

Actions that know nothing of requirements import it with the metadata of layers, so it does not
import what parses them.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Optional

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.values import dataclass

_LISTS = ("override_requirements", "without_dependencies", "relaxed_pins")


@dataclass(frozen=True)
class LockChoices:
    """The choices, as written in a definition, or as a lock is made by them."""

    override_requirements: tuple[str, ...] = ()
    """Requirements that replace what anything asks for."""
    without_dependencies: tuple[str, ...] = ()
    """Packages that are installed without what they ask for."""
    relaxed_pins: tuple[str, ...] = ()
    """Packages that may have another version than the layers below and the resolve."""
    python_resolve: Optional[str] = None
    """The name of the resolve that decides the versions."""

    def to_dict(self) -> dict[str, object]:
        """As in files: what is set."""
        data: dict[str, object] = {
            name: list(getattr(self, name)) for name in _LISTS if getattr(self, name)
        }
        if self.python_resolve is not None:
            data["python_resolve"] = self.python_resolve
        return data

    @classmethod
    def from_table(cls, table: CheckedTable) -> LockChoices:
        """Read what :meth:`to_dict` gave."""
        lists = {name: table.optional_strings(name) for name in _LISTS}
        return cls(**lists, python_resolve=table.optional_string("python_resolve"))

    def strings(self) -> list[str]:
        """What a hash of the inputs has of them; nothing if nothing is set."""
        return [
            f"{key}={','.join(value) if isinstance(value, list) else value}"
            for key, value in self.to_dict().items()
        ]

    def changes(self, now: LockChoices) -> Iterator[str]:
        """What changed since: for each value that differs, what it was and is."""
        for name in (*_LISTS, "python_resolve"):
            old, new = getattr(self, name), getattr(now, name)
            if old != new:
                yield f"`{name}` was {_shown(old)}, is now {_shown(new)}"


NO_CHOICES = LockChoices()


def _shown(value: object) -> str:
    if isinstance(value, tuple):
        return ", ".join(f"`{item}`" for item in value) or "empty"
    return "none" if value is None else f"`{value}`"
