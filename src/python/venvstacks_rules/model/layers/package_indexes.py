"""The index for each distribution of a layer; a layer inherits the indexes of the layers below.

Indexes of lower layers may differ only if `index_overrides` allows one to replace the other. Of two
layers below, the index of the first in import order counts; the layer's own index beats both.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from packaging.utils import canonicalize_name

from venvstacks_rules.model.checked import key_part
from venvstacks_rules.model.layers.problems import Origin, Problem

Pairs = tuple[tuple[str, str], ...]
"""Distribution names, and the names of indexes."""


@dataclass(frozen=True)
class LowerIndexes:
    """The indexes of a layer below."""

    called: str
    """The name of the layer in messages."""
    indexes: Pairs
    """Normalised; includes inherited ones."""


@dataclass(frozen=True)
class IndexFields:
    """The fields of a layer about indexes."""

    package_indexes: Pairs
    """As written."""
    index_overrides: Pairs
    origin: Origin

    def duplicates(self) -> list[Problem]:
        """Problems: entries for one distribution in different spellings."""
        problems = []
        first: dict[str, str] = {}
        for written, _ in self.package_indexes:
            name = str(canonicalize_name(written))
            other = first.setdefault(name, written)
            if other != written:
                text = (
                    f"is for the same distribution as `package_indexes.{key_part(other)}`: both "
                    f"names are spellings of {name}. Remove one of them."
                )
                problems.append(Problem(_key(written), text))
        return problems

    def merged(self, lower: Sequence[LowerIndexes]) -> tuple[Pairs, list[Problem]]:
        """The indexes of the layer on `lower`, in import order, and the contradictions."""
        overrides = dict(self.index_overrides)
        inherited, problems = self._inherited(lower, overrides)
        merged = {name: index for name, (index, _) in inherited.items()}
        for written, index in self.package_indexes:
            name = str(canonicalize_name(written))
            below, called = inherited.get(name, (index, ""))
            if index not in (below, overrides.get(below)):
                text = (
                    f"is {index!r}, but {called} below takes {name} from {below!r}. Name the same "
                    f"index, or accept the difference: "
                    f"`{self.origin.index_override(below, index)}`."
                )
                problems.append(Problem(_key(written), text, concerns=("index_overrides",)))
            merged[name] = index
        return tuple(sorted(merged.items())), problems

    def _inherited(
        self, lower: Sequence[LowerIndexes], overrides: Mapping[str, str]
    ) -> tuple[dict[str, tuple[str, str]], list[Problem]]:
        """The index of each distribution, with the layer that it comes from."""
        found: dict[str, tuple[str, str]] = {}
        # One message for all distributions that two layers take from the same two indexes.
        clashes: dict[tuple[str, str, str, str], list[str]] = {}
        for layer in lower:
            for name, index in layer.indexes:
                first, called = found.setdefault(name, (index, layer.called))
                if first not in (index, overrides.get(index)):
                    clashes.setdefault((called, first, layer.called, index), []).append(name)
        return found, [
            Problem(
                "frameworks",
                f"brings together {called}, which takes {', '.join(names)} from {first!r}, and "
                f"{other}, which takes {_it(names)} from {index!r}. To take {_it(names)} from "
                f"{first!r}, write `{self.origin.index_override(index, first)}`.",
                concerns=("index_overrides",),
            )
            for (called, first, other, index), names in clashes.items()
        ]


def _key(distribution: str) -> str:
    return f"package_indexes.{key_part(distribution)}"


def _it(names: Iterable[str]) -> str:
    return "it" if len(list(names)) == 1 else "them"
