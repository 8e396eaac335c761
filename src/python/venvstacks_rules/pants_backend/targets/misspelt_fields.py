"""What users mean by fields that a target does not have; Pants lists all that it has."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, ClassVar

from pants.engine.target import Field

from venvstacks_rules.model.layers.problems import suggestion

_UNKNOWN = "Unrecognized field "


class NamesMisspeltFields:
    """For targets: the message about a field that there is not says which one is like it."""

    core_fields: ClassVar[tuple[type[Field], ...]]

    def __init__(self, unhydrated_values: Mapping[str, Any], *args: Any, **kwargs: Any) -> None:
        try:
            super().__init__(unhydrated_values, *args, **kwargs)  # type: ignore[call-arg]
        except Exception as e:
            # Which exception it is differs between the versions of Pants.
            message = str(e.args[0]) if e.args else ""
            hint = self._meant(unhydrated_values) if message.startswith(_UNKNOWN) else ""
            if not hint:
                raise
            origin = getattr(e, "description_of_origin", None)
            raise type(e)(f"{message} {hint}", description_of_origin=origin) from None  # type: ignore[call-arg]

    def _meant(self, written: Mapping[str, Any]) -> str:
        moved = getattr(self, "moved_fields", ())
        known = sorted(field.alias for field in (*self.core_fields, *moved))
        meant = {name: suggestion(name, known) for name in written if name not in known}
        return " ".join(f"Did you mean {to!r} by {name!r}?" for name, to in meant.items() if to)
