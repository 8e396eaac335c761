"""What there is to publish, as files: the part of a request that says so."""

from __future__ import annotations

from dataclasses import dataclass, field

from venvstacks_rules.model.paths import GivenPath


@dataclass(frozen=True)
class StackFiles:
    """A stack for a platform."""

    manifest: GivenPath
    """The file of its manifest."""
    channels: tuple[str, ...] = ()
    """The channels that shall point at it."""


@dataclass(frozen=True)
class ArchiveFiles:
    """Archives of a stack, for those who want files as ``venvstacks publish`` makes them."""

    name: str
    """Of the stack."""
    version: str
    files: dict[str, str]
    """For the path of each below the folder of the version, where it lies here."""
    manifest: str
    """Which of `files` is the manifest."""


@dataclass(frozen=True)
class PublicationFiles:
    """Layers and stacks, as files."""

    indexes: tuple[GivenPath, ...]
    """The indexes of the layers."""
    stacks: tuple[StackFiles, ...] = ()
    blobs: dict[str, str] = field(default_factory=dict)
    """For the hashes of blobs, where they lie. A plan needs none of them; an upload needs those
    that the plan names."""
    archives: tuple[ArchiveFiles, ...] = ()
