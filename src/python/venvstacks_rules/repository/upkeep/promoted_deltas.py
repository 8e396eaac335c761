"""Deltas for channels that are moved by hand, as a publish makes them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Callable

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.publishing.plan import MOVED, ChannelChange, PublishedDelta
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.repository.publishing.deltas import published_deltas
from venvstacks_rules.repository.publishing.leases import Held
from venvstacks_rules.repository.publishing.publication import (
    Publication,
    PublishedLayer,
    StackToPublish,
)
from venvstacks_rules.repository.reading.repository import Repository


def promoted_deltas(
    repository: Repository,
    records: Sequence[ChannelRecord],
    held: Held,
    tell: Callable[[str], None],
) -> tuple[PublishedDelta, ...]:
    """Make deltas from where channels point now to where these records of them point.

    `tell` is called with a line for people before each.
    """
    try:
        publication = _publication(repository, records)
    except VenvstacksError:
        # Clients fetch the segments then.
        return ()
    changes = [
        ChannelChange(
            record.key.name,
            record.key.channel,
            record.key.platform,
            record.current.version,
            MOVED,
        )
        for record in records
    ]
    return published_deltas(publication, repository, changes, held, tell)


def _publication(repository: Repository, records: Sequence[ChannelRecord]) -> Publication:
    """What the records point at. All of it is in the repository, so it comes without files."""
    stacks = [repository.manifest(record.stack_key, record.current.manifest) for record in records]
    references = {
        key: layer.index for stack in stacks for key, layer in zip(stack.layer_keys, stack.layers)
    }
    indexes = {key: repository.index(key, reference) for key, reference in references.items()}
    return Publication(
        tuple(
            PublishedLayer(index, index.to_json().encode("utf-8"), key)
            for key, index in indexes.items()
        ),
        tuple(StackToPublish(stack, stack.to_json().encode("utf-8")) for stack in stacks),
    )
