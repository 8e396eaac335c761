"""``promote`` and ``rollback``: channels that are moved by hand.

A record is replaced by compare-and-swap, under a lease, so that a prune does not remove what the
channel is about to point at.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from typing import Any, Callable

from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import to_data
from venvstacks_rules.model.publishing.plan import PublishedDelta
from venvstacks_rules.model.publishing.report import delta_line
from venvstacks_rules.model.repository.keys import (
    CHANNELS,
    ChannelKey,
    StackKey,
    blob_key,
    name_problem,
)
from venvstacks_rules.model.repository.records import ChannelRecord, ChannelVersion
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.model.wording import quoted
from venvstacks_rules.repository.publishing.channels import UNSIGNED, Signing, write_record
from venvstacks_rules.repository.publishing.leases import Held
from venvstacks_rules.repository.reading.repository import FoundRecord, Repository
from venvstacks_rules.repository.stores.parallel import in_parallel
from venvstacks_rules.repository.stores.store import REMEDY
from venvstacks_rules.repository.upkeep.overview import found_records, is_signed
from venvstacks_rules.repository.upkeep.selection import StackVersion
from venvstacks_rules.repository.upkeep.vouching import not_vouched

_MISSING, _REMOVED = "is missing", "was removed"


@dataclass(frozen=True)
class MovedChannel:
    """What became of a channel."""

    key: ChannelKey
    before: str | None
    """The version; None if there was no such channel."""
    after: str
    number: int
    """Of the record that is there now."""
    rolled_back: bool

    @property
    def changed(self) -> bool:
        """Whether it moved."""
        return self.before != self.after

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "name": self.key.name,
            "channel": self.key.channel,
            "platform": self.key.platform,
            "before": self.before,
            "after": self.after,
            "number": self.number,
            "changed": self.changed,
            "rolled_back": self.rolled_back,
        }

    def line(self) -> str:
        """For the terminal."""
        place = f"{self.key.name} {self.key.channel} for {self.key.platform}"
        if not self.changed:
            return f"{place}: points at {self.after} already"
        verb = "rolled back" if self.rolled_back else "moved"
        origin = "new" if self.before is None else f"{verb} from {self.before}"
        return f"{place}: {self.after}, {origin} (record {self.number})"


@dataclass(frozen=True)
class Promotion:
    """What became of the channels."""

    url: str
    channels: tuple[MovedChannel, ...]
    deltas: tuple[PublishedDelta, ...] = ()
    """What was made for those who update by a channel."""

    def to_dict(self) -> dict[str, Any]:
        """As in the JSON output."""
        return {
            "url": self.url,
            "channels": [channel.to_dict() for channel in self.channels],
            "deltas": to_data(self.deltas),
        }

    def lines(self) -> Iterator[str]:
        """For the terminal."""
        yield from map(delta_line, self.deltas)
        for channel in self.channels:
            yield channel.line()


@dataclass(frozen=True)
class _Move:
    found: FoundRecord | None
    record: ChannelRecord

    @property
    def is_needed(self) -> bool:
        return self.found is None or self.found.record != self.record


def promoted(
    repository: Repository,
    version: StackVersion,
    channel: str,
    held: Held,
    signing: Signing = UNSIGNED,
    *,
    known: Collection[str] = (),
    tell: Callable[[str], None] | None = None,
) -> Promotion:
    """Point a channel at a version, on all its platforms; `version` was found under the lease.

    `known` are the hashes of the manifests that are right, if a person knows them. RepositoryError,
    before any channel moves, if blobs are missing, if nobody vouches for a manifest that is to be
    signed, or if a channel points at a newer version already. If there is `tell`, deltas are made
    first, as by a publish; it is called with a line for people before each.
    """
    problem = name_problem(channel)
    if problem is not None:
        raise RepositoryError(f"`{channel}` cannot be the name of a channel.", [problem])
    moves: list[_Move] = []
    problems = not_vouched(repository, version, known, needed=signing is not UNSIGNED)
    for found in version.found:
        key = ChannelKey(version.name, channel, found.stack.platform)
        record = repository.record(key)
        problems += _missing(repository, key, version.version, found.reference)
        if record is not None and _is_behind(record.record, version.version, found.reference):
            problems.append(
                f"{key.platform}: the channel went on from {version.version} to"
                f" {record.record.current.version}; `venvstacks-repository rollback {version}"
                f" --channel {channel}` takes it back"
            )
            continue
        moves.append(_Move(record, _promoted(record, key, version.version, found.reference)))
    if problems:
        raise RepositoryError(
            f"{repository.url}: `{version}` cannot be promoted to `{channel}`.",
            _with_remedy(problems),
        )
    _refuse_unsigned(repository, moves, signing)
    deltas = () if tell is None else _deltas(repository, moves, held, tell)
    return replace(_carried_out(repository, moves, held, signing), deltas=deltas)


def rolled_back(
    repository: Repository,
    channel: str,
    held: Held,
    *,
    version: str = "",
    name: str = "",
    platforms: Sequence[str] = (),
    signing: Signing = UNSIGNED,
) -> Promotion:
    """Point a channel at an older version by a higher record.

    `version` is ``NAME@VERSION`` or ``VERSION``, by default the one before; `name` is that of the
    stack. RepositoryError, before any channel moves, if there is no such version.
    """
    moves: list[_Move] = []
    problems: list[str] = []
    channels = _channels(repository, channel, version, name, platforms)
    if not version:
        _refuse_several(repository, channel, channels)
    for found in channels:
        record = found.record
        wanted = version[len(record.key.name) + 1 :] if _is_named(record, version) else version
        target = _earlier(record, wanted)
        if target is None:
            problems.append(_no_earlier(repository, record, wanted))
            continue
        if target != record.current:
            problems += _missing(repository, record.key, target.version, target.manifest)
            record = record.rolled_back(target.version)
        moves.append(_Move(found, record))
    if problems:
        raise RepositoryError(
            f"{repository.url}: `{channel}` cannot be rolled back.", _with_remedy(problems)
        )
    _refuse_unsigned(repository, moves, signing)
    return _carried_out(repository, moves, held, signing)


def _deltas(
    repository: Repository, moves: Sequence[_Move], held: Held, tell: Callable[[str], None]
) -> tuple[PublishedDelta, ...]:
    """Deltas from where channels point to where they go, if they go on."""
    records = [move.record for move in moves if move.is_needed and move.found is not None]
    if not records:
        return ()
    # It reads archives, which nothing else here does.
    from venvstacks_rules.repository.upkeep.promoted_deltas import (  # noqa: PLC0415
        promoted_deltas,
    )

    return promoted_deltas(repository, records, held, tell)


def _refuse_unsigned(repository: Repository, moves: Sequence[_Move], signing: Signing) -> None:
    unsigned = [
        f"`{move.record.key}` is signed"
        for move in moves
        if move.is_needed and signing is UNSIGNED and move.found and is_signed(move.found)
    ]
    if unsigned:
        raise RepositoryError(
            f"{repository.url}: moving a signed channel takes a key.", first_problems(unsigned)
        )


def _carried_out(
    repository: Repository, moves: Sequence[_Move], held: Held, signing: Signing
) -> Promotion:
    done: list[MovedChannel] = []
    for move in moves:
        if move.is_needed and not write_record(repository, move.found, move.record, held, signing):
            moved = [channel.line() for channel in done if channel.changed]
            raise RepositoryError(
                f"{repository.url}: somebody else moved `{move.record.key}` at the same time.",
                [
                    "It is where they moved it to. Look at it with `venvstacks-repository list`,"
                    " and run this again if it is still right.",
                    *(f"Moved before that: {line}" for line in moved),
                ],
            )
        done.append(_moved(move))
    return Promotion(repository.url, tuple(done))


def _moved(move: _Move) -> MovedChannel:
    record, before = move.record, move.found.record.current if move.found else None
    return MovedChannel(
        record.key,
        before.version if before else None,
        record.current.version,
        record.number,
        rolled_back=before is not None and record.current.sequence < before.sequence,
    )


def _promoted(
    found: FoundRecord | None, key: ChannelKey, version: str, manifest: Reference
) -> ChannelRecord:
    if found is None:
        return ChannelRecord.first(key, version, manifest)
    record = found.record
    if (record.current.version, record.current.manifest) == (version, manifest):
        return record
    known = _known(record, version)
    if known is not None and known.manifest == manifest:
        # It was rolled back from this one.
        return record.rolled_back(version)
    return record.moved(version, manifest)


def _is_behind(record: ChannelRecord, version: str, manifest: Reference) -> bool:
    known = _known(record, version)
    return (
        known is not None
        and known.manifest == manifest
        and known.sequence < record.current.sequence
    )


def _known(record: ChannelRecord, version: str) -> ChannelVersion | None:
    return next((known for known in record.history if known.version == version), None)


def _earlier(record: ChannelRecord, version: str) -> ChannelVersion | None:
    """The older version that is meant; the current one if it is that already."""
    if version == record.current.version:
        return record.current
    older = [known for known in record.history if known.sequence < record.current.sequence]
    if version:
        return next((known for known in older if known.version == version), None)
    return max(older, key=lambda known: known.sequence, default=None)


def _no_earlier(repository: Repository, record: ChannelRecord, version: str) -> str:
    place = f"{record.key.name} for {record.key.platform}"
    older = [known for known in record.history if known.sequence < record.current.sequence]
    if any(known.version == version for known in record.history):
        newer = f"{place}: {version} is newer than {record.current.version}"
        key = StackKey(record.key.name, version, record.key.platform)
        if repository.store.size(str(key)) is None:
            return f"{newer}, and was removed; publish it again, and the channel goes forward"
        return f"{newer}; `venvstacks-repository promote` goes forward"
    if not older:
        return f"{place}: no version came before {record.current.version} in this channel"
    names = quoted(known.version for known in older)
    return f"{place}: the channel never pointed at `{version}`; before this one came {names}"


def _channels(
    repository: Repository, channel: str, version: str, name: str, platforms: Sequence[str]
) -> list[FoundRecord]:
    """The records of the channel of the one stack that is meant."""
    every = [f for f in found_records(repository, name) if f.record.key.channel == channel]
    named = [found for found in every if _is_named(found.record, version)]
    found = named or every
    names = sorted({one.record.key.name for one in found})
    if not names:
        of = f" of `{name}`" if name else ""
        raise RepositoryError(
            f"{repository.url}: there is no channel `{channel}`{of}.",
            [f"`venvstacks-repository list` shows the records in `{CHANNELS}/`"],
        )
    if len(names) > 1:
        raise RepositoryError(
            f"{repository.url}: several stacks have a channel `{channel}`.",
            [f"name one with `--stack`: {quoted(names)}"],
        )
    there = {one.record.key.platform for one in found}
    missing = [platform for platform in platforms if platform not in there]
    if missing:
        raise RepositoryError(
            f"{repository.url}: `{names[0]}` has no channel `{channel}` for {', '.join(missing)}.",
            [f"it has one for {', '.join(sorted(there))}"],
        )
    return [one for one in found if not platforms or one.record.key.platform in platforms]


def _refuse_several(repository: Repository, channel: str, channels: Sequence[FoundRecord]) -> None:
    """The one before is not the same for platforms at different versions."""
    records = [found.record for found in channels]
    if len({record.current.version for record in records}) > 1:
        raise RepositoryError(
            f"{repository.url}: `{channel}` is not at one version on all platforms.",
            [
                "name the version to go back to, or a `--platform`:"
                f" {', '.join(f'{r.key.platform} is at {r.current.version}' for r in records)}"
            ],
        )


def _is_named(record: ChannelRecord, version: str) -> bool:
    return version.startswith(f"{record.key.name}@")


def _with_remedy(problems: Sequence[str]) -> list[str]:
    lacks = any(problem.endswith((_MISSING, _REMOVED)) for problem in problems)
    return [*first_problems(problems), *([REMEDY] if lacks else [])]


def _missing(
    repository: Repository, key: ChannelKey, version: str, manifest: Reference
) -> Iterator[str]:
    """What a version lacks, so that no channel may point at it."""
    stack_key = StackKey(key.name, version, key.platform)
    found = repository.found_manifest(stack_key)
    if found is None:
        yield f"`{stack_key}` {_REMOVED}"
        return
    if found.reference != manifest:
        yield f"`{stack_key}` is not the one that the channel pointed at"
        return
    blobs: dict[Reference, None] = {}
    for layer_key, layer in zip(found.stack.layer_keys, found.stack.layers):
        index = repository.found_index(layer_key, layer.index)
        if index is None:
            yield f"`{layer_key}` {_MISSING}"
        else:
            blobs.update(dict.fromkeys(index.blobs))
    concurrency = repository.store.concurrency
    for blob, there in zip(blobs, in_parallel(repository.has_blob, blobs, concurrency)):
        if not there:
            yield f"`{blob_key(blob.sha256)}` {_MISSING}"
