"""Making roots: new ones, the next ones, and signing them, one person after the other.

A root that is not complete is a file of its own until enough keys have signed it. Roots are made by
`python-tuf`, and read by our own code: each checks the other.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Optional

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.times import parsed_time
from venvstacks_rules.repository.trust.key_files import require_libraries
from venvstacks_rules.repository.trust.public_keys import PublicKey
from venvstacks_rules.repository.trust.roots import RECORDS, ROOT, UNUSED_ROLES, Role, Root
from venvstacks_rules.repository.trust.verification import TrustedRoot

if TYPE_CHECKING:
    from securesystemslib.signer import Signer
    from tuf.api.metadata import Metadata
    from tuf.api.metadata import Root as TufRoot

_NAMES = {ROOT: "root", RECORDS: "records"}


@dataclass(frozen=True)
class RoleChange:
    """What a new root changes of a role."""

    add: tuple[PublicKey, ...] = ()
    remove: tuple[str, ...] = ()
    """Ids of keys."""
    threshold: Optional[int] = None
    """None: as it is."""


@dataclass(frozen=True)
class Signatures:
    """Which keys have signed a root, and which may."""

    role: str
    """``root 1``, or ``the new root``."""
    threshold: int
    signed: tuple[str, ...]
    missing: tuple[str, ...]
    """Ids of keys."""

    @property
    def is_complete(self) -> bool:
        """Whether enough of them signed."""
        return len(self.signed) >= self.threshold


def new_root(root: RoleChange, records: RoleChange, expires: str) -> bytes:
    """The first root of a repository, without signatures."""
    require_libraries("tuf")
    from tuf.api.metadata import Root as TufRoot  # noqa: PLC0415

    made = TufRoot(version=1, expires=parsed_time(expires), consistent_snapshot=False)
    return _changed(made, {ROOT: root, RECORDS: records})


def next_root(trusted: TrustedRoot, root: RoleChange, records: RoleChange, expires: str) -> bytes:
    """The root after `trusted`, without signatures."""
    made = _read(trusted.content).signed
    made.version += 1
    made.expires = parsed_time(expires)
    return _changed(made, {ROOT: root, RECORDS: records})


def signed_root(
    content: bytes, previous: Optional[TrustedRoot], signers: Iterable[tuple[str, Signer]]
) -> bytes:
    """The root with more signatures; RepositoryError for a key that it does not ask for."""
    metadata = _read(content)
    asked = {
        key.keyid
        for known in (Root.read(content), previous.root if previous else None)
        if known is not None
        for key in known.roles[ROOT].keys
    }
    problems = []
    for name, signer in signers:
        if signer.public_key.keyid not in asked:
            problems.append(f"{name} has the id {signer.public_key.keyid}, which is none of them")
        else:
            try:
                metadata.sign(signer, append=True)
            except Exception as e:  # noqa: BLE001 - a key service fails in its own ways
                problems.append(f"{name} did not sign: {e}")
    if problems:
        listed = ", ".join(sorted(asked))
        raise RepositoryError(
            f"Root {metadata.signed.version} was not signed: its keys are {listed}.", problems
        )
    return _text(metadata)


def root_signatures(content: bytes, previous: Optional[TrustedRoot]) -> tuple[Signatures, ...]:
    """Who has signed a root, and who is missing."""
    root = Root.read(content)
    roles = [("the new root", root.roles[ROOT])]
    if previous is not None:
        roles.insert(0, (f"root {previous.version}", previous.root.roles[ROOT]))
    return tuple(_signatures(root, name, role) for name, role in roles)


def _signatures(root: Root, name: str, role: Role) -> Signatures:
    signed = {key.keyid for key in root.envelope.signers(role.keys)}
    return Signatures(
        name,
        role.threshold,
        tuple(key.keyid for key in role.keys if key.keyid in signed),
        tuple(key.keyid for key in role.keys if key.keyid not in signed),
    )


def _changed(root: TufRoot, changes: dict[str, RoleChange]) -> bytes:
    from securesystemslib.signer import Key  # noqa: PLC0415
    from tuf.api.metadata import Metadata  # noqa: PLC0415

    problems: list[str] = []
    for role, change in changes.items():
        for key in change.add:
            # The library changes what it reads.
            root.add_key(Key.from_dict(key.keyid, key.to_dict()), role)
        for keyid in change.remove:
            if keyid in root.roles[role].keyids:
                root.revoke_key(keyid, role)
            else:
                problems.append(f"{keyid!a} is no key of the role `{_NAMES[role]}`")
        if change.threshold is not None:
            root.roles[role].threshold = change.threshold
    for role in changes:
        count, threshold = len(root.roles[role].keyids), root.roles[role].threshold
        if not 1 <= threshold <= count:
            problems.append(
                f"{threshold} of {count} keys would have to sign for `{_NAMES[role]}`; "
                "add keys, or change the threshold"
            )
    assert not any(root.roles[role].keyids for role in UNUSED_ROLES)
    if problems:
        raise RepositoryError(f"Root {root.version} was not made.", problems)
    content = _text(Metadata(root))
    # What we write, clients have to accept.
    Root.read(content)
    return content


def _read(content: bytes) -> Metadata[TufRoot]:
    require_libraries("tuf")
    from tuf.api.metadata import Metadata  # noqa: PLC0415

    Root.read(content)
    return Metadata.from_bytes(content)


def _text(metadata: Metadata[TufRoot]) -> bytes:
    return published_json(metadata.to_dict()).encode("utf-8")
