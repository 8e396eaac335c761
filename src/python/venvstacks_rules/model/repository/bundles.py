"""What an installer says of itself: the first file of its payload.

An installer is a script with a payload behind it: a tar stream with this description, and with the
files of a repository at their keys. Its first layers come unpacked, to start the client with; their
segments are not in the payload.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.json_codec import published_json
from venvstacks_rules.model.repository.indexes import named, read_table, refuse
from venvstacks_rules.model.repository.keys import StackKey, name_problem
from venvstacks_rules.model.repository.references import Reference, read_reference

BUNDLE_FILE, ROOT_FILE = "bundle.json", "root.json"
"""In the payload."""
BUNDLE_VERSION = 1
_WITH_WHEELS = 2
"""Clients that know no wheels have to refuse an installer with some."""
MOST_BUNDLE_BYTES = 1024 * 1024
"""A larger file is not read."""


@dataclass(frozen=True)
class Following:
    """Where updates come from."""

    repository: str
    """Its URL, without credentials."""
    channel: str
    allow_unsigned: bool = False


@dataclass(frozen=True)
class Bundle:
    """What an installer brings."""

    stack: str
    version: str
    platform: str
    manifest: Reference
    applications: tuple[str, ...]
    """Names of application layers of the stack."""
    unpacked: tuple[str, ...]
    """The hashes of the indexes of the layers that lie unpacked beside the client."""
    following: Following | None = None
    wheels: Mapping[str, str] = field(default_factory=dict)
    """The hashes of the wheels that stand for segments, by their names in the payload."""

    @property
    def key(self) -> StackKey:
        """Where the manifest lies."""
        return StackKey(self.stack, self.version, self.platform)

    def to_json(self) -> str:
        """The text of the file."""
        data: dict[str, Any] = {
            "format_version": _WITH_WHEELS if self.wheels else BUNDLE_VERSION,
            "name": self.stack,
            "version": self.version,
            "target_platform": self.platform,
            "manifest": self.manifest.to_dict(),
            "applications": list(self.applications),
            "unpacked": list(self.unpacked),
        }
        if self.following is not None:
            data["repository"] = self.following.repository
            data["channel"] = self.following.channel
            data["allow_unsigned"] = self.following.allow_unsigned
        if self.wheels:
            data["wheels"] = dict(sorted(self.wheels.items()))
        return published_json(data)

    @classmethod
    def from_json(cls, content: bytes, name: str = BUNDLE_FILE) -> Bundle:
        """Read the file `name`; RepositoryError lists what is wrong."""
        table = read_table(content, name, BUNDLE_VERSION, _WITH_WHEELS)
        bundle = cls(
            named(table, "name"),
            named(table, "version"),
            named(table, "target_platform"),
            read_reference(table.table("manifest")),
            _names(table, "applications"),
            table.strings("unpacked"),
            _following(table),
            _wheels(table),
        )
        refuse(table, name)
        return bundle


def _names(table: CheckedTable, key: str) -> tuple[str, ...]:
    names = table.strings(key)
    for number, value in enumerate(names):
        problem = name_problem(value)
        if problem is not None:
            table.note(f"{key}[{number}]", f"{value!a}: {problem}")
    return names


def _following(table: CheckedTable) -> Following | None:
    if "repository" not in table:
        return None
    return Following(
        table.string("repository"),
        named(table, "channel"),
        table.optional_boolean("allow_unsigned"),
    )


def _wheels(table: CheckedTable) -> Mapping[str, str]:
    wheels = dict(table.optional_pairs("wheels"))
    for name, sha256 in wheels.items():
        if not is_sha256_hex(sha256):
            table.note("wheels", f"the hash of {name!a} is no SHA-256 in lower-case hexadecimal")
    return wheels
