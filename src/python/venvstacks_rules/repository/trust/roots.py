"""Roots: which keys sign the records of a repository, and which keys sign the next root."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.wording import counted, quoted
from venvstacks_rules.repository.trust.envelopes import Envelope
from venvstacks_rules.repository.trust.public_keys import PublicKey, read_public_key

MOST_ROOT_BYTES = 512_000
"""A larger root is not read."""
ROOT, RECORDS = "root", "targets"
"""The roles that sign: the next root, and the records of channels."""
UNUSED_ROLES = ("snapshot", "timestamp")
"""TUF's other roles, which have no keys here; see docs/decisions/0055-trust.md."""


@dataclass(frozen=True)
class Role:
    """Keys, and how many of them have to sign."""

    keys: tuple[PublicKey, ...]
    threshold: int


@dataclass(frozen=True)
class Root:
    """A root whose signatures were not looked at yet."""

    envelope: Envelope
    roles: Mapping[str, Role]

    @property
    def version(self) -> int:
        """From 1 on."""
        return self.envelope.version

    @property
    def expires(self) -> str:
        """In UTC."""
        return self.envelope.expires

    @classmethod
    def read(cls, content: bytes, name: str = "root") -> Root:
        """Read an untrusted root, `name` in messages; RepositoryError lists what is wrong."""
        if len(content) > MOST_ROOT_BYTES:
            raise RepositoryError(
                f"`{name}` is too large.",
                [f"it has {len(content)} bytes; {MOST_ROOT_BYTES} are accepted"],
            )
        envelope = Envelope.read(content, name, kind=ROOT)
        signed = envelope.signed
        keys = _read_keys(signed)
        roles = signed.table("roles")
        found = {role: _read_role(roles.table(role), keys) for role in (ROOT, RECORDS)}
        if signed.problems:
            raise RepositoryError(f"`{name}` cannot be used.", first_problems(signed.problems))
        return cls(envelope, found)


def threshold_problem(envelope: Envelope, role: Role, owner: str) -> str | None:
    """Why too few keys of a role have signed, or None."""
    signers = envelope.signers(role.keys)
    missing = role.threshold - len(signers)
    if missing <= 0:
        return None
    problem = (
        f"{counted(len(signers), 'key')} of {owner} signed it, and {role.threshold} have to: of "
        + ", ".join(key.keyid for key in role.keys)
    )
    others = sorted({key.keytype for key in role.keys if not key.is_usable})
    if others:
        problem += f"; install `venvstacks-rules[trust]` to verify keys of type {quoted(others)}"
    return problem


def _read_keys(signed: CheckedTable) -> dict[str, PublicKey]:
    table = signed.table("keys")
    keys: dict[str, PublicKey] = {}
    known: dict[str, str] = {}
    for keyid in table.names():
        key = read_public_key(table.table(keyid), keyid)
        # One key under two ids would count as two.
        other = known.setdefault(key.identity, keyid)
        if key.public and other != keyid:
            table.note(keyid, f"it is the same key as {other!a}")
        keys[keyid] = key
    return keys


def _read_role(table: CheckedTable, keys: Mapping[str, PublicKey]) -> Role:
    keyids = table.strings("keyids")
    threshold = table.integer("threshold")
    for i, keyid in enumerate(keyids):
        if keyid not in keys:
            table.note(f"keyids[{i}]", f"{keyid!a} is not among the keys")
        if keyid in keyids[:i]:
            table.note(f"keyids[{i}]", f"{keyid!a} occurs twice")
    if "threshold" in table and not 1 <= threshold <= len(keyids):
        table.note("threshold", f"{threshold} of {counted(len(keyids), 'key')} cannot sign")
    return Role(tuple(keys[keyid] for keyid in keyids if keyid in keys), threshold)
