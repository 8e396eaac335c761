"""Stacks: layers that belong together, and invalid definitions."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.summary.comparison import Comparison
from venvstacks_rules.model.summary.layer import LayerSummary
from venvstacks_rules.model.summary.sharing import shared_uses

SUMMARY_VERSION = 1


@dataclass(frozen=True)
class BrokenStackFile:
    """A stack file with problems."""

    path: str
    place: str
    """The address of the target that generates the file's layers."""
    problems: tuple[str, ...]
    """Complete messages, with the path."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {"path": self.path, "problems": list(self.problems)}


@dataclass(frozen=True)
class StackSummary:
    """Layers that are defined in one place, or that build on each other."""

    layers: tuple[LayerSummary, ...]
    """Runtimes, frameworks, applications; lower ones first. Empty if a broken file has no valid
    layer."""
    broken_files: tuple[BrokenStackFile, ...] = ()
    """The stack files that define some of the layers, or should."""

    @property
    def name(self) -> str:
        """The places of its layers' definitions."""
        places = [layer.place for layer in self.layers]
        places += [file.place for file in self.broken_files]
        return ", ".join(dict.fromkeys(places))

    def of_kind(self, kind: LayerKind) -> tuple[LayerSummary, ...]:
        """The layers of a kind."""
        return tuple(layer for layer in self.layers if layer.kind is kind)

    @property
    def edges(self) -> tuple[tuple[str, str], ...]:
        """Addresses of a layer and of a layer below, without pairs that follow from other pairs."""
        below = {x.address: [address for _, address in x.lower] for x in self.layers}
        return tuple(
            (upper, lower)
            for upper, all_lower in below.items()
            for lower in all_lower
            if not any(lower in below.get(between, ()) for between in all_lower)
        )

    @property
    def depths(self) -> Mapping[str, int]:
        """By address, the length of the longest chain below a layer; 0 for a runtime."""
        found: dict[str, int] = {}
        for layer in self.layers:
            found[layer.address] = max(
                (found[address] + 1 for _, address in layer.lower if address in found), default=0
            )
        return found

    @property
    def unpacked_size(self) -> int | None:
        """The size of all layers; None if one is not built."""
        return _total(layer.unpacked_size for layer in self.layers if layer.offered)

    @property
    def archive_size(self) -> int | None:
        """The size of all layers; None if one is not built."""
        return _total(layer.archive_size for layer in self.layers if layer.offered)

    @property
    def download_size(self) -> int | None:
        """The size of all wheels and pinned interpreters; None if a lock is unreadable."""
        return _total(layer.download_size for layer in self.layers if layer.offered)

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "name": self.name,
            **{
                kind.plural: [layer.to_dict() for layer in self.of_kind(kind)] for kind in LayerKind
            },
            "shared_by_applications": [use.to_dict() for use in shared_uses(self.layers)],
            "broken_files": [file.to_dict() for file in self.broken_files],
        }


@dataclass(frozen=True)
class Overview:
    """Everything to show: stacks on one target platform, and invalid definitions."""

    target_platform: str
    stacks: tuple[StackSummary, ...]
    problems: tuple[str, ...] = ()
    """Problems of invalid definitions, whose layers are not in the stacks, and of stack files."""
    comparison: Comparison | None = None
    """What changed since an earlier summary, if the user asked for that."""

    @classmethod
    def of(
        cls,
        target_platform: str,
        layers: Iterable[LayerSummary],
        problems: Iterable[str] = (),
        broken_files: Iterable[BrokenStackFile] = (),
    ) -> Overview:
        """Put layers in order and into stacks; `problems` has those of the files, too."""
        stacks = _with_broken_files(_stacks(tuple(layers)), broken_files)
        return cls(target_platform, stacks, tuple(problems))

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "format_version": SUMMARY_VERSION,
            "target_platform": self.target_platform,
            "stacks": [stack.to_dict() for stack in self.stacks],
            "problems": list(self.problems),
            "comparison": self.comparison and self.comparison.to_dict(),
        }

    def to_json(self) -> str:
        """The JSON output; the same summary gives the same bytes."""
        return json.dumps(self.to_dict(), indent=2, ensure_ascii=False)


def _stacks(layers: Sequence[LayerSummary]) -> tuple[StackSummary, ...]:
    by_address = {layer.address: layer for layer in layers}
    group = {layer.address: layer.address for layer in layers}

    def leader(address: str) -> str:
        while group[address] != address:
            address = group[address]
        return address

    first_of_place: dict[str, str] = {}
    for address in sorted(by_address):
        layer = by_address[address]
        together = [first_of_place.setdefault(layer.place, address)]
        together += [lower for _, lower in layer.lower if lower in by_address]
        for other in together:
            group[leader(other)] = leader(address)
    members: dict[str, list[LayerSummary]] = {}
    for address in sorted(by_address):
        members.setdefault(leader(address), []).append(by_address[address])
    return tuple(StackSummary(tuple(sorted(found, key=_order))) for found in members.values())


def _with_broken_files(
    stacks: Iterable[StackSummary], broken_files: Iterable[BrokenStackFile]
) -> tuple[StackSummary, ...]:
    """The stacks with the broken files of their layers, and one for each file without a layer."""
    rest = {file.place: file for file in broken_files}
    found = []
    for stack in stacks:
        places = dict.fromkeys(layer.place for layer in stack.layers)
        broken = tuple(rest.pop(place) for place in places if place in rest)
        found.append(StackSummary(stack.layers, broken))
    found += [StackSummary((), (file,)) for file in rest.values()]
    return tuple(sorted(found, key=lambda stack: stack.name))


def _order(layer: LayerSummary) -> tuple[int, int, str]:
    # A layer has fewer layers below it than the layers above it have.
    return list(LayerKind).index(layer.kind), len(layer.lower), layer.address


def _total(sizes: Iterable[int | None]) -> int | None:
    found = list(sizes)
    known = [size for size in found if size is not None]
    return sum(known) if known and len(known) == len(found) else None
