"""Public keys, as the metadata of TUF has them, and whether one of them made a signature."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.repository.trust import ecdsa, ed25519

ED25519 = "ed25519"


@dataclass(frozen=True)
class PublicKey:
    """The public half of a key."""

    keyid: str
    keytype: str
    """``ed25519``, ``ecdsa``, ``rsa``."""
    scheme: str
    public: str
    """In hexadecimal, or as PEM: what the type has."""

    @property
    def identity(self) -> str:
        """The same for two tables that spell one key differently."""
        if self.keytype == ED25519:
            return self.public.lower()
        lines = (line.strip() for line in self.public.strip().splitlines())
        return "".join(line for line in lines if not line.startswith("-----"))

    def to_dict(self) -> dict[str, Any]:
        """As in the metadata."""
        return {
            "keytype": self.keytype,
            "scheme": self.scheme,
            "keyval": {"public": self.public},
        }

    @property
    def is_usable(self) -> bool:
        """Whether signatures of this type of key can be verified here."""
        return (
            (self.keytype, self.scheme) == (ED25519, ED25519)
            or self.scheme in ecdsa.CURVES
            or _has_library()
        )

    def has_signed(self, message: bytes, signature: bytes) -> bool:
        """Whether `signature` is this key's and of `message`; False if that is not usable here."""
        if (self.keytype, self.scheme) == (ED25519, ED25519):
            return _is_signed_ed25519(bytes.fromhex(self.public), message, signature)
        if _has_library():
            return _is_signed(self, message, signature)
        curve = ecdsa.CURVES.get(self.scheme)
        return curve is not None and ecdsa.is_signed(curve, self.public, message, signature)


def read_public_key(table: CheckedTable, keyid: str) -> PublicKey:
    """The key in an untrusted table."""
    keyval = table.table("keyval")
    key = PublicKey(keyid, table.string("keytype"), table.string("scheme"), keyval.string("public"))
    if key.keytype == ED25519 and key.public and not _is_hexadecimal(key.public, 32):
        keyval.note("public", "an Ed25519 key has 64 hexadecimal digits")
    return key


def _is_hexadecimal(text: str, size: int) -> bool:
    return len(text) == 2 * size and all(c in "0123456789abcdefABCDEF" for c in text)


def _is_signed_ed25519(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        from cryptography.exceptions import InvalidSignature  # noqa: PLC0415
        from cryptography.hazmat.primitives.asymmetric.ed25519 import (  # noqa: PLC0415
            Ed25519PublicKey,
        )
    except ImportError:
        return ed25519.is_signed(public, message, signature)
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True


def _has_library() -> bool:
    try:
        import cryptography  # noqa: F401, PLC0415
        import securesystemslib  # noqa: F401, PLC0415
    except ImportError:
        return False
    return True


def _is_signed(key: PublicKey, message: bytes, signature: bytes) -> bool:
    """By the other kinds of keys, which key services have."""
    from securesystemslib.exceptions import UnverifiedSignatureError  # noqa: PLC0415
    from securesystemslib.signer import Key, Signature  # noqa: PLC0415

    try:
        known = Key.from_dict(key.keyid, key.to_dict())
        known.verify_signature(Signature(key.keyid, signature.hex()), message)
    except (UnverifiedSignatureError, ValueError, KeyError):
        return False
    return True
