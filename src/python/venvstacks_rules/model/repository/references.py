"""References: bytes of a repository, named by their hash."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.checked import CheckedTable


@dataclass(frozen=True)
class Reference:
    """Bytes by their hash."""

    sha256: str
    """In hexadecimal."""
    size: int
    """In bytes."""

    @classmethod
    def of(cls, data: bytes) -> Reference:
        """The reference to `data`."""
        return cls(hashlib.sha256(data).hexdigest(), len(data))

    def to_dict(self) -> dict[str, Any]:
        """As in the files."""
        return {"sha256": self.sha256, "size": self.size}


def read_reference(table: CheckedTable) -> Reference:
    """The reference in a table."""
    return Reference(table.sha256("sha256"), table.size("size"))
