from __future__ import annotations

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import (
    Ed25519PrivateKey,
    Ed25519PublicKey,
)
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st

from venvstacks_rules.repository.trust.ed25519 import is_signed

ORDER = 2**252 + 27742317777372353535851937790883648493

# RFC 8032, 7.1: public key, message, signature.
VECTORS = {
    "1": (
        "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
        "",
        "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155"
        "5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
    ),
    "2": (
        "3d4017c3e843895a92b70aa74d1b7ebc9c982ccf2ec4968cc0cd55f12af4660c",
        "72",
        "92a009a9f0d4cab8720e820b5f642540a2b27b5416503f8fb3762223ebdb69da"
        "085ac1e43e15996e458f3613d0f11d8c387b2eaeb4302aeeb00d291612bb0c00",
    ),
    "3": (
        "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
        "af82",
        "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac"
        "18ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
    ),
    "SHA(abc)": (
        "ec172b93ad5e563bf4932c70e1245034c35467ef2efd4d64ebf819683467e2bf",
        "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
        "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f",
        "dc2a4459e7369633a52b1bf277839a00201009a3efbf3ecb69bea2186c26b589"
        "09351fc9ac90b3ecfdfbc7c66431e0303dca179c138ac17ad9bef1177331a704",
    ),
}


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_rfc(name: str) -> None:
    public, message, signature = map(bytes.fromhex, VECTORS[name])
    assert is_signed(public, message, signature)
    assert not is_signed(public, message + b"\0", signature)


@given(st.binary(min_size=32, max_size=32), st.binary(max_size=200), st.integers(0, 511))
def test_it_judges_as_the_library_does(seed: bytes, message: bytes, bit: int) -> None:
    private = Ed25519PrivateKey.from_private_bytes(seed)
    public = private.public_key().public_bytes(Encoding.Raw, PublicFormat.Raw)
    signature = private.sign(message)
    changed = bytearray(signature)
    changed[bit // 8] ^= 1 << bit % 8
    assert is_signed(public, message, signature)
    assert not is_signed(public, message, bytes(changed))
    assert not library(public, message, bytes(changed))


@given(st.binary(min_size=32, max_size=32), st.binary(min_size=64, max_size=64))
def test_bytes_that_nobody_made_are_no_signature(public: bytes, signature: bytes) -> None:
    assert not is_signed(public, b"message", signature)
    assert not library(public, b"message", signature)


def test_a_signature_has_one_form() -> None:
    public, message, signature = map(bytes.fromhex, VECTORS["3"])
    s = int.from_bytes(signature[32:], "little") + ORDER
    other = signature[:32] + s.to_bytes(32, "little")
    assert not is_signed(public, message, other)
    assert not library(public, message, other)


@pytest.mark.parametrize("size", [0, 31, 33, 64])
def test_a_key_of_another_size_signs_nothing(size: int) -> None:
    _, message, signature = map(bytes.fromhex, VECTORS["3"])
    assert not is_signed(bytes(size), message, signature)


@pytest.mark.parametrize("size", [0, 63, 65])
def test_a_signature_of_another_size_is_none(size: int) -> None:
    public, message, signature = map(bytes.fromhex, VECTORS["3"])
    assert not is_signed(public, message, (signature + bytes(10))[:size])


@pytest.mark.parametrize(
    "key",
    [
        (2**255 - 19 + 1).to_bytes(32, "little"),  # y = 1, written as p + 1
        (1 | 1 << 255).to_bytes(32, "little"),  # x = 0, with a sign
        (2).to_bytes(32, "little"),  # no x
    ],
)
def test_a_key_that_is_no_encoding_of_a_point_signs_nothing(key: bytes) -> None:
    # For the neutral element as key, R = s * B would be a signature of anything.
    neutral = (1).to_bytes(32, "little") + bytes(32)
    assert not is_signed(key, b"anything", neutral)


def library(public: bytes, message: bytes, signature: bytes) -> bool:
    try:
        Ed25519PublicKey.from_public_bytes(public).verify(signature, message)
    except (InvalidSignature, ValueError):
        return False
    return True
