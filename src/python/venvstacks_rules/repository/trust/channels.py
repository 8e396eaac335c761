"""Records of channels, signed, renewed and checked as a client would."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Callable, Optional, Union

from venvstacks_rules.model.errors import ProblemsError, RepositoryError
from venvstacks_rules.model.repository.keys import CHANNELS, ChannelKey
from venvstacks_rules.model.repository.manifests import MOST_MANIFEST_BYTES
from venvstacks_rules.model.repository.records import MOST_RECORD_BYTES, NEVER, ChannelRecord
from venvstacks_rules.repository.stores.store import Store, Stored, StoreError, TooLargeError
from venvstacks_rules.repository.trust.envelopes import Envelope, signed_text
from venvstacks_rules.repository.trust.key_files import of_library
from venvstacks_rules.repository.trust.roots import RECORDS, threshold_problem
from venvstacks_rules.repository.trust.signers import opened_signers, signatures, signing
from venvstacks_rules.repository.trust.verification import (
    TrustedRoot,
    repository_root,
    verified_manifest,
    verified_record,
)

if TYPE_CHECKING:
    from securesystemslib.signer import Signer

RECORD_DAYS = 30
"""How long a signed record is believed, if nobody says."""
_DAY = 24 * 60 * 60
_REMEDY = (
    "Nothing is published on top of it. If the record is right, sign it with"
    " `venvstacks-repository sign`; if somebody else wrote it, put back the last one of yours."
)


_UNKNOWN = "none of these keys has signed it before"
_KNOWN_ROOT = (
    "Name the root that you know, with `--root` or as `[venvstacks-publish].root`; or look at the"
    " record, and sign it with `venvstacks-repository sign --adopt`."
)


@dataclass(frozen=True)
class SignedRecord:
    """What became of the record of a channel."""

    key: ChannelKey
    number: int
    expires: str
    renewed: bool
    """False: it got signatures, and stayed what it was."""


@dataclass(frozen=True)
class CheckedChannel:
    """What a client would say of a channel."""

    key: ChannelKey
    version: str = ""
    number: int = 0
    expires: str = ""
    signers: tuple[str, ...] = ()
    problems: tuple[str, ...] = ()
    """None: it would believe the channel."""


def utc_now() -> str:
    """The time, as records have it."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def expiry(days: float, now: Optional[float] = None) -> str:
    """The time in some days, as records have it."""
    moment = (time.time() if now is None else now) + days * _DAY
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(moment))


def sign_channels(
    store: Store,
    uris: Sequence[str],
    channels: Iterable[ChannelKey],
    environment: Mapping[str, str] = os.environ,
    *,
    now: str,
    days: Optional[float] = None,
    pinned: Optional[TrustedRoot] = None,
    adopt: bool = False,
) -> tuple[SignedRecord, ...]:
    """Sign the records of channels with all of these keys.

    With `days`, as a new record with a higher number, which expires then; else the record stays
    what it is and gets more signatures, as before a root takes the key away that signed it. A
    record that never expires always becomes a new one.

    Whoever has the server can put any record there. So one of these keys has to have signed it
    before, or the keys of the root after `pinned`; and what has expired is not renewed, as it may
    be from the past. `adopt`: a person has looked at the records.
    """
    signers = opened_signers(uris, environment)
    root = repository_root(store, pinned, allow_unsigned=True)
    believed = None if pinned is None else root
    signed = []
    for key in channels:
        found = store.get(str(key), limit=MOST_RECORD_BYTES)
        if found is None:
            raise RepositoryError(f"{store.url}: nothing was signed.", [f"`{key}` is missing"])
        if not adopt:
            late = now if days is not None else ""
            with _named(store):
                _refuse_unknown(found.data, key, signers, believed, late)
        with _named(store):
            signed.append(_sign_channel(store, key, found, signers, root=root, days=days))
    return tuple(signed)


@dataclass(frozen=True)
class Publisher:
    """Somebody who puts versions on top of the records of channels."""

    sign: Callable[[Mapping[str, Any]], tuple[Mapping[str, Any], ...]]
    """Signs what :meth:`ChannelRecord.to_signed` gives; nothing without keys."""
    read: Callable[[bytes, ChannelKey], ChannelRecord]
    """Reads a record that is to be extended; RepositoryError if it is not to be believed."""
    signs: bool
    """Whether there are keys."""


def publisher(
    store: Store,
    uris: Sequence[str],
    environment: Mapping[str, str] = os.environ,
    pinned: Optional[TrustedRoot] = None,
) -> Publisher:
    """A publisher with these keys, who may know a root of the repository.

    RepositoryError if clients would not believe what the keys sign.

    A signature covers the history of a channel. So with keys a record is believed only if keys that
    the publisher knows have signed it: those of the root after `pinned`. Without one, one of his
    own, as whoever can write to the store can also put another first root there. The record may
    have expired.
    """
    root = repository_root(store, pinned, allow_unsigned=True)
    signers = opened_signers(uris, environment) if uris else ()
    sign = signing(signers, None if root is None else root.root)
    own = [of_library(one.public_key) for _, one in signers]

    def read(content: bytes, key: ChannelKey) -> ChannelRecord:
        try:
            record = verified_record(
                content, key, root, utc_now(), allow_unsigned=root is None, allow_expired=True
            ).record
        except RepositoryError as e:
            raise RepositoryError(e.summary, [*e.problems, _REMEDY]) from None
        if signers and pinned is None:
            envelope = Envelope.read(content, str(key), kind=RECORDS)
            if not envelope.signers(own):
                raise RepositoryError(f"`{key}` is not believed.", [_UNKNOWN, _KNOWN_ROOT])
        return record

    return Publisher(sign, read, bool(signers))


@contextlib.contextmanager
def _named(store: Store) -> Iterator[None]:
    """Name the repository in errors about its records."""
    try:
        yield
    except RepositoryError as e:
        if e.summary.startswith(f"{store.url}: "):
            raise
        raise RepositoryError(f"{store.url}: {e.summary}", e.problems) from None


def channels_of(store: Store) -> tuple[ChannelKey, ...]:
    """All channels of a repository."""
    found = (ChannelKey.parsed(entry.key) for entry in store.list(f"{CHANNELS}/"))
    return tuple(key for key in found if key is not None)


def verify(
    store: Store, pinned: Optional[TrustedRoot], *, now: str, allow_unsigned: bool = False
) -> tuple[Optional[TrustedRoot], tuple[CheckedChannel, ...]]:
    """The newest root, and what a client that begins with `pinned` would say of each channel."""
    root = repository_root(store, pinned, allow_unsigned=allow_unsigned)
    return root, checked_channels(store, root, now)


def checked_channels(
    store: Store, root: Optional[TrustedRoot], now: str, *, allow_expired: bool = False
) -> tuple[CheckedChannel, ...]:
    """What a client that believes a root would say of each channel."""
    return tuple(
        _checked(store, key, root, now, allow_expired=allow_expired) for key in channels_of(store)
    )


def _checked(
    store: Store, key: ChannelKey, root: Optional[TrustedRoot], now: str, *, allow_expired: bool
) -> CheckedChannel:
    try:
        found = store.get(str(key), limit=MOST_RECORD_BYTES)
        verified = verified_record(
            b"" if found is None else found.data,
            key,
            root,
            now,
            allow_unsigned=root is None,
            allow_expired=allow_expired,
        )
    except (ProblemsError, StoreError) as e:
        return CheckedChannel(key, problems=_problems(e))
    record = verified.record
    problems: tuple[str, ...] = ()
    try:
        manifest = store.get(str(record.stack_key), limit=MOST_MANIFEST_BYTES)
        if manifest is None:
            problems = (f"`{record.stack_key}` is missing",)
        else:
            verified_manifest(manifest.data, record)
    except (ProblemsError, StoreError) as e:
        problems = _problems(e)
    return CheckedChannel(
        key, record.current.version, record.number, record.expires, verified.signers, problems
    )


def _problems(error: Union[ProblemsError, StoreError]) -> tuple[str, ...]:
    if isinstance(error, TooLargeError):
        return (error.summary, *error.problems)
    return error.problems if isinstance(error, ProblemsError) else (str(error),)


def _sign_channel(
    store: Store,
    key: ChannelKey,
    found: Stored,
    signers: Sequence[tuple[str, Signer]],
    *,
    root: Optional[TrustedRoot],
    days: Optional[float],
) -> SignedRecord:
    record = ChannelRecord.from_json(found.data, key)
    renewed = days is not None or record.expires == NEVER
    kept: dict[str, bytes] = {}
    if renewed:
        until = expiry(RECORD_DAYS if days is None else days)
        record = replace(record, number=record.number + 1, expires=until)
        signed = record.to_signed()
    else:
        envelope = Envelope.read(found.data, str(key), kind=RECORDS)
        kept, signed = dict(envelope.signatures), dict(envelope.signed.data)
    made = {one["keyid"]: bytes.fromhex(one["sig"]) for one in signatures(signed, signers)}
    content = signed_text(signed, {**kept, **made}).encode("utf-8")
    if root is not None:
        _refuse_too_few(content, key, root)
    if not store.replace(str(key), content, found.mark, [str(record.stack_key)]):
        raise RepositoryError(
            f"{store.url}: `{key}` was not signed.",
            ["Somebody changed it meanwhile. Sign it once more."],
        )
    return SignedRecord(key, record.number, record.expires, renewed)


def _refuse_unknown(
    content: bytes,
    key: ChannelKey,
    signers: Sequence[tuple[str, Signer]],
    root: Optional[TrustedRoot],
    now: str,
) -> None:
    """RepositoryError for a record that somebody else may have put there.

    `now` is empty if it is not renewed: then it may have expired.
    """
    envelope = Envelope.read(content, str(key), kind=RECORDS)
    own = [of_library(signer.public_key) for _, signer in signers]
    problem = None if envelope.signers(own) else _UNKNOWN
    if problem is not None and root is not None:
        owner = f"root {root.version}"
        problem = threshold_problem(envelope, root.root.roles[RECORDS], owner)
    expired = envelope.expires <= now
    if problem is None and not expired:
        return
    problems = [] if problem is None else [problem]
    if expired:
        problems.append(f"it has expired, at {envelope.expires}, and may be from the past")
    # A root says nothing of the time, and one that was named says nothing more.
    helps = root is None and not expired
    begin = "Name the root that you know with `--root`; or look" if helps else "Look"
    remedy = f"{begin} at the record, as `venvstacks-repository list` shows it, and take `--adopt`."
    raise RepositoryError(
        f"`{key}` was not signed: somebody else may have put it there.",
        [*problems, remedy],
    )


def _refuse_too_few(content: bytes, key: ChannelKey, root: TrustedRoot) -> None:
    """RepositoryError if clients would not believe the record."""
    envelope = Envelope.read(content, str(key), kind=RECORDS)
    problem = threshold_problem(envelope, root.root.roles[RECORDS], f"root {root.version}")
    if problem is not None:
        raise RepositoryError(
            f"`{key}` was not signed: clients would not believe it.",
            [problem, "Name all the keys in one call."],
        )
