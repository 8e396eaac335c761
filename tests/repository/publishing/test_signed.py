"""Publishing into a signed repository, and reading it as a client does."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.publications import PLATFORM, small_release
from tests.support.signed_repository import FAR, NOW, SOON, SignedRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import ChannelKey, root_key
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.repository.publishing.channels import Signing
from venvstacks_rules.repository.publishing.upload import Settings, published
from venvstacks_rules.repository.reading.repository import Repository
from venvstacks_rules.repository.trust.signers import signer
from venvstacks_rules.repository.trust.verification import (
    Seen,
    TrustedRoot,
    repository_root,
    verified_record,
)

KEY = ChannelKey("release", "stable", PLATFORM)


class Reader:
    """What a repository asks whether a record is to be believed."""

    def __init__(self, signed: SignedRepository) -> None:
        self.store = signed.store
        self.pinned = TrustedRoot.pinned(signed.content(root_key(1)))
        self.seen = Seen()

    def __call__(self, content: bytes, key: ChannelKey) -> ChannelRecord:
        root = repository_root(self.store, self.pinned)
        verified = verified_record(content, key, root, NOW, self.seen)
        self.seen = verified.seen
        return verified.record


def publish(signed: SignedRepository, version: str, *names: str) -> None:
    root = repository_root(signed.store, None, allow_unsigned=True)
    sign = signer([signed.key(name) for name in names], {}, root.root if root else None)
    settings = Settings(signing=Signing(sign, SOON))
    release = small_release(signed.folder / version, version)
    published(release, Repository(signed.store), settings)


def test_what_is_published_with_the_keys_is_believed(tmp_path: Path) -> None:
    signed = SignedRepository(tmp_path)
    signed.begin(days=FAR)
    reader = Reader(signed)
    repository = Repository(signed.store, reader)
    for version, number in (("1.0", 1), ("1.1", 2)):
        publish(signed, version, "records")
        found = repository.record(KEY)
        assert found is not None
        assert (found.record.current.version, found.record.number) == (version, number)
        stack = repository.manifest(found.record.stack_key, found.record.current.manifest)
        assert stack.version == version
        assert reader.seen.number == number


def test_what_would_not_be_believed_is_not_published(tmp_path: Path) -> None:
    signed = SignedRepository(tmp_path)
    signed.begin(days=FAR)
    publish(signed, "1.0", "records")
    for names in ((), ("stranger",)):
        with pytest.raises(RepositoryError) as e:
            publish(signed, "1.1", *names)
        assert e.value.summary == (
            "The repository is signed, and clients would not believe what is published."
        )
    found = Repository(signed.store, Reader(signed)).record(KEY)
    assert found is not None
    assert found.record.current.version == "1.0"
