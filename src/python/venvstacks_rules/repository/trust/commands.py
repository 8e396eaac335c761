"""What `venvstacks-repository` does with roots: plain values in and out."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import root_key
from venvstacks_rules.repository.stores.store import Content, Store
from venvstacks_rules.repository.trust.channels import checked_channels, expiry
from venvstacks_rules.repository.trust.key_files import read_public_key_file
from venvstacks_rules.repository.trust.pins import read_root_file
from venvstacks_rules.repository.trust.root_files import (
    RoleChange,
    Signatures,
    new_root,
    next_root,
    root_signatures,
    signed_root,
)
from venvstacks_rules.repository.trust.roots import Root
from venvstacks_rules.repository.trust.signers import opened_signers
from venvstacks_rules.repository.trust.verification import TrustedRoot, repository_root

ROOT_DAYS = 365
"""How long a new root is believed, if nobody says."""


@dataclass(frozen=True)
class RoleFiles:
    """What a person says of the keys of a role: files of public keys."""

    add: tuple[Path, ...] = ()
    remove: tuple[Path, ...] = ()
    remove_ids: tuple[str, ...] = ()
    """Of keys whose file is lost."""
    threshold: Optional[int] = None

    def change(self) -> RoleChange:
        """The same, with the keys."""
        removed = (read_public_key_file(path).keyid for path in self.remove)
        return RoleChange(
            tuple(read_public_key_file(path) for path in self.add),
            (*removed, *self.remove_ids),
            self.threshold,
        )


def create_root(
    path: Path, root: RoleFiles, records: RoleFiles, *, days: float = ROOT_DAYS
) -> tuple[Signatures, ...]:
    """Write the first root of a repository, which nobody has signed, to `path`."""
    content = new_root(root.change(), records.change(), expiry(days))
    _write_new(path, content)
    return root_signatures(content, None)


def rotate_root(
    path: Path, store: Store, root: RoleFiles, records: RoleFiles, *, days: float = ROOT_DAYS
) -> tuple[Signatures, ...]:
    """Write the root after the repository's newest one, with other keys, to `path`."""
    trusted = newest_root(store)
    if trusted is None:
        raise RepositoryError(
            f"{store.url} is not signed.", ["Make its first root with `root create`."]
        )
    content = next_root(trusted, root.change(), records.change(), expiry(days))
    _write_new(path, content)
    return root_signatures(content, trusted)


def sign_root(
    path: Path,
    store: Store,
    uris: Sequence[str],
    environment: Mapping[str, str] = os.environ,
) -> tuple[Signatures, ...]:
    """Add signatures to the file of a root; the next person goes on with the file."""
    content = read_root_file(path)
    trusted = _root_before(content, store)
    content = signed_root(content, trusted, opened_signers(uris, environment))
    part = path.with_name(f"{path.name}.part-{os.getpid()}")
    part.write_bytes(content)
    part.replace(path)
    return root_signatures(content, trusted)


def show_root(path: Path, store: Store) -> tuple[Signatures, ...]:
    """Who has signed the file of a root, and who is missing."""
    content = read_root_file(path)
    return root_signatures(content, _root_before(content, store))


def publish_root(path: Path, store: Store, *, now: str, force: bool = False) -> TrustedRoot:
    """Add a root to the repository: from now on, clients believe what its keys sign.

    RepositoryError if it is not signed by enough keys, or, unless `force` is set, if a channel's
    record would not be believed any more. One that has expired does not matter: its key may be the
    one that is lost.
    """
    content = read_root_file(path)
    trusted = _root_before(content, store)
    made = (
        TrustedRoot.pinned(content, str(path)) if trusted is None else trusted.followed_by(content)
    )
    channels = () if force else checked_channels(store, made, now, allow_expired=True)
    problems = [
        f"`{channel.key}`: {problem}" for channel in channels for problem in channel.problems
    ]
    if problems:
        raise RepositoryError(
            f"{store.url}: clients would not believe the channels with this root.",
            [*problems, "Sign the records with `sign` first, with the keys of the new root."],
        )
    key = root_key(made.version)
    if not store.put_if_absent(key, Content.of(content)):
        raise RepositoryError(
            f"{store.url}: `{key}` is there already.",
            ["Somebody else was faster: make the root again, after that one."],
        )
    return made


def newest_root(store: Store) -> Optional[TrustedRoot]:
    """The newest root of a repository that the caller writes, or None."""
    return repository_root(store, None, allow_unsigned=True)


def _root_before(content: bytes, store: Store) -> Optional[TrustedRoot]:
    """The root before the one in a file; RepositoryError if the repository has another newest."""
    version = Root.read(content).version
    trusted = newest_root(store)
    newest = 0 if trusted is None else trusted.version
    if version != newest + 1:
        raise RepositoryError(
            f"The file has root {version}, and the newest root of {store.url} is {newest}.",
            [f"Make root {newest + 1} with `root {'rotate' if newest else 'create'}`."],
        )
    return trusted


def _write_new(path: Path, content: bytes) -> None:
    try:
        with path.open("xb") as file:
            file.write(content)
    except OSError as e:
        raise RepositoryError(f"`{path}` cannot be written.", [e.strerror or str(e)]) from None
