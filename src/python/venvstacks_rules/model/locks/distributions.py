"""Distributions that are built from the repository, as locks know them."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.wording import quoted


@dataclass(frozen=True)
class Distribution:
    """What its wheel says of a distribution, apart from its files."""

    name: str
    """Normalised as in PEP 503."""
    version: str
    requires_python: str
    """A version specifier; empty if it runs on any Python."""
    requires: tuple[str, ...]
    """Its requirements (PEP 508), sorted."""

    @classmethod
    def from_table(cls, table: CheckedTable) -> Distribution:
        """As in a lockfile."""
        return cls(
            name=table.string("name"),
            version=table.string("version"),
            requires_python=table.optional_string("requires_python") or "",
            requires=table.optional_strings("requires"),
        )

    def to_dict(self) -> dict[str, object]:
        """As in a lockfile."""
        data: dict[str, object] = {"name": self.name, "version": self.version}
        if self.requires_python:
            data["requires_python"] = self.requires_python
        if self.requires:
            data["requires"] = list(self.requires)
        return data


def changed_distributions(
    old: Iterable[Distribution], new: Iterable[Distribution]
) -> Iterator[str]:
    """What a lock for `old` has to know of `new`, in words; nothing of what their files are."""
    before, after = ({one.name: one for one in some} for some in (old, new))
    for name, now in after.items():
        then = before.get(name)
        if then is None:
            yield f"distribution `{name}` was added"
            continue
        if then.version != now.version:
            yield f"distribution `{name}` was version {then.version}, is now {now.version}"
        if then.requires_python != now.requires_python:
            yield f"distribution `{name}` is for other versions of Python"
        come = [text for text in now.requires if text not in then.requires]
        gone = [text for text in then.requires if text not in now.requires]
        if come:
            yield f"distribution `{name}` now requires {quoted(come)}"
        if gone:
            yield f"distribution `{name}` no longer requires {quoted(gone)}"
    for name in before:
        if name not in after:
            yield f"distribution `{name}` was removed"
