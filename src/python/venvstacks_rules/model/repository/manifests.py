"""The manifest of a stack: which layer versions belong together on a platform."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.contents.segment_index import component
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.repository.indexes import (
    LayerIndex,
    layer_kind,
    named,
    read_table,
    refuse,
)
from venvstacks_rules.model.repository.keys import LayerKey, StackKey
from venvstacks_rules.model.repository.references import Reference, read_reference

MANIFEST_VERSION = 1
MOST_MANIFEST_BYTES = 16 * 1024 * 1024
"""A larger file is not read."""


@dataclass(frozen=True)
class StackLayer:
    """A layer of a stack."""

    kind: str
    """``runtime``, ``framework`` or ``application``."""
    layer_name: str
    install_target: str
    requires: tuple[str, ...]
    """The install targets of the layers below, in import order; the runtime last."""
    index: Reference
    archive_size: int
    unpacked_size: int
    """In bytes."""

    @classmethod
    def of(cls, index: LayerIndex) -> StackLayer:
        """The layer with an index."""
        return cls(
            index.kind,
            index.layer_name,
            index.install_target,
            index.required_layers,
            Reference.of(index.to_json().encode("utf-8")),
            index.archive_size,
            index.unpacked_size,
        )

    def to_dict(self) -> dict[str, Any]:
        """As in the manifest."""
        return {
            "kind": self.kind,
            "layer_name": self.layer_name,
            "install_target": self.install_target,
            "requires": list(self.requires),
            "index": self.index.to_dict(),
            "archive_size": self.archive_size,
            "unpacked_size": self.unpacked_size,
        }


@dataclass(frozen=True)
class PublishedStack:
    """The manifest of a stack for a platform."""

    name: str
    version: str
    """Its own; without one, the beginning of the hash of all else."""
    platform: str
    layers: tuple[StackLayer, ...]
    """Lower layers first."""
    notes: str = ""
    """What is new, for the people who get it."""

    @classmethod
    def unversioned(cls, name: str, platform: str, layers: Sequence[StackLayer]) -> PublishedStack:
        """A stack that has no version of its own."""
        content = cls(name, "", platform, tuple(layers)).to_json()
        version = hashlib.sha256(content.encode("utf-8")).hexdigest()[:16]
        return cls(name, version, platform, tuple(layers))

    @property
    def key(self) -> StackKey:
        """Where the manifest lies."""
        return StackKey(self.name, self.version, self.platform)

    @property
    def layer_keys(self) -> tuple[LayerKey, ...]:
        """Where the indexes of the layers lie, in their order."""
        return tuple(
            LayerKey(layer.layer_name, self.platform, layer.index.sha256) for layer in self.layers
        )

    def needed_by(self, layer_name: str) -> tuple[StackLayer, ...]:
        """The layer, and all layers below it, in the order of the stack; empty if unknown."""
        found = next((layer for layer in self.layers if layer.layer_name == layer_name), None)
        if found is None:
            return ()
        needed = {found.install_target, *found.requires}
        return tuple(layer for layer in self.layers if layer.install_target in needed)

    def to_json(self) -> str:
        """The text of the file."""
        data: dict[str, Any] = {
            "format_version": MANIFEST_VERSION,
            "name": self.name,
            "version": self.version,
            "target_platform": self.platform,
            "layers": [layer.to_dict() for layer in self.layers],
        }
        if self.notes:
            data["notes"] = self.notes
        return published_json(data)

    @classmethod
    def from_json(cls, content: bytes, name: str = "manifest") -> PublishedStack:
        """Read an untrusted manifest, `name` in messages; RepositoryError lists what is wrong."""
        table = read_table(content, name, MANIFEST_VERSION)
        stack = cls(
            name=named(table, "name"),
            version=named(table, "version"),
            platform=named(table, "target_platform"),
            layers=tuple(_read_layer(item) for item in table.tables("layers", required=True)),
            notes=table.optional_string("notes") or "",
        )
        _check_layers(table, stack.layers)
        refuse(table, name)
        return stack


def _check_layers(table: CheckedTable, layers: Sequence[StackLayer]) -> None:
    above: set[str] = set()
    names: set[str] = set()
    for i, layer in enumerate(layers):
        place = f"layers[{i}]"
        if layer.install_target.casefold() in above:
            table.note(f"{place}.install_target", f"`{layer.install_target}` occurs twice")
        if layer.layer_name.casefold() in names:
            table.note(f"{place}.layer_name", f"`{layer.layer_name}` occurs twice")
        names.add(layer.layer_name.casefold())
        for below in layer.requires:
            if below.casefold() not in above:
                table.note(f"{place}.requires", f"`{below}` is not a layer in front of it")
        above.add(layer.install_target.casefold())


def _read_layer(table: CheckedTable) -> StackLayer:
    return StackLayer(
        kind=layer_kind(table),
        layer_name=named(table, "layer_name"),
        install_target=component(table, "install_target"),
        requires=table.strings("requires"),
        index=read_reference(table.table("index")),
        archive_size=table.size("archive_size"),
        unpacked_size=table.size("unpacked_size"),
    )
