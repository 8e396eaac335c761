"""What a publish is going to do, and what it did."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Optional

CREATED, MOVED, SAME, LEFT = "created", "moved", "same", "left"
"""What happens to a channel."""


@dataclass(frozen=True)
class PlannedLayer:
    """A layer version, and how much of it the repository lacks."""

    layer_name: str
    install_target: str
    platform: str
    index: str
    """The hash of its index, in hexadecimal."""
    known: bool
    """Whether the repository has the layer version."""
    segments: int
    """All of them."""
    new_segments: tuple[str, ...]
    """The sources of those that the repository lacks."""
    size: int
    """Of all that the layer version consists of, in bytes: blobs and index."""
    new_size: int
    """Of what the repository lacks. What an earlier layer of the plan brings does not count."""


@dataclass(frozen=True)
class PlannedStack:
    """A version of a stack."""

    name: str
    version: str
    platform: str
    known: bool
    """Whether the repository has its manifest."""


@dataclass(frozen=True)
class ChannelChange:
    """A channel, and what happens to it."""

    name: str
    """Of the stack."""
    channel: str
    platform: str
    version: str
    """That the publisher has."""
    change: str
    """:data:`CREATED`, :data:`MOVED`, :data:`SAME`, or :data:`LEFT`."""
    before: Optional[str] = None
    """The version that the channel points at, or pointed at until now."""
    newest: int = 0
    """The highest sequence number of a version that the channel has had; 0 without a channel."""
    overtaken: tuple[str, ...] = ()
    """Versions that other publishers put there after the plan; they are in the history."""
    reason: str = ""
    """Why the channel is left where it is."""

    @property
    def changes(self) -> bool:
        """Whether the record changes."""
        return self.change in (CREATED, MOVED)


@dataclass(frozen=True)
class PublishPlan:
    """What a repository lacks of a publication."""

    repository: str
    """Its URL, without credentials."""
    layers: tuple[PlannedLayer, ...]
    stacks: tuple[PlannedStack, ...]
    channels: tuple[ChannelChange, ...]
    missing: tuple[str, ...]
    """The hashes of the blobs that the repository lacks, sorted."""
    archives: tuple[str, ...] = ()
    """The keys of the archives that the repository lacks, sorted."""
    archives_size: int = 0
    """Their size, in bytes."""

    @property
    def new_layers(self) -> tuple[PlannedLayer, ...]:
        """Those that the repository lacks, or lacks a part of."""
        return tuple(layer for layer in self.layers if layer.new_size)

    @property
    def size(self) -> int:
        """Of all layers, in bytes; what layers share counts each time."""
        return sum(layer.size for layer in self.layers)

    @property
    def new_size(self) -> int:
        """What is to be sent, in bytes."""
        return sum(layer.new_size for layer in self.layers) + self.archives_size

    @property
    def shared_size(self) -> int:
        """What the repository, or another layer, has already, in bytes."""
        return self.size - sum(layer.new_size for layer in self.layers)

    @property
    def changes(self) -> bool:
        """Whether a publish would change the repository."""
        return bool(
            self.new_layers
            or self.archives
            or any(not stack.known for stack in self.stacks)
            or any(channel.changes for channel in self.channels)
        )

    @property
    def left(self) -> tuple[ChannelChange, ...]:
        """The channels that do not come to point at the publisher's version."""
        return tuple(channel for channel in self.channels if channel.change == LEFT)


@dataclass(frozen=True)
class PublishedDelta:
    """A segment that clients can make of one that they have, or why they cannot."""

    source: str
    """Of the segment."""
    platform: str
    full_size: int
    """Of the segment, in bytes."""
    size: int = 0
    """Of the delta, in bytes."""
    problem: str = ""
    """Why there is none."""


@dataclass(frozen=True)
class PublishResult:
    """What a publish did."""

    plan: PublishPlan
    """As it was carried out."""
    channels: tuple[ChannelChange, ...]
    sent_size: int
    """In bytes; less than planned if another publisher was faster with some."""
    deltas: tuple[PublishedDelta, ...] = ()
    """What was made and stored beside what was planned."""

    @property
    def left(self) -> tuple[ChannelChange, ...]:
        """The channels that do not point at the publisher's version."""
        return tuple(channel for channel in self.channels if channel.change == LEFT)
