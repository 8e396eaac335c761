"""Channels that a publisher moves.

A publisher has a version with a manifest, and wants a channel to point at it. What happens depends
on the record that the channel has at that moment:

1. There is no record: the first one names the version.
2. The record's current version has the same manifest: nothing is left to do.
3. The version is new in the channel: it comes on top, and what was current stays in the history.
   If other publishers moved the channel since the plan, their versions are the history of the new
   record, and the report names them: nobody's work is lost, and nobody's is lost silently.
4. The version is in the history with the same manifest: the channel has moved on, or somebody
   rolled it back on purpose. A publisher that comes late, as a job that runs again, must undo
   neither. The channel stays, and the report says so; ``promote`` moves it.
5. The version is current, or in the history, with another manifest: a version never changes, so
   this is an error that asks for a higher version.

The record is replaced by compare-and-swap; if somebody else was faster, the new record is read and
the same question is asked again. A version that fell out of the history, which is bounded, counts
as new.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any, Callable

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.publishing.plan import CREATED, LEFT, MOVED, SAME, ChannelChange
from venvstacks_rules.model.repository.keys import ChannelKey, StackKey
from venvstacks_rules.model.repository.records import NEVER, ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.publishing.leases import Held
from venvstacks_rules.repository.reading.repository import FoundRecord, Repository

Sign = Callable[[Mapping[str, Any]], "tuple[Mapping[str, Any], ...]"]
"""Signs what :meth:`ChannelRecord.to_signed` gives."""

_MOST_TRIES = 100


@dataclass(frozen=True)
class Signing:
    """How new records are signed; as it is, they are not."""

    sign: Sign = lambda _: ()
    expires: str = NEVER
    """In UTC, ``YYYY-MM-DDTHH:MM:SSZ``."""


UNSIGNED = Signing()


def change_of(
    url: str, key: ChannelKey, record: ChannelRecord | None, version: str, manifest: Reference
) -> ChannelChange:
    """What a publisher does to a channel; see the module."""
    change = ChannelChange(key.name, key.channel, key.platform, version, CREATED)
    if record is None:
        return change
    all_versions = (record.current, *record.history)
    change = replace(
        change,
        before=record.current.version,
        newest=max(known.sequence for known in all_versions),
    )
    ours = next((known for known in all_versions if known.version == version), None)
    if ours is None:
        return replace(change, change=MOVED)
    if ours.manifest != manifest:
        stack = StackKey(key.name, version, key.platform)
        raise other_content(url, stack, ours.manifest, manifest)
    if ours == record.current:
        return replace(change, change=SAME)
    word = (
        "has moved on from" if ours.sequence < record.current.sequence else "was rolled back from"
    )
    reason = (
        f"it {word} {version}; `venvstacks-repository promote {version} --channel {key.channel}`"
        " moves it there"
    )
    return replace(change, change=LEFT, reason=reason)


def moved(
    repository: Repository,
    planned: ChannelChange,
    manifest: Reference,
    held: Held,
    signing: Signing = UNSIGNED,
) -> ChannelChange:
    """Move a channel as planned, or as it is right by now."""
    key = ChannelKey(planned.name, planned.channel, planned.platform)
    for _ in range(_MOST_TRIES):
        found = repository.record(key)
        record = None if found is None else found.record
        change = change_of(repository.url, key, record, planned.version, manifest)
        change = replace(change, overtaken=_overtaken(record, planned))
        if not change.changes:
            return change
        if write_record(repository, found, _next(key, record, planned, manifest), held, signing):
            return change
    raise RepositoryError(
        f"{repository.url}: `{key}` changes all the time.",
        [f"{_MOST_TRIES} tries to move it failed; run this again"],
    )


def write_record(
    repository: Repository,
    found: FoundRecord | None,
    record: ChannelRecord,
    held: Held,
    signing: Signing = UNSIGNED,
) -> bool:
    """Store `record` in place of `found`; False if that is not there any more.

    What the record names has to be there, since before `held` was.
    """
    signed = replace(record, expires=signing.expires)
    content = signed.to_json(signing.sign(signed.to_signed())).encode("utf-8")
    held.check()
    mark = None if found is None else found.mark
    stored = repository.store.replace(str(record.key), content, mark)
    # It may have slept just here.
    held.check()
    return stored


def other_content(url: str, key: StackKey, there: Reference, ours: Reference) -> RepositoryError:
    """A version is there with another manifest."""
    return RepositoryError(
        f"{url}: `{key.name}` {key.version} for {key.platform} is there already, with other"
        " content.",
        [
            f"the manifest there is sha256:{there.sha256}, the new one sha256:{ours.sha256}",
            "A version never changes: raise the version, and publish again.",
        ],
    )


def _next(
    key: ChannelKey, record: ChannelRecord | None, planned: ChannelChange, manifest: Reference
) -> ChannelRecord:
    if record is None:
        return ChannelRecord.first(key, planned.version, manifest)
    return record.moved(planned.version, manifest)


def _overtaken(record: ChannelRecord | None, planned: ChannelChange) -> tuple[str, ...]:
    """The versions of other publishers that the plan did not know, oldest first."""
    if record is None:
        return ()
    later = [
        known
        for known in (record.current, *record.history)
        if known.sequence > planned.newest and known.version != planned.version
    ]
    return tuple(known.version for known in sorted(later, key=lambda known: known.sequence))
