"""Verification of Ed25519 signatures (RFC 8032), for clients without the library `cryptography`.

Verification handles public values only, so it does not matter that its time depends on them.
Nothing here signs.
"""

from __future__ import annotations

import hashlib
from typing import NamedTuple, Optional

_P = 2**255 - 19
_ORDER = 2**252 + 27742317777372353535851937790883648493
_D = -121665 * pow(121666, _P - 2, _P) % _P
_ROOT_OF_MINUS_1 = pow(2, (_P - 1) // 4, _P)


class _Point(NamedTuple):
    """A point in extended coordinates: x = X/Z, y = Y/Z, x * y = T/Z."""

    x: int
    y: int
    z: int
    t: int


def is_signed(public: bytes, message: bytes, signature: bytes) -> bool:
    """Whether `signature` is one of `message` by the key with these 32 public bytes.

    As RFC 8032 has it in 5.1.7, without the cofactor, and strictly: each value has one encoding.
    """
    if len(public) != 32 or len(signature) != 64:
        return False
    key = _decoded(public)
    s = int.from_bytes(signature[32:], "little")
    if key is None or s >= _ORDER:
        return False
    digest = hashlib.sha512(signature[:32] + public + message).digest()
    k = int.from_bytes(digest, "little") % _ORDER
    # s * B = R + k * A, with R on its own side, so that it needs no decoding.
    return _encoded(_sum_of_products(s, _BASE, k, _negative(key))) == signature[:32]


def _decoded(data: bytes) -> Optional[_Point]:
    """The point with an encoding; None if there is none."""
    y = int.from_bytes(data, "little")
    sign = y >> 255
    y &= 2**255 - 1
    if y >= _P:
        return None
    # x^2 = (y^2 - 1) / (d * y^2 + 1)
    x2 = (y * y - 1) * pow(_D * y * y + 1, _P - 2, _P) % _P
    x = pow(x2, (_P + 3) // 8, _P)
    if (x * x - x2) % _P:
        x = x * _ROOT_OF_MINUS_1 % _P
    if (x * x - x2) % _P or (x == 0 and sign):
        return None
    if x & 1 != sign:
        x = _P - x
    return _Point(x, y, 1, x * y % _P)


def _encoded(point: _Point) -> bytes:
    inverse = pow(point.z, _P - 2, _P)
    x, y = point.x * inverse % _P, point.y * inverse % _P
    return (y | (x & 1) << 255).to_bytes(32, "little")


def _negative(point: _Point) -> _Point:
    return _Point(_P - point.x, point.y, point.z, _P - point.t)


def _sum(p: _Point, q: _Point) -> _Point:
    a = (p.y - p.x) * (q.y - q.x) % _P
    b = (p.y + p.x) * (q.y + q.x) % _P
    c = 2 * p.t * q.t * _D % _P
    d = 2 * p.z * q.z % _P
    e, f, g, h = b - a, d - c, d + c, b + a
    return _Point(e * f % _P, g * h % _P, f * g % _P, e * h % _P)


def _sum_of_products(m: int, p: _Point, n: int, q: _Point) -> _Point:
    """The sum of `m` times `p` and `n` times `q`, bit by bit of both at once."""
    both = _sum(p, q)
    total = _Point(0, 1, 1, 0)
    for i in reversed(range(max(m.bit_length(), n.bit_length()))):
        total = _sum(total, total)
        bits = (m >> i & 1, n >> i & 1)
        if bits != (0, 0):
            total = _sum(total, both if bits == (1, 1) else p if bits[0] else q)
    return total


def _base() -> _Point:
    """The point with y = 4/5 and an even x."""
    y = 4 * pow(5, _P - 2, _P) % _P
    point = _decoded(y.to_bytes(32, "little"))
    assert point is not None
    return point


_BASE = _base()
