"""Keys: where things lie in a repository, relative to its URL.

=============================================  ====================================================
``repository.json``                            the version of the format
``blobs/sha256/ab/abcd...``                    bytes by their hash: segments, lists of files, ...
``layers/<layer_name>/<platform>/<hash>.json`` the index of a layer version, by its own hash
``stacks/<name>/<version>/<platform>.json``    the manifest of a stack
``channels/<name>/<channel>/<platform>.json``  the record of a channel, the only thing that changes
``deltas/<hash>/<old hash>.json``              how one segment is made of another one
``trust/<number>.root.json``                   the keys that the records are signed with
``locks/...``                                  who publishes or prunes at the moment
``archives/<name>/<version>/...``              archives, on request
=============================================  ====================================================
"""

from __future__ import annotations

import re
from dataclasses import dataclass

from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.paths import path_problem, windows_problem

REPOSITORY_FILE = "repository.json"
BLOBS, LAYERS, STACKS = "blobs/sha256", "layers", "stacks"
CHANNELS, DELTAS, TRUST = "channels", "deltas", "trust"
LOCKS, ARCHIVES = "locks", "archives"

_NAME = re.compile(r"[A-Za-z0-9](?:[A-Za-z0-9._@+-]{0,98}[A-Za-z0-9])?")
_OLD_DIGITS = 32
_DELTA_KEY = re.compile(rf"{DELTAS}/([0-9a-f]{{64}})/([0-9a-f]{{{_OLD_DIGITS}}})\.json")
_KEY = re.compile(r"[A-Za-z0-9._@+/-]{1,400}")


def name_problem(name: str) -> str | None:
    """Why `name` cannot be the name of a stack, a channel or a version, or None."""
    if _NAME.fullmatch(name) is None:
        return (
            "it may have up to 100 ASCII letters, digits, `.`, `_`, `-`, `@` and `+`, and starts "
            "and ends with a letter or a digit"
        )
    return windows_problem(name)


def key_problem(key: str) -> str | None:
    """Why `key` cannot be a key of a repository, or None."""
    if _KEY.fullmatch(key) is None:
        return "a key has up to 400 ASCII letters, digits and `._@+/-`"
    return path_problem(key) or windows_problem(key)


def blob_key(sha256: str) -> str:
    """The key of the blob with a hash, in hexadecimal."""
    return f"{BLOBS}/{sha256[:2]}/{sha256}"


def blob_hash(key: str) -> str | None:
    """The hash of the blob at `key`; None if nothing can lie there."""
    sha256 = key.rpartition("/")[2]
    return sha256 if is_sha256_hex(sha256) and key == blob_key(sha256) else None


@dataclass(frozen=True)
class LayerKey:
    """A layer version: a layer, built for a platform."""

    layer_name: str
    platform: str
    sha256: str
    """Of its index."""

    def __str__(self) -> str:
        return f"{LAYERS}/{self.layer_name}/{self.platform}/{self.sha256}.json"

    @classmethod
    def parsed(cls, key: str) -> LayerKey | None:
        """The layer version whose index lies at `key`; None if nothing can lie there."""
        names = _names(key, LAYERS)
        if names is None or not is_sha256_hex(names[2]):
            return None
        return cls(*names)


@dataclass(frozen=True)
class StackKey:
    """A version of a stack for a platform."""

    name: str
    version: str
    platform: str

    def __str__(self) -> str:
        return f"{STACKS}/{self.name}/{self.version}/{self.platform}.json"

    @classmethod
    def parsed(cls, key: str) -> StackKey | None:
        """The stack whose manifest lies at `key`; None if nothing can lie there."""
        names = _names(key, STACKS)
        return None if names is None else cls(*names)


@dataclass(frozen=True)
class ChannelKey:
    """A channel of a stack for a platform."""

    name: str
    """Of the stack."""
    channel: str
    platform: str

    def __str__(self) -> str:
        return f"{CHANNELS}/{self.name}/{self.channel}/{self.platform}.json"

    @classmethod
    def parsed(cls, key: str) -> ChannelKey | None:
        """The channel whose record lies at `key`; None if nothing can lie there."""
        names = _names(key, CHANNELS)
        return None if names is None else cls(*names)


@dataclass(frozen=True)
class DeltaKey:
    """What turns one segment into another."""

    new: str
    """The hash of the segment that is made."""
    old: str
    """The first 32 digits of that of the one it is made of: with all of them, the key would be too
    long for the tag of a registry."""

    def __str__(self) -> str:
        return f"{DELTAS}/{self.new}/{self.old}.json"

    @classmethod
    def of(cls, new: str, old: str) -> DeltaKey:
        """The key of the delta between segments with these hashes."""
        return cls(new, old[:_OLD_DIGITS])

    @classmethod
    def parsed(cls, key: str) -> DeltaKey | None:
        """The delta that lies at `key`; None if nothing can lie there."""
        found = _DELTA_KEY.fullmatch(key)
        return None if found is None else cls(found[1], found[2])


def root_key(version: int) -> str:
    """The key of a version of the root, from 1 on."""
    return f"{TRUST}/{version}.root.json"


def _names(key: str, folder: str) -> tuple[str, str, str] | None:
    if not key.startswith(f"{folder}/") or not key.endswith(".json"):
        return None
    names = key[len(folder) + 1 : -len(".json")].split("/")
    if len(names) != 3 or any(map(name_problem, names)):
        return None
    return names[0], names[1], names[2]
