"""``list``: what a repository has."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.repository.keys import ChannelKey, LayerKey, StackKey
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.wording import counted, size_text
from venvstacks_rules.repository.reading.repository import FoundRecord, Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.upkeep.selection import natural
from venvstacks_rules.repository.upkeep.tables import indented, table_lines


@dataclass(frozen=True)
class ListedStack:
    """A version of a stack for a platform."""

    stack: PublishedStack
    modified: float
    """When it was published, in seconds since 1970."""

    @property
    def archive_size(self) -> int:
        """Of the archives of all layers, in bytes."""
        return sum(layer.archive_size for layer in self.stack.layers)

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "name": self.stack.name,
            "version": self.stack.version,
            "platform": self.stack.platform,
            "layers": len(self.stack.layers),
            "archive_size": self.archive_size,
            "unpacked_size": sum(layer.unpacked_size for layer in self.stack.layers),
            "modified": self.modified,
        }


@dataclass(frozen=True)
class ListedChannel:
    """A channel, and what it points at."""

    record: ChannelRecord
    signed: bool
    """Whether the record has signatures; they were checked only if the reader has a root."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "name": self.record.key.name,
            "channel": self.record.key.channel,
            "platform": self.record.key.platform,
            "version": self.record.current.version,
            "number": self.record.number,
            "rolled_back_from": self.record.rolled_back_from,
            "expires": self.record.expires,
            "signed": self.signed,
        }


@dataclass(frozen=True)
class ListedLayer:
    """A layer version."""

    key: LayerKey
    archive_size: int
    unpacked_size: int
    """In bytes."""
    stacks: tuple[StackKey, ...]
    """That name it."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "layer_name": self.key.layer_name,
            "platform": self.key.platform,
            "sha256": self.key.sha256,
            "archive_size": self.archive_size,
            "unpacked_size": self.unpacked_size,
            "stacks": sorted({f"{stack.name}@{stack.version}" for stack in self.stacks}),
        }


@dataclass(frozen=True)
class Overview:
    """What a repository has."""

    url: str
    stacks: tuple[ListedStack, ...]
    """By name, the newest first."""
    channels: tuple[ListedChannel, ...]
    layers: tuple[ListedLayer, ...]
    blobs: int
    blob_size: int
    """Of all blobs together, in bytes."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "url": self.url,
            "stacks": [stack.to_dict() for stack in self.stacks],
            "channels": [channel.to_dict() for channel in self.channels],
            "layers": [layer.to_dict() for layer in self.layers],
            "blobs": {"count": self.blobs, "size": self.blob_size},
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield self.url
        for name in dict.fromkeys(listed.stack.name for listed in self.stacks):
            yield ""
            yield name
            yield from indented(self._version_lines(name))
        if self.channels:
            yield ""
            yield "channels"
            yield from indented(self._channel_lines())
        if self.layers:
            yield ""
            yield "layers"
            yield from indented(self._layer_lines())
        yield ""
        versions = {(listed.stack.name, listed.stack.version) for listed in self.stacks}
        yield (
            f"{counted(len(versions), 'version')} of"
            f" {counted(len({name for name, _ in versions}), 'stack')},"
            f" {counted(len(self.layers), 'layer version')},"
            f" {counted(self.blobs, 'blob')} with {size_text(self.blob_size)}."
        )
        if any(not channel.signed for channel in self.channels):
            yield "Not all channels are signed: who can write to the repository can move them."

    def _version_lines(self, name: str) -> Iterator[str]:
        listed = [listed for listed in self.stacks if listed.stack.name == name]
        rows = []
        for version in dict.fromkeys(item.stack.version for item in listed):
            same = [item for item in listed if item.stack.version == version]
            pointing = {
                channel.record.key.channel
                for channel in self.channels
                if (channel.record.key.name, channel.record.current.version) == (name, version)
            }
            rows.append(
                (
                    version,
                    size_text(sum(item.archive_size for item in same)),
                    ", ".join(sorted(pointing)),
                    ", ".join(sorted(item.stack.platform for item in same)),
                )
            )
        head = ("version", "size", "channels", "platforms")
        return table_lines(head, rows, ("size",))

    def _channel_lines(self) -> Iterator[str]:
        return table_lines(
            ("stack", "channel", "platform", "version", "record", ""),
            (
                (
                    channel.record.key.name,
                    channel.record.key.channel,
                    channel.record.key.platform,
                    channel.record.current.version,
                    str(channel.record.number),
                    _remark(channel),
                )
                for channel in self.channels
            ),
            ("record",),
        )

    def _layer_lines(self) -> Iterator[str]:
        rows = []
        for name in dict.fromkeys(layer.key.layer_name for layer in self.layers):
            same = [layer for layer in self.layers if layer.key.layer_name == name]
            rows.append(
                (
                    name,
                    str(len(same)),
                    str(sum(not layer.stacks for layer in same)),
                    size_text(sum(layer.archive_size for layer in same)),
                    ", ".join(sorted({layer.key.platform for layer in same})),
                )
            )
        return table_lines(
            ("layer", "versions", "in no stack", "size", "platforms"),
            rows,
            ("versions", "in no stack", "size"),
        )


def _remark(channel: ListedChannel) -> str:
    remarks = ["signed" if channel.signed else "not signed"]
    if channel.record.rolled_back_from is not None:
        remarks.append(f"rolled back from {channel.record.rolled_back_from}")
    return ", ".join(remarks)


def overview(repository: Repository) -> Overview:
    """What the repository has. One request for each file that is no blob, and a list of keys."""
    store = repository.store
    stack_keys = list(repository.stacks())
    manifests = in_parallel(
        repository.found_manifest, (k for k, _ in stack_keys), store.concurrency
    )
    stacks = [
        ListedStack(found.stack, entry.modified)
        for (_, entry), found in zip(stack_keys, manifests)
        if found is not None
    ]
    blobs = blob_size = 0
    for _, entry in repository.blobs():
        blobs, blob_size = blobs + 1, blob_size + entry.size
    return Overview(
        url=repository.url,
        stacks=tuple(newest_first(stacks)),
        channels=tuple(
            ListedChannel(found.record, is_signed(found)) for found in found_records(repository)
        ),
        layers=tuple(_layers(repository, [listed.stack for listed in stacks])),
        blobs=blobs,
        blob_size=blob_size,
    )


def newest_first(listed: Sequence[ListedStack]) -> list[ListedStack]:
    """By name; of a stack the version that was published last first, with all its platforms."""
    age: dict[tuple[str, str], float] = {}
    for item in listed:
        key = (item.stack.name, item.stack.version)
        age[key] = max(item.modified, age.get(key, 0))
    ordered = sorted(listed, key=lambda item: item.stack.platform)
    ordered.sort(
        key=lambda item: (
            age[item.stack.name, item.stack.version],
            natural(item.stack.version),
        ),
        reverse=True,
    )
    ordered.sort(key=lambda item: item.stack.name)
    return ordered


def found_records(repository: Repository, name: str = "") -> Iterator[FoundRecord]:
    """The records of all channels, or of those of a stack."""
    keys: list[ChannelKey] = [key for key, _ in repository.channels(name)]
    for found in in_parallel(repository.record, keys, repository.store.concurrency):
        if found is not None:
            yield found


def is_signed(found: FoundRecord) -> bool:
    """Whether a record has signatures, right or wrong."""
    data = parsed_json(found.content)
    return isinstance(data, dict) and bool(data.get("signatures"))


def _layers(repository: Repository, stacks: Sequence[PublishedStack]) -> Iterator[ListedLayer]:
    sizes: dict[LayerKey, tuple[int, int]] = {}
    users: dict[LayerKey, list[StackKey]] = {}
    for stack in stacks:
        for key, layer in zip(stack.layer_keys, stack.layers):
            sizes[key] = (layer.archive_size, layer.unpacked_size)
            users.setdefault(key, []).append(stack.key)
    keys = [key for key, _ in repository.layers()]
    alone = [key for key in keys if key not in sizes]
    indexes = in_parallel(repository.found_index, alone, repository.store.concurrency)
    for key, index in zip(alone, indexes):
        if index is not None:
            sizes[key] = (index.archive_size, index.unpacked_size)
    for key in keys:
        if key in sizes:
            yield ListedLayer(key, *sizes[key], tuple(users.get(key, ())))
