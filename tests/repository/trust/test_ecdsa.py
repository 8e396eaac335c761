from __future__ import annotations

import base64

import pytest
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import (
    decode_dss_signature,
    encode_dss_signature,
)
from cryptography.hazmat.primitives.hashes import SHA256, SHA384
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat, load_pem_public_key
from hypothesis import given, settings
from hypothesis import strategies as st

from venvstacks_rules.repository.trust.ecdsa import P_256, P_384, Curve, is_signed

LIBRARY = {"sha256": (ec.SECP256R1(), SHA256()), "sha384": (ec.SECP384R1(), SHA384())}
# RFC 6979, A.2.5 and A.2.6: x of the private key, and r and s of the message `sample`.
VECTORS = {
    "P-256": (
        P_256,
        0xC9AFA9D845BA75166B5C215767B1D6934E50C3DB36E89B127B8A622B120F6721,
        0xEFD48B2AACB6A8FD1140DD9CD45E81D69D2C877B56AAF991C34D0EA84EAF3716,
        0xF7CB1C942D657C41D436C7A1B6E29F65F3E900DBB9AFF4064DC4AB2F843ACDA8,
    ),
    "P-384": (
        P_384,
        int(
            "6B9D3DAD2E1B8C1C05B19875B6659F4DE23C3B667BF297BA9AA47740787137D8"
            "96D5724E4C70A825F872C9EA60D2EDF5",
            16,
        ),
        int(
            "94EDBB92A5ECB8AAD4736E56C691916B3F88140666CE9FA73D64C4EA95AD133C"
            "81A648152E44ACF96E36DD1E80FABE46",
            16,
        ),
        int(
            "99EF4AEB15F178CEA1FE40DB2603138F130E740A19624526203B6351D0A3A94F"
            "A329C145786E679E7B82C71A38628AC8",
            16,
        ),
    ),
}
CURVES = pytest.mark.parametrize("curve", [P_256, P_384], ids=lambda curve: curve.hash_name)


def pem(private: ec.EllipticCurvePrivateKey) -> str:
    public = private.public_key()
    return public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo).decode()


def key(curve: Curve, number: int) -> ec.EllipticCurvePrivateKey:
    return ec.derive_private_key(number, LIBRARY[curve.hash_name][0])


def library(curve: Curve, public: str, message: bytes, signature: bytes) -> bool:
    try:
        loaded = load_pem_public_key(public.encode())
        assert isinstance(loaded, ec.EllipticCurvePublicKey)
        loaded.verify(signature, message, ec.ECDSA(LIBRARY[curve.hash_name][1]))
    except (InvalidSignature, ValueError):
        return False
    return True


@pytest.mark.parametrize("name", VECTORS)
def test_the_vectors_of_the_rfc(name: str) -> None:
    curve, x, r, s = VECTORS[name]
    public, signature = pem(key(curve, x)), encode_dss_signature(r, s)
    assert is_signed(curve, public, b"sample", signature)
    assert library(curve, public, b"sample", signature)
    assert not is_signed(curve, public, b"test", signature)


@CURVES
@settings(max_examples=25)
@given(number=st.integers(1, 2**255), message=st.binary(max_size=200), bit=st.integers(0, 559))
def test_it_judges_as_the_library_does(curve: Curve, number: int, message: bytes, bit: int) -> None:
    private = key(curve, number)
    public = pem(private)
    signature = private.sign(message, ec.ECDSA(LIBRARY[curve.hash_name][1]))
    assert is_signed(curve, public, message, signature)
    changed = bytearray(signature)
    changed[bit // 8 % len(changed)] ^= 1 << bit % 8
    expected = library(curve, public, message, bytes(changed))
    assert is_signed(curve, public, message, bytes(changed)) is expected is False


@CURVES
def test_numbers_out_of_range(curve: Curve) -> None:
    private = key(curve, 5)
    public = pem(private)
    r, s = decode_dss_signature(private.sign(b"m", ec.ECDSA(LIBRARY[curve.hash_name][1])))
    n = curve.order
    assert is_signed(curve, public, b"m", encode_dss_signature(r, s))
    # Its twin is one as well: ECDSA has two, and the library agrees.
    assert is_signed(curve, public, b"m", encode_dss_signature(r, n - s))
    for one in ((0, s), (r, 0), (0, 0), (n, s), (r, n), (r + n, s), (r, s + n)):
        signature = encode_dss_signature(*one)
        assert not is_signed(curve, public, b"m", signature)
        assert not library(curve, public, b"m", signature)


@CURVES
def test_signatures_have_one_form(curve: Curve) -> None:
    private = key(curve, 7)
    public = pem(private)
    good = private.sign(b"m", ec.ECDSA(LIBRARY[curve.hash_name][1]))
    body = good[2:]
    for other in (
        b"",
        b"\x30",
        b"\x30\x00",
        good + b"\0",
        good[:-1],
        b"\x31" + good[1:],
        b"\x30\x81" + good[1:],
        bytes([0x30, len(body) + 1]) + body[:1] + bytes([body[1] + 1, 0]) + body[2:],
        bytes([0x30, len(body) + 3]) + body + b"\x02\x01\x01",
        bytes([0x30, len(body) + 2]) + body + b"\x02\x00",
        bytes([0x30, 2]) + b"\x02\x7f",
    ):
        assert not is_signed(curve, public, b"m", other)
        assert not library(curve, public, b"m", other)


@CURVES
def test_keys_that_are_none(curve: Curve) -> None:
    private = key(curve, 9)
    good = pem(private)
    signature = private.sign(b"m", ec.ECDSA(LIBRARY[curve.hash_name][1]))
    lines = good.split("\n")
    der = bytearray(base64.b64decode("".join(lines[1:-2])))
    der[-1] ^= 1
    beside = "\n".join([lines[0], base64.b64encode(der).decode(), *lines[-2:]])
    other = pem(key(P_384 if curve is P_256 else P_256, 9))
    for public in ("", "x", beside, other, good.replace("PUBLIC", "PRIVATE"), good[:60], lines[0]):
        assert not is_signed(curve, public, b"m", signature)
    assert is_signed(curve, good.replace("\n", "\r\n  "), b"m", signature)


@CURVES
def test_sums_that_are_the_point_at_infinity_or_a_double(curve: Curve) -> None:
    # With the keys 1 and -1, whose point is the base or its opposite, the sums meet themselves.
    for number in (1, curve.order - 1, 2):
        private = key(curve, number)
        for i in range(5):
            message = bytes([i])
            signature = private.sign(message, ec.ECDSA(LIBRARY[curve.hash_name][1]))
            assert is_signed(curve, pem(private), message, signature)
