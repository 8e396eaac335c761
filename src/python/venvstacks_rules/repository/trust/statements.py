"""Signed statements: in-toto statements, as of provenance, in envelopes of DSSE.

See https://github.com/secure-systems-lab/dsse. What is signed begins with ``DSSEv1``, so that a
signature of a statement is none of a record or a root.
"""

from __future__ import annotations

import base64
import binascii
import os
from collections.abc import Mapping, Sequence

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.model.wording import counted
from venvstacks_rules.repository.trust.roots import Role
from venvstacks_rules.repository.trust.signers import opened_signers, signature_of

PAYLOAD_TYPE = "application/vnd.in-toto+json"


def signed_statement(
    statement: bytes, uris: Sequence[str], environment: Mapping[str, str] = os.environ
) -> bytes:
    """The envelope of a statement, with a signature of each key."""
    payload = encoded(statement)
    signatures = sorted(
        signature_of(payload, name, signer) for name, signer in opened_signers(uris, environment)
    )
    return published_json(
        {
            "payload": _text(statement),
            "payloadType": PAYLOAD_TYPE,
            "signatures": [
                {"keyid": keyid, "sig": _text(bytes.fromhex(sig))} for keyid, sig in signatures
            ],
        }
    ).encode("utf-8")


def verified_statement(content: bytes, role: Role, name: str = "statement") -> bytes:
    """The statement in an untrusted envelope, if enough keys of a role of a root have signed it."""
    problems: list[str] = []
    try:
        table = CheckedTable(parsed_json(content), "", problems)
    except ValueError as e:
        raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None
    kind = table.string("payloadType")
    if kind not in (PAYLOAD_TYPE, ""):
        table.note("payloadType", f"{kind!a} is not `{PAYLOAD_TYPE}`")
    statement = _bytes(table, "payload")
    signatures = {
        item.string("keyid"): _bytes(item, "sig")
        for item in table.tables("signatures", required=True)
    }
    if problems:
        raise RepositoryError(f"`{name}` cannot be used.", first_problems(problems))
    payload = encoded(statement)
    signed = sum(
        key.keyid in signatures and key.has_signed(payload, signatures[key.keyid])
        for key in role.keys
    )
    if signed < role.threshold:
        listed = ", ".join(key.keyid for key in role.keys)
        raise RepositoryError(
            f"`{name}` is not believed.",
            [f"{counted(signed, 'key')} signed it, and {role.threshold} have to: of {listed}"],
        )
    return statement


def encoded(statement: bytes) -> bytes:
    """What is signed: the pre-authentication encoding of DSSE."""
    kind = PAYLOAD_TYPE.encode("ascii")
    return b"DSSEv1 %d %b %d %b" % (len(kind), kind, len(statement), statement)


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")


def _bytes(table: CheckedTable, key: str) -> bytes:
    try:
        return base64.b64decode(table.string(key), validate=True)
    except (binascii.Error, ValueError):
        table.note(key, "it is not Base64")
        return b""
