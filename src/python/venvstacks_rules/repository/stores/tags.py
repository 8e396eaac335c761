"""Keys as tags of a registry, which have up to 128 characters and fewer kinds of them."""

from __future__ import annotations

import hashlib

_TO = {"/": "__", "_": "_u", "@": "_a", "+": "_p"}
_FROM = {"_": "/", "u": "_", "a": "@", "p": "+", "d": ".", "m": "-"}
_FIRST = {".": "_d", "-": "_m"}
_MOST = 128
HASHED = "_h"
"""What tags begin with that a key is too long for; the manifest names the key."""
CLAIMS = "_c"
"""What tags begin with that stand for no key; see `claims.py`."""


def key_tag(key: str) -> str:
    """The tag of `key`."""
    tag = _FIRST.get(key[:1], _TO.get(key[:1], key[:1]))
    tag += "".join(_TO.get(character, character) for character in key[1:])
    return tag if len(tag) <= _MOST else HASHED + hashlib.sha256(key.encode()).hexdigest()


def tag_key(tag: str) -> str | None:
    """The key of `tag`; None if the tag does not tell."""
    if tag.startswith((HASHED, CLAIMS)):
        return None
    characters = iter(tag)
    parts = [
        _FROM.get(next(characters, ""), "") if character == "_" else character
        for character in characters
    ]
    key = "".join(parts)
    return key if key_tag(key) == tag else None


def claim_prefix(key: str) -> str:
    """What the tags of all claims for `key` begin with."""
    return f"{CLAIMS}{hashlib.sha256(key.encode()).hexdigest()[:40]}."
