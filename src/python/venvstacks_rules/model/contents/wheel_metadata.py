"""What METADATA says of a wheel: its licences, and what it requires."""

from __future__ import annotations

import re

from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.values import dataclass

# As in PEP 508. A URL ends at a space before the semicolon; a version has no semicolon.
_REQUIREMENT = re.compile(
    r"\s*(?P<name>[A-Za-z0-9](?:[A-Za-z0-9._-]*[A-Za-z0-9])?)\s*(?:\[(?P<extras>[^\]]*)\])?"
    r"\s*(?P<rest>.*)",
    re.DOTALL,
)
_EXTRA = re.compile(r"""(?P<start>\bextra\s*(?:==|!=)\s*)(?P<quote>['"])(?P<name>[^'"]*)['"]""")


@dataclass(frozen=True)
class WheelRequirement:
    """A requirement of a wheel, without versions: a lockfile has chosen these."""

    name: str
    """Normalised."""
    extras: tuple[str, ...] = ()
    """Normalised, sorted."""
    marker: str = ""
    """With the names of extras normalised; empty without a marker."""

    @classmethod
    def parsed(cls, text: str) -> WheelRequirement | None:
        """Read a requirement as in METADATA; None if it is none.

        `packaging` reads them, too; loading that takes longer than reading most wheels.
        """
        match = _REQUIREMENT.fullmatch(text)
        if match is None:
            return None
        rest = match["rest"]
        marker = rest.partition(" ;" if rest.startswith("@") else ";")[2].strip()
        extras = {normalised_name(extra.strip()) for extra in (match["extras"] or "").split(",")}
        return cls(
            normalised_name(match["name"]), tuple(sorted(extras - {""})), _normalised(marker)
        )


@dataclass(frozen=True)
class WheelMetadata:
    """What METADATA says of a wheel."""

    license_expression: str = ""
    """An SPDX expression in its canonical spelling; empty if the wheel has none."""
    license_name: str = ""
    """What the older field for text says, if that is no SPDX expression; one line."""
    license_classifiers: tuple[str, ...] = ()
    """Those that begin with ``License ::``, in their order."""
    license_files: tuple[str, ...] = ()
    """As METADATA names them, sorted."""
    requires: tuple[WheelRequirement, ...] = ()
    """In the order of the file."""


NO_METADATA = WheelMetadata()
"""Of a wheel that says nothing."""


def _normalised(marker: str) -> str:
    return _EXTRA.sub(
        lambda found: (
            f"{found['start']}{found['quote']}{normalised_name(found['name'])}{found['quote']}"
        ),
        marker,
    )
