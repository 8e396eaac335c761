from __future__ import annotations

import json
from pathlib import Path

import pytest
from securesystemslib.dsse import Envelope
from securesystemslib.signer import CryptoSigner, Key

from tests.support.signed_repository import SignedRepository
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.repository.trust.key_files import of_library
from venvstacks_rules.repository.trust.roots import RECORDS, Role
from venvstacks_rules.repository.trust.statements import (
    PAYLOAD_TYPE,
    encoded,
    signed_statement,
    verified_statement,
)

STATEMENT = b'{"_type": "https://in-toto.io/Statement/v1", "subject": []}\n'


@pytest.fixture
def repository(tmp_path: Path) -> SignedRepository:
    return SignedRepository(tmp_path)


@pytest.fixture
def role(repository: SignedRepository) -> Role:
    root = repository.begin(records=("anna", "ben"), record_threshold=2).root
    return root.roles[RECORDS]


def signed(repository: SignedRepository, *names: str) -> bytes:
    return signed_statement(STATEMENT, [repository.key(name) for name in names], {})


def test_a_statement_is_signed_and_believed(repository: SignedRepository, role: Role) -> None:
    content = signed(repository, "ben", "anna")
    assert content == signed(repository, "anna", "ben")
    assert verified_statement(content, role) == STATEMENT


def test_the_library_believes_our_envelopes_and_we_believe_its(
    repository: SignedRepository, role: Role
) -> None:
    envelope = Envelope.from_dict(json.loads(signed(repository, "anna", "ben")))
    assert envelope.pae() == encoded(STATEMENT)
    keys = [Key.from_dict(key.keyid, key.to_dict()) for key in role.keys]
    assert len(envelope.verify(keys, 2)) == 2
    signer = CryptoSigner.generate_ecdsa()
    theirs = Envelope(STATEMENT, PAYLOAD_TYPE, {})
    theirs.sign(signer)
    one = Role((of_library(signer.public_key),), 1)
    assert verified_statement(json.dumps(theirs.to_dict()).encode(), one) == STATEMENT


def test_statements_that_are_not_believed(repository: SignedRepository, role: Role) -> None:
    ids = ", ".join(key.keyid for key in role.keys)
    changed = json.loads(signed(repository, "anna", "ben"))
    changed["payload"] = "e30K"
    for content, count in (
        (signed(repository, "anna"), "1 key"),
        (signed(repository, "anna", "stranger"), "1 key"),
        (json.dumps(changed).encode(), "0 keys"),
    ):
        with pytest.raises(RepositoryError) as e:
            verified_statement(content, role, "provenance.json")
        assert str(e.value) == (
            f"`provenance.json` is not believed.\n  * {count} signed it, and 2 have to: of {ids}"
        )


def test_envelopes_that_are_none(role: Role) -> None:
    for content, problems in (
        (b"[]", ("expected a table, got a list",)),
        (
            b'{"payload": "?", "payloadType": "text/plain", "signatures": [{"sig": "!"}]}',
            (
                "`payloadType`: 'text/plain' is not `application/vnd.in-toto+json`",
                "`payload`: it is not Base64",
                "`signatures[0].keyid`: missing",
                "`signatures[0].sig`: it is not Base64",
            ),
        ),
    ):
        with pytest.raises(RepositoryError) as e:
            verified_statement(content, role)
        assert e.value.problems == problems
