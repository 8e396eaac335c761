"""Signed metadata of TUF: what is signed, and by which keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError, first_problems
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.repository.stores.store import not_json
from venvstacks_rules.repository.trust.canonical import canonical_json
from venvstacks_rules.repository.trust.public_keys import PublicKey

_TIME = re.compile(r"\d{4}-[01]\d-[0-3]\dT[0-2]\d:[0-5]\d:[0-6]\dZ", re.ASCII)
_MAJOR = "1."
"""Of the version of TUF's specification."""


@dataclass(frozen=True)
class Envelope:
    """A file of metadata whose signatures were not looked at yet."""

    name: str
    """The file's, for messages."""
    signed: CheckedTable
    """What the signatures cover."""
    payload: bytes
    """The same as bytes."""
    signatures: Mapping[str, bytes]
    """By key id."""

    @property
    def type(self) -> str:
        """``root`` or ``targets``."""
        return str(self.signed.data["_type"])

    @property
    def version(self) -> int:
        """Of the metadata, from 1 on."""
        return self.signed.integer("version")

    @property
    def expires(self) -> str:
        """In UTC; texts of this form are ordered as the times are."""
        return str(self.signed.data["expires"])

    def signers(self, keys: Iterable[PublicKey]) -> tuple[PublicKey, ...]:
        """Those of `keys` that have signed."""
        return tuple(
            key
            for key in keys
            if key.keyid in self.signatures
            and key.has_signed(self.payload, self.signatures[key.keyid])
        )

    @classmethod
    def read(cls, content: bytes, name: str, *, kind: str) -> Envelope:
        """Read an untrusted file of a type; RepositoryError lists what is wrong."""
        problems: list[str] = []
        begin = not_json(content)
        if begin is not None:
            raise RepositoryError(f"`{name}` cannot be read.", [begin])
        table = CheckedTable(parsed_json(content), "", problems)
        signed = table.table("signed")
        signatures = _read_signatures(table)
        _check_common(signed, kind)
        payload = b""
        if not problems:
            try:
                payload = canonical_json(signed.data)
            except ValueError as e:
                signed.note("", f"nothing can sign it: {e}")
        if problems:
            raise RepositoryError(f"`{name}` cannot be used.", first_problems(problems))
        return cls(name, signed, payload, signatures)


def signed_text(signed: Mapping[str, Any], signatures: Mapping[str, bytes]) -> str:
    """The text of a file of metadata."""
    listed = [{"keyid": keyid, "sig": signatures[keyid].hex()} for keyid in sorted(signatures)]
    return published_json({"signatures": listed, "signed": dict(signed)})


def _read_signatures(table: CheckedTable) -> dict[str, bytes]:
    found: dict[str, bytes] = {}
    for item in table.tables("signatures", required=True):
        keyid = item.string("keyid")
        if keyid in found:
            item.note("keyid", f"{keyid!a} has signed twice")
        try:
            found[keyid] = bytes.fromhex(item.string("sig"))
        except ValueError:
            item.note("sig", "it is not hexadecimal")
    return found


def _check_common(signed: CheckedTable, kind: str) -> None:
    """The keys that all metadata of TUF has."""
    found = signed.string("_type")
    if found and found != kind:
        signed.note("_type", f"{found!a} is not `{kind}`")
    spec = signed.string("spec_version")
    if spec and not spec.startswith(_MAJOR):
        signed.note("spec_version", f"{spec!a} is not version 1 of TUF; a newer client may read it")
    version = signed.integer("version")
    if version < 1 and "version" in signed:
        signed.note("version", f"{version} is less than 1")
    expires = signed.string("expires")
    if expires and _TIME.fullmatch(expires) is None:
        signed.note("expires", f"{expires!a} is not a time as `2030-01-31T00:00:00Z`")
