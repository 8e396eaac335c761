"""What the linter warns of."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from venvstacks_rules.model.wording import counted, size_text

DUPLICATES, HEAVY, TESTS, DEBUG = "duplicates", "heavy-packages", "tests", "debug-symbols"
UNUSED, VERSIONS = "unused-requirements", "versions"
CHECKS = (DUPLICATES, VERSIONS, HEAVY, TESTS, DEBUG, UNUSED)
"""The checks, by the names that users turn them off with."""


@dataclass(frozen=True)
class Finding:
    """A warning."""

    checks: tuple[str, ...]
    """Those that found it."""
    text: str
    """What and where: a sentence without its full stop."""
    saved: int
    """In bytes; 0 if locks do not have the sizes of wheels."""
    of_what: str
    """What the bytes are bytes of: ``of wheels``."""
    edits: tuple[str, ...]
    """That mend it, all of them together."""

    @property
    def lines(self) -> tuple[str, ...]:
        """For people."""
        saved = f" This saves {size_text(self.saved)} {self.of_what}." if self.saved else ""
        checks = ", ".join(self.checks)
        return (f"{self.text}.{saved} [{checks}]", *(f"    {edit}" for edit in self.edits))


@dataclass(frozen=True)
class Ignored:
    """What users do not want to be warned of."""

    entries: tuple[str, ...] = ()
    """``tests``, or ``tests:numpy`` for a single package."""

    def has(self, check: str, package: str) -> bool:
        """Whether `check` has nothing to say of `package`."""
        return check in self.entries or f"{check}:{package}" in self.entries


def findings_text(findings: Sequence[Finding], notes: Iterable[str], relock: str) -> str:
    """All findings, those first that save most; `relock` is the command that locks again."""
    ordered = sorted(findings, key=lambda found: (-found.saved, found.text))
    lines = [line for found in ordered for line in found.lines]
    if findings:
        again = f" After a change of requirements or frameworks, run `{relock}`."
        lines.append(f"{counted(len(findings), 'warning')}.{again}")
    return "\n".join([*lines, *notes])
