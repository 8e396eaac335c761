"""``show``: what a version of a stack consists of."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.repository.indexes import LayerIndex, PublishedSegment
from venvstacks_rules.model.repository.keys import LayerKey, blob_key
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import size_text
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import StoreError
from venvstacks_rules.repository.upkeep.overview import found_records
from venvstacks_rules.repository.upkeep.selection import StackVersion
from venvstacks_rules.repository.upkeep.tables import indented, table_lines

_OTHER_SOURCES = {"interpreter": "(interpreter)", "layer": "(layer's own files)"}


def package(source: str) -> tuple[str, str]:
    """The name and the version in the source of a segment; what is no wheel has no version."""
    if source.endswith(".whl"):
        name, _, rest = source.partition("-")
        return name, rest.partition("-")[0]
    return _OTHER_SOURCES.get(source, source), ""


@dataclass(frozen=True)
class ShownLayer:
    """A layer of a stack, with its index."""

    key: LayerKey
    layer: StackLayer
    index: LayerIndex

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "kind": self.layer.kind,
            "layer_name": self.layer.layer_name,
            "install_target": self.layer.install_target,
            "requires": list(self.layer.requires),
            "index": {"key": str(self.key), **self.layer.index.to_dict()},
            "archive_name": self.index.archive_name,
            "archive_size": self.layer.archive_size,
            "unpacked_size": self.layer.unpacked_size,
            "packages": [_segment_dict(segment) for segment in self.index.segments],
            "documents": {
                name: {"key": blob_key(document.sha256), **document.to_dict()}
                for name, document in sorted(self.index.documents.items())
            },
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield f"{self.layer.install_target} ({self.layer.kind}), index {self.key}"
        yield from indented(
            table_lines(
                ("package", "version", "archive", "unpacked", "sha256"),
                (
                    (
                        *_described(segment),
                        size_text(segment.blob.size),
                        size_text(segment.unpacked_size),
                        segment.blob.sha256,
                    )
                    for segment in self.index.segments
                ),
                ("archive", "unpacked"),
            )
        )
        for name, document in sorted(self.index.documents.items()):
            yield f"  {name}: {blob_key(document.sha256)} ({size_text(document.size)})"


def _described(segment: PublishedSegment) -> tuple[str, str]:
    """The package and its version; or a large file of it, which has a segment of its own."""
    name, version = package(segment.source)
    return segment.named(name), version


def _segment_dict(segment: PublishedSegment) -> dict[str, Any]:
    name, version = package(segment.source)
    return {
        "name": name,
        "version": version,
        "source": segment.source,
        **({} if segment.large_file is None else {"large_file": segment.large_file}),
        "blob": {"key": blob_key(segment.blob.sha256), **segment.blob.to_dict()},
        "unpacked_size": segment.unpacked_size,
    }


@dataclass(frozen=True)
class ShownStack:
    """A version of a stack for a platform."""

    stack: PublishedStack
    manifest: Reference
    layers: tuple[ShownLayer, ...]
    channels: tuple[str, ...] | None
    """Those that point at it; None if the store cannot tell."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "platform": self.stack.platform,
            "manifest": {"key": str(self.stack.key), **self.manifest.to_dict()},
            "notes": self.stack.notes,
            "channels": None if self.channels is None else list(self.channels),
            "layers": [layer.to_dict() for layer in self.layers],
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield f"{self.stack.name} {self.stack.version} for {self.stack.platform}"
        yield f"  manifest: {self.stack.key} ({self.manifest.sha256})"
        pointing = "this kind of repository cannot list them"
        if self.channels is not None:
            pointing = ", ".join(self.channels) or "none points at it"
        yield f"  channels: {pointing}"
        size = sum(layer.layer.archive_size for layer in self.layers)
        unpacked = sum(layer.layer.unpacked_size for layer in self.layers)
        yield f"  size: {size_text(size)}, {size_text(unpacked)} unpacked"
        if self.stack.notes:
            yield "  notes:"
            yield from indented(self.stack.notes.splitlines(), 4)
        for layer in self.layers:
            yield ""
            yield from indented(layer.lines())


@dataclass(frozen=True)
class Details:
    """A version of a stack, for its platforms."""

    url: str
    name: str
    version: str
    stacks: tuple[ShownStack, ...]

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "url": self.url,
            "name": self.name,
            "version": self.version,
            "platforms": [stack.to_dict() for stack in self.stacks],
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        for i, stack in enumerate(self.stacks):
            if i:
                yield ""
            yield from stack.lines()


def details(repository: Repository, version: StackVersion) -> Details:
    """What a version consists of."""
    pointing = _pointing(repository, version)
    return Details(
        repository.url,
        version.name,
        version.version,
        tuple(
            ShownStack(
                found.stack,
                found.reference,
                shown_layers(repository, found.stack),
                None if pointing is None else tuple(pointing.get(found.stack.platform, ())),
            )
            for found in version.found
        ),
    )


def _pointing(repository: Repository, version: StackVersion) -> dict[str, list[str]] | None:
    """The channels that point at a version, by platform."""
    pointing: dict[str, list[str]] = {}
    try:
        for found in found_records(repository, version.name):
            if found.record.current.version == version.version:
                pointing.setdefault(found.record.key.platform, []).append(found.record.key.channel)
    except StoreError:
        # If it is something else, what is read next fails as well.
        return None
    return pointing


def shown_layers(repository: Repository, stack: PublishedStack) -> tuple[ShownLayer, ...]:
    """The layers of a stack with their indexes, in the order of the stack."""
    layers = list(zip(stack.layer_keys, stack.layers))
    indexes = in_parallel(
        lambda item: repository.index(item[0], item[1].index), layers, repository.store.concurrency
    )
    return tuple(ShownLayer(key, layer, index) for (key, layer), index in zip(layers, indexes))
