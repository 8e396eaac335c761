"""Verification of ECDSA signatures on P-256 and P-384 (FIPS 186), for clients without libraries.

Key services and hardware modules have such keys. Verification handles public values only, so it
does not matter that its time depends on them. Nothing here signs.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from dataclasses import dataclass
from typing import Optional

_Point = Optional[tuple[int, int, int]]
"""In Jacobian coordinates: x = X/Z^2, y = Y/Z^3; None is the point at infinity."""


@dataclass(frozen=True)
class Curve:
    """A curve y^2 = x^3 - 3x + b over a prime field, and what hashes messages for it."""

    hash_name: str
    prime: int
    b: int
    order: int
    base: tuple[int, int]
    prefix: bytes
    """Of a public key as DER; the coordinates follow."""

    @property
    def size(self) -> int:
        """Of a coordinate, in bytes."""
        return (self.prime.bit_length() + 7) // 8


P_256 = Curve(
    "sha256",
    2**256 - 2**224 + 2**192 + 2**96 - 1,
    0x5AC635D8AA3A93E7B3EBBD55769886BC651D06B0CC53B0F63BCE3C3E27D2604B,
    0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551,
    (
        0x6B17D1F2E12C4247F8BCE6E563A440F277037D812DEB33A0F4A13945D898C296,
        0x4FE342E2FE1A7F9B8EE7EB4A7C0F9E162BCE33576B315ECECBB6406837BF51F5,
    ),
    bytes.fromhex("3059301306072a8648ce3d020106082a8648ce3d03010703420004"),
)
P_384 = Curve(
    "sha384",
    2**384 - 2**128 - 2**96 + 2**32 - 1,
    int(
        "B3312FA7E23EE7E4988E056BE3F82D19181D9C6EFE814112"
        "0314088F5013875AC656398D8A2ED19D2A85C8EDD3EC2AEF",
        16,
    ),
    int(
        "FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF"
        "C7634D81F4372DDF581A0DB248B0A77AECEC196ACCC52973",
        16,
    ),
    (
        int(
            "AA87CA22BE8B05378EB1C71EF320AD746E1D3B628BA79B98"
            "59F741E082542A385502F25DBF55296C3A545E3872760AB7",
            16,
        ),
        int(
            "3617DE4A96262C6F5D9E98BF9292DC29F8F41DBD289A147C"
            "E9DA3113B5F0B8C00A60B1CE1D7E819D7A431D7C90EA0E5F",
            16,
        ),
    ),
    bytes.fromhex("3076301006072a8648ce3d020106052b8104002203620004"),
)
CURVES = {"ecdsa-sha2-nistp256": P_256, "ecdsa-sha2-nistp384": P_384}
"""By the scheme of a key."""


def is_signed(curve: Curve, public: str, message: bytes, signature: bytes) -> bool:
    """Whether `signature`, as DER, is one of `message` by the key with this PEM."""
    key, pair = _point(curve, public), _numbers(signature)
    if key is None or pair is None:
        return False
    r, s = pair
    n = curve.order
    if not (0 < r < n and 0 < s < n):
        return False
    # The hashes are as long as the orders.
    digest = int.from_bytes(hashlib.new(curve.hash_name, message).digest(), "big")
    inverse = pow(s, n - 2, n)
    total = _sum_of_products(
        curve, digest * inverse % n, (*curve.base, 1), r * inverse % n, (*key, 1)
    )
    if total is None:
        return False
    x = total[0] * pow(total[2], curve.prime - 3, curve.prime) % curve.prime
    return x % n == r


def _point(curve: Curve, public: str) -> Optional[tuple[int, int]]:
    """The point of a public key; None if it is none of the curve."""
    lines = [line.strip() for line in public.strip().splitlines()]
    if len(lines) < 3 or lines[0] != "-----BEGIN PUBLIC KEY-----":
        return None
    try:
        der = base64.b64decode("".join(lines[1:-1]), validate=True)
    except (binascii.Error, ValueError):
        return None
    start = len(curve.prefix)
    if der[:start] != curve.prefix or len(der) != start + 2 * curve.size:
        return None
    x = int.from_bytes(der[start : start + curve.size], "big")
    y = int.from_bytes(der[start + curve.size :], "big")
    p = curve.prime
    if x >= p or y >= p or (y * y - x * x * x + 3 * x - curve.b) % p:
        return None
    return x, y


def _numbers(signature: bytes) -> Optional[tuple[int, int]]:
    """The two numbers of a signature, a DER sequence; None if it has another form."""
    # A sequence of two numbers of at most 49 bytes has one byte for its length.
    if len(signature) < 2 or signature[0] != 0x30 or signature[1] != len(signature) - 2 < 128:
        return None
    found, rest = [], signature[2:]
    while rest:
        if len(rest) < 3 or rest[0] != 0x02:
            return None
        size = rest[1]
        number = rest[2 : 2 + size]
        padded = len(number) > 1 and number[0] == 0 and number[1] < 0x80
        if len(number) != size or not number or number[0] >= 0x80 or padded:
            return None
        found.append(int.from_bytes(number, "big"))
        rest = rest[2 + size :]
    return (found[0], found[1]) if len(found) == 2 else None


def _double(curve: Curve, point: _Point) -> _Point:
    if point is None or point[1] == 0:
        return None
    p = curve.prime
    x, y, z = point
    delta, gamma = z * z % p, y * y % p
    beta = x * gamma % p
    alpha = 3 * (x - delta) * (x + delta) % p
    new_x = (alpha * alpha - 8 * beta) % p
    new_z = ((y + z) * (y + z) - gamma - delta) % p
    return new_x, (alpha * (4 * beta - new_x) - 8 * gamma * gamma) % p, new_z


def _sum(curve: Curve, first: _Point, second: _Point) -> _Point:
    if first is None or second is None:
        return first or second
    p = curve.prime
    x1, y1, z1 = first
    x2, y2, z2 = second
    zz1, zz2 = z1 * z1 % p, z2 * z2 % p
    u1, u2 = x1 * zz2 % p, x2 * zz1 % p
    s1, s2 = y1 * z2 * zz2 % p, y2 * z1 * zz1 % p
    if u1 == u2:
        return _double(curve, first) if s1 == s2 else None
    h, r = (u2 - u1) % p, (s2 - s1) % p
    hh = h * h % p
    hhh, v = h * hh % p, u1 * hh % p
    x = (r * r - hhh - 2 * v) % p
    return x, (r * (v - x) - s1 * hhh) % p, h * z1 * z2 % p


def _sum_of_products(curve: Curve, m: int, p: _Point, n: int, q: _Point) -> _Point:
    """The sum of `m` times `p` and `n` times `q`, bit by bit of both at once."""
    addends = {(1, 0): p, (0, 1): q, (1, 1): _sum(curve, p, q)}
    total: _Point = None
    for i in reversed(range(max(m.bit_length(), n.bit_length()))):
        total = _double(curve, total)
        bits = (m >> i & 1, n >> i & 1)
        if bits != (0, 0):
            total = _sum(curve, total, addends[bits])
    return total
