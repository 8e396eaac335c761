"""What we write is TUF's: `python-tuf` reads and believes it, and we believe what it makes."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from pathlib import Path

import pytest
from securesystemslib.signer import CryptoSigner
from tuf.api.exceptions import UnsignedMetadataError
from tuf.api.metadata import Metadata, Root, Targets
from tuf.api.serialization.json import JSONSerializer

from tests.support.signed_repository import KEY, NOW, SOON, SignedRepository, stack
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.repository.keys import root_key
from venvstacks_rules.model.repository.records import ChannelRecord
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.trust.commands import RoleFiles
from venvstacks_rules.repository.trust.signers import opened_signers
from venvstacks_rules.repository.trust.verification import TrustedRoot, verified_record


@pytest.fixture
def repository(tmp_path: Path) -> SignedRepository:
    made = SignedRepository(tmp_path)
    made.begin(("anna", "ben", "cleo"), ("ci", "laptop"), root_threshold=2, record_threshold=2)
    made.publish("1.0", ("ci", "laptop"))
    return made


def test_python_tuf_reads_our_roots_and_their_chain(repository: SignedRepository) -> None:
    repository.rotate(("anna", "ben", "dora"), root=RoleFiles(repository.public("dora")))
    first = Metadata[Root].from_bytes(repository.content(root_key(1)))
    second = Metadata[Root].from_bytes(repository.content(root_key(2)))
    result = second.signed.get_root_verification_result(
        first.signed, second.signed_bytes, second.signatures
    )
    assert result
    assert (second.signed.version, second.signed.roles["root"].threshold) == (2, 2)
    assert len(result.signed) == 3
    first.signed.verify_delegate("root", second.signed_bytes, second.signatures)
    assert second.signed.is_expired(datetime(2100, 1, 1, tzinfo=timezone.utc))
    # Nobody can sign for the roles that are not used.
    for role in ("snapshot", "timestamp"):
        assert second.signed.roles[role].keyids == []
        with pytest.raises(UnsignedMetadataError):
            second.signed.verify_delegate(role, second.signed_bytes, second.signatures)


def test_python_tuf_reads_and_believes_our_records(repository: SignedRepository) -> None:
    root = Metadata[Root].from_bytes(repository.content(root_key(1)))
    record = Metadata[Targets].from_bytes(repository.content(str(KEY)))
    root.signed.verify_delegate("targets", record.signed_bytes, record.signatures)
    manifest = repository.content(str(stack("1.0").key))
    record.signed.targets[str(stack("1.0").key)].verify_length_and_hashes(manifest)
    assert record.signed.version == 1
    assert record.signed.expires == datetime(2030, 2, 1, tzinfo=timezone.utc)
    # It keeps what is ours.
    assert record.signed.unrecognized_fields["channel"] == "stable"
    assert record.to_dict() == json.loads(repository.content(str(KEY)))
    record.signed.version = 2
    with pytest.raises(UnsignedMetadataError):
        root.signed.verify_delegate("targets", record.signed_bytes, record.signatures)


def test_we_believe_what_python_tuf_makes(tmp_path: Path) -> None:
    keys = [CryptoSigner.generate_ed25519() for _ in range(2)]
    others = [CryptoSigner.generate_ecdsa(), CryptoSigner.generate_rsa(size=2048)]
    root = Metadata(Root(expires=datetime(2040, 1, 1, tzinfo=timezone.utc)))
    for key in (*keys, *others):
        root.signed.add_key(key.public_key, "root")
        root.signed.add_key(key.public_key, "targets")
        # Of a repository that has all of TUF's roles.
        root.signed.add_key(key.public_key, "snapshot")
        root.signed.add_key(key.public_key, "timestamp")
    root.signed.roles["root"].threshold = 4
    root.signed.roles["targets"].threshold = 3
    for key in (*keys, *others):
        root.sign(key, append=True)
    trusted = TrustedRoot.pinned(root.to_bytes(JSONSerializer(compact=True)))

    content = stack("1.0").to_json().encode()
    ours = ChannelRecord.first(KEY, "1.0", Reference.of(content)).to_signed()
    record = Metadata(Targets.from_dict({**ours, "expires": SOON}))
    for key in (keys[0], *others):
        record.sign(key, append=True)
    verified = verified_record(record.to_bytes(), KEY, trusted, NOW)
    assert verified.record.current.version == "1.0"
    assert set(verified.signers) == {key.public_key.keyid for key in (keys[0], *others)}

    for key in others:
        record.signatures[key.public_key.keyid].signature = "00" * 64
    with pytest.raises(RepositoryError) as e:
        verified_record(record.to_bytes(), KEY, trusted, NOW)
    listed = ", ".join(key.public_key.keyid for key in (*keys, *others))
    assert e.value.problems == (f"1 key of root 1 signed it, and 3 have to: of {listed}",)


def test_python_tuf_makes_the_next_root(repository: SignedRepository) -> None:
    metadata = Metadata[Root].from_bytes(repository.content(root_key(1)))
    metadata.signed.version = 2
    metadata.signed.expires = datetime(2041, 1, 1, tzinfo=timezone.utc)
    metadata.signatures.clear()
    for _, signer in opened_signers([repository.key("anna"), repository.key("cleo")], {}):
        metadata.sign(signer, append=True)
    metadata.to_file(str(repository.folder / "repository" / root_key(2)))
    first = TrustedRoot.pinned(repository.content(root_key(1)))
    newest = first.updated(repository.store)
    assert (newest.version, newest.root.expires) == (2, "2041-01-01T00:00:00Z")
