"""What is believed of a repository: the chain of roots, and the records that they sign.

The rules are those of TUF (https://theupdateframework.github.io/specification, 5.3 and 5.6). They
take bytes and values, and no clock; a store is asked for roots only.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from typing import Any, Optional

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import parsed_json
from venvstacks_rules.model.repository.keys import ChannelKey, root_key
from venvstacks_rules.model.repository.manifests import PublishedStack
from venvstacks_rules.model.repository.records import MOST_RECORD_BYTES, ChannelRecord
from venvstacks_rules.repository.stores.store import Store, not_json, reference_problem
from venvstacks_rules.repository.trust.envelopes import Envelope
from venvstacks_rules.repository.trust.roots import (
    MOST_ROOT_BYTES,
    RECORDS,
    ROOT,
    Root,
    threshold_problem,
)

MOST_ROTATIONS = 256
"""More new roots than these are not read at once."""


@dataclass(frozen=True)
class TrustedRoot:
    """A root that is believed; the client keeps `content` and begins with it the next time."""

    root: Root
    content: bytes

    @property
    def version(self) -> int:
        """From 1 on."""
        return self.root.version

    @classmethod
    def pinned(cls, content: bytes, name: str = "the pinned root") -> TrustedRoot:
        """The root that a person has chosen; it has to be signed by its own keys."""
        root = Root.read(content, name)
        _refuse(name, [threshold_problem(root.envelope, root.roles[ROOT], "the root")])
        return cls(root, content)

    @classmethod
    def of_pin(cls, pin: str, store: Store) -> TrustedRoot:
        """The first root of a repository, if it is the one of `pin`.

        That is ``sha256:<hash of trust/1.root.json>``, which stands for all its keys and its
        threshold, or ``ed25519:<public key>`` of a key that signed it.
        """
        kind, _, value = pin.partition(":")
        name = root_key(1)
        if kind not in ("sha256", "ed25519") or len(value) != 64:
            raise RepositoryError(
                "The pin of a root cannot be used.",
                [f"{pin!a} is neither `sha256:` nor `ed25519:` with 64 hexadecimal digits"],
            )
        content = _fetched_root(store, 1)
        if content is None:
            raise RepositoryError(
                f"{store.url}: `{name}` is missing.",
                ["the repository is not signed, or it is not the one that was meant"],
            )
        trusted = cls.pinned(content, name)
        signers = trusted.root.envelope.signers(trusted.root.roles[ROOT].keys)
        found = (
            (hashlib.sha256(content).hexdigest(),)
            if kind == "sha256"
            else tuple(key.identity for key in signers if key.keytype == kind)
        )
        if value.lower() not in found:
            _refuse(f"{store.url}: {name}", [f"it is not the root with the pin {pin}"])
        return trusted

    def updated(self, store: Store) -> TrustedRoot:
        """The newest root: each one is signed by the keys of the one before and by its own.

        Its expiry is looked at when a record is verified.
        """
        trusted = self
        for _ in range(MOST_ROTATIONS):
            content = _fetched_root(store, trusted.version + 1)
            if content is None:
                return trusted
            trusted = trusted.followed_by(content)
        _refuse(store.url, [f"it has more than {MOST_ROTATIONS} roots after {self.version}"])
        return trusted

    def followed_by(self, content: bytes) -> TrustedRoot:
        """The next root; RepositoryError if this one does not vouch for it."""
        name = root_key(self.version + 1)
        root = Root.read(content, name)
        problems = [
            threshold_problem(root.envelope, self.root.roles[ROOT], f"root {self.version}"),
            threshold_problem(root.envelope, root.roles[ROOT], "the new root"),
        ]
        if root.version != self.version + 1:
            problems.append(f"its version is {root.version}, not {self.version + 1}")
        _refuse(name, problems)
        return TrustedRoot(root, content)


@dataclass(frozen=True)
class Seen:
    """What a client remembers of a channel, so that nobody can show it older records."""

    root: int = 0
    """The version of the newest root."""
    number: int = 0
    """Of the newest record."""
    sequence: int = 0
    """The highest of a version."""
    signed: str = ""
    """The SHA-256 of what the newest record signs."""
    keyids: tuple[str, ...] = ()
    """Of the keys that signed it."""

    def to_dict(self) -> dict[str, Any]:
        """A value for a JSON file."""
        return {
            "root": self.root,
            "number": self.number,
            "sequence": self.sequence,
            "signed": self.signed,
            "keyids": list(self.keyids),
        }

    @classmethod
    def from_dict(cls, data: object, name: str = "seen") -> Seen:
        """Read what :meth:`to_dict` wrote; RepositoryError lists what is wrong."""
        problems: list[str] = []
        table = CheckedTable(data, "", problems)
        seen = cls(
            table.integer("root"),
            table.integer("number"),
            table.integer("sequence"),
            table.sha256("signed"),
            table.optional_strings("keyids"),
        )
        if problems:
            raise RepositoryError(f"`{name}` cannot be used.", first_problems(problems))
        return seen

    @classmethod
    def from_json(cls, content: bytes, name: str = "seen") -> Seen:
        """The same, from the text."""
        try:
            return cls.from_dict(parsed_json(content), name)
        except ValueError as e:
            raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None


@dataclass(frozen=True)
class VerifiedRecord:
    """A record that is believed."""

    record: ChannelRecord
    seen: Seen
    """To keep, for the next time."""
    signers: tuple[str, ...] = ()
    """The ids of the keys of the root that signed it; none: the repository is unsigned."""
    notes: tuple[str, ...] = field(default=())
    """What people should know: that nothing is signed, or has expired."""


def repository_root(
    store: Store, pinned: Optional[TrustedRoot], *, allow_unsigned: bool = False
) -> Optional[TrustedRoot]:
    """The newest root of a repository; None if it is unsigned, and may be.

    Without a pinned root, the repository's first one counts, so that a repository with a root is
    never read as an unsigned one.
    """
    if pinned is not None:
        return pinned.updated(store)
    if not allow_unsigned:
        raise RepositoryError(
            f"{store.url}: no root was pinned, so nothing can be verified.",
            ["Pin the root of the repository, or allow unsigned ones."],
        )
    content = _fetched_root(store, 1)
    return None if content is None else TrustedRoot.pinned(content, root_key(1)).updated(store)


def verified_record(
    content: bytes,
    key: ChannelKey,
    root: Optional[TrustedRoot],
    now: str,
    seen: Seen = Seen(),
    *,
    allow_unsigned: bool = False,
    allow_expired: bool = False,
) -> VerifiedRecord:
    """The record of a channel, if it is to be believed; RepositoryError says why it is not.

    Args:
        content: The untrusted record.
        key: Of the channel that was asked for.
        root: The newest root, from :func:`repository_root`.
        now: In UTC, as `expires` of a record.
        seen: What this client has seen of the channel.
        allow_unsigned: Whether a repository without a root is believed.
        allow_expired: Whether root and record may have expired, for use offline.
    """
    name = str(key)
    if root is None and not allow_unsigned:
        _refuse(name, ["no root was pinned, and unsigned records are not allowed"])
    if len(content) > MOST_RECORD_BYTES:
        _refuse(name, [f"it has {len(content)} bytes; {MOST_RECORD_BYTES} are accepted"])
    envelope = Envelope.read(content, name, kind=RECORDS)
    if root is None and seen.root:
        _refuse(name, [f"the repository had root {seen.root}, and now it has none"])
    if root is not None:
        # What nobody has signed is not looked at any further.
        problem = threshold_problem(envelope, root.root.roles[RECORDS], f"root {root.version}")
        _refuse(name, [problem, _root_rollback(root, seen)])
    record = ChannelRecord.from_json(content, key)
    expired = [*_expired(name, record.expires, now)]
    if root is not None:
        expired += _expired(root.root.envelope.name, root.root.expires, now)
    signers = () if root is None else envelope.signers(root.root.roles[RECORDS].keys)
    keyids = tuple(signer.keyid for signer in signers)
    signed = hashlib.sha256(envelope.payload).hexdigest()
    counting = seen if _counts(seen, root) else Seen()
    _refuse(
        name,
        [*(() if allow_expired else expired), *_rollback_problems(record, signed, counting)],
    )
    unsigned = ["The repository is not signed."] if root is None else []
    return VerifiedRecord(
        record,
        Seen(
            0 if root is None else root.version,
            record.number,
            max(record.current.sequence, counting.sequence),
            signed,
            keyids,
        ),
        keyids,
        (*unsigned, *expired),
    )


def verified_manifest(content: bytes, record: ChannelRecord) -> PublishedStack:
    """The manifest that a believed record points at, if these are its bytes.

    It has to have the record's own version, too: an old manifest is not a new version.
    """
    name = str(record.stack_key)
    _refuse(name, [reference_problem(content, record.current.manifest)])
    stack = PublishedStack.from_json(content, name)
    if stack.key != record.stack_key:
        _refuse(name, [f"it is the manifest of `{stack.key}`"])
    return stack


def _fetched_root(store: Store, version: int) -> Optional[bytes]:
    key = root_key(version)
    found = store.get(key, limit=MOST_ROOT_BYTES)
    begin = None if found is None else not_json(found.data)
    if begin is not None:
        raise RepositoryError(
            f"{store.url}: `{key}` cannot be read.", [begin, *store.explained(key)]
        )
    return None if found is None else found.data


def _refuse(name: str, problems: list[str | None]) -> None:
    found = [problem for problem in problems if problem is not None]
    if found:
        raise RepositoryError(f"`{name}` is not believed.", found)


def _expired(name: str, expires: str, now: str) -> list[str]:
    if expires > now:
        return []
    return [f"`{name}` has expired, at {expires}; somebody may hide a newer one"]


def _root_rollback(root: TrustedRoot, seen: Seen) -> str | None:
    if root.version >= seen.root:
        return None
    return f"the repository had root {seen.root}, and now it has root {root.version}"


def _counts(seen: Seen, root: Optional[TrustedRoot]) -> bool:
    """Whether what was seen would still be believed.

    If its keys were taken from the root, somebody else may have had them, and may have given his
    record a number that no other can reach. TUF forgets such records (5.3.11). What nobody had
    signed is forgotten, too, once there is a root.
    """
    if root is None:
        return True
    role = root.root.roles[RECORDS]
    left = {key.keyid for key in role.keys}.intersection(seen.keyids)
    return len(left) >= role.threshold


def _rollback_problems(record: ChannelRecord, signed: str, seen: Seen) -> list[str | None]:
    if record.number < seen.number:
        return [f"its number is {record.number}, and {seen.number} was seen before"]
    if record.number == seen.number and signed != seen.signed:
        return [f"another record with the number {seen.number} was seen before"]
    left, current = record.rolled_back_from, record.current
    newer = (known.version for known in record.history if known.sequence > current.sequence)
    if left is None and current.sequence < seen.sequence:
        return [
            f"its version `{current.version}` is older than what was seen before, and the record "
            "does not say that it was rolled back"
        ]
    if left is not None and left not in newer:
        return [f"it was rolled back from {left!a}, which is no newer version of it"]
    return []
