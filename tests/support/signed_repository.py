"""A repository that is signed with real keys, and a client that remembers what it has seen."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Optional

from venvstacks_rules.model.repository.keys import ChannelKey
from venvstacks_rules.model.repository.manifests import PublishedStack, StackLayer
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.files import FileStore
from venvstacks_rules.repository.stores.store import Content, Store
from venvstacks_rules.repository.trust.commands import (
    RoleFiles,
    create_root,
    publish_root,
    rotate_root,
    sign_root,
)
from venvstacks_rules.repository.trust.key_files import generate_key
from venvstacks_rules.repository.trust.signers import signer
from venvstacks_rules.repository.trust.verification import (
    Seen,
    TrustedRoot,
    repository_root,
    verified_manifest,
    verified_record,
)

KEY = ChannelKey("demo", "stable", "linux_x86_64")
NOW = "2030-01-15T00:00:00Z"
SOON = "2030-02-01T00:00:00Z"
LATER = "2030-03-01T00:00:00Z"
AS_IT_IS = RoleFiles()
FAR = 365 * 20
"""Days until roots expire, from the day of the test."""


@dataclass
class Client:
    """A client on a user's machine."""

    pinned: Optional[TrustedRoot]
    seen: Seen = field(default_factory=Seen)

    def version(
        self,
        store: Store,
        *,
        now: str = NOW,
        key: ChannelKey = KEY,
        allow_unsigned: bool = False,
        allow_expired: bool = False,
    ) -> str:
        """The version that it would install now, from the manifest."""
        root = repository_root(store, self.pinned, allow_unsigned=allow_unsigned)
        found = store.get(str(key), limit=1024 * 1024)
        assert found is not None
        verified = verified_record(
            found.data,
            key,
            root,
            now,
            self.seen,
            allow_unsigned=allow_unsigned,
            allow_expired=allow_expired,
        )
        manifest = store.get(str(verified.record.stack_key), limit=1024 * 1024)
        assert manifest is not None
        stack = verified_manifest(manifest.data, verified.record)
        self.pinned = root
        # As a client keeps it.
        self.seen = Seen.from_dict(verified.seen.to_dict())
        return stack.version


class SignedRepository:
    """A folder, and the keys of the people who publish there."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.store = FileStore(folder / "repository")
        self._roots = 0

    def key(self, name: str) -> str:
        """The file of a private key, which is made at its first use."""
        path = self.folder / f"{name}.pem"
        if not path.exists():
            generate_key(path)
        return str(path)

    def public(self, *names: str) -> tuple[Path, ...]:
        """The files of public keys."""
        return tuple(Path(f"{self.key(name)}.pub") for name in names)

    def begin(
        self,
        root: Sequence[str] = ("root",),
        records: Sequence[str] = ("records",),
        *,
        root_threshold: int = 1,
        record_threshold: int = 1,
        days: float = FAR,
    ) -> TrustedRoot:
        """The first root, signed by all its keys."""
        file = self.folder / "first.json"
        create_root(
            file,
            RoleFiles(self.public(*root), threshold=root_threshold),
            RoleFiles(self.public(*records), threshold=record_threshold),
            days=days,
        )
        sign_root(file, self.store, [self.key(name) for name in root])
        return publish_root(file, self.store, now=NOW, force=True)

    def rotate(
        self,
        signers: Sequence[str],
        *,
        root: RoleFiles = AS_IT_IS,
        records: RoleFiles = AS_IT_IS,
        days: float = FAR,
    ) -> TrustedRoot:
        """The next root, signed by these keys."""
        self._roots += 1
        file = self.folder / f"next-{self._roots}.json"
        rotate_root(file, self.store, root, records, days=days)
        sign_root(file, self.store, [self.key(name) for name in signers])
        return publish_root(file, self.store, now=NOW, force=True)

    def manifest(self, version: str) -> Reference:
        """The manifest of a version, which is put into the repository."""
        content = stack(version).to_json().encode("utf-8")
        self.store.put_if_absent(str(stack(version).key), Content.of(content))
        return Reference.of(content)

    def publish(
        self, version: str, signers: Sequence[str] = ("records",), *, expires: str = SOON
    ) -> ChannelRecord:
        """Move the channel to a new version."""
        old, reference = self.record(), self.manifest(version)
        new = (
            ChannelRecord.first(KEY, version, reference)
            if old is None
            else old.moved(version, reference)
        )
        return self.write(replace(new, expires=expires), signers)

    def write(self, record: ChannelRecord, signers: Sequence[str] = ("records",)) -> ChannelRecord:
        """Put a record in the place of the channel's."""
        self.put(str(record.key), self.text(record, signers))
        return record

    def text(self, record: ChannelRecord, signers: Sequence[str] = ("records",)) -> bytes:
        """The signed file of a record."""
        signatures = signer([self.key(name) for name in signers], {})(record.to_signed())
        return record.to_json(signatures).encode("utf-8")

    def record(self) -> Optional[ChannelRecord]:
        """The record of the channel."""
        found = self.store.get(str(KEY), limit=1024 * 1024)
        return None if found is None else ChannelRecord.from_json(found.data, KEY)

    def content(self, key: str) -> bytes:
        """What lies at a key."""
        return (self.folder / "repository" / key).read_bytes()

    def put(self, key: str, content: bytes) -> None:
        """Put something at a key, as whoever has the server can."""
        path = self.folder / "repository" / key
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)


def stack(version: str) -> PublishedStack:
    """A stack with one layer."""
    layer = StackLayer(
        "runtime", "cpython-3.11", "cpython-3.11", (), Reference("ab" * 32, 100), 10, 20
    )
    return PublishedStack("demo", version, KEY.platform, (layer,))
