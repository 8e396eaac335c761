"""The record of a channel: which manifest the channel points at.

Record and envelope are metadata of TUF (https://theupdateframework.github.io/specification), of the
type `targets`, so that TUF's rules and tools apply to them. An unsigned record has no signatures.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import RepositoryError
from venvstacks_rules.model.json_codec import published_json, rewritable_json
from venvstacks_rules.model.repository.indexes import refuse
from venvstacks_rules.model.repository.keys import ChannelKey, StackKey, name_problem
from venvstacks_rules.model.repository.references import Reference, read_reference

TUF_VERSION = "1.0.31"
NEVER = "9999-12-31T23:59:59Z"
"""The expiry of an unsigned record, which promises nothing."""
MOST_RECORD_BYTES = 1024 * 1024
"""A larger record is not read."""
MOST_VERSIONS = 50
"""In the history of a channel."""


@dataclass(frozen=True)
class ChannelVersion:
    """A version of a stack that a channel points at, or pointed at."""

    version: str
    manifest: Reference
    sequence: int
    """How many versions the channel has had, with this one: a newer one has a higher number,
    wherever the channel points now."""

    def to_dict(self) -> dict[str, Any]:
        """As in the record."""
        return {
            "version": self.version,
            "manifest": self.manifest.to_dict(),
            "sequence": self.sequence,
        }


@dataclass(frozen=True)
class ChannelRecord:
    """The record of a channel, without its signatures."""

    key: ChannelKey
    number: int
    """Of the record, from 1 on; each change has a higher one. TUF's `version`."""
    current: ChannelVersion
    history: tuple[ChannelVersion, ...] = ()
    """Earlier ones and those that were rolled back, the newest first; without the current one."""
    rolled_back_from: str | None = None
    """The newest version, if the channel has left it for an older one."""
    expires: str = NEVER
    """In UTC, ``YYYY-MM-DDTHH:MM:SSZ``."""
    more: Mapping[str, Any] = field(default_factory=dict)
    """Keys of a later version of the format, which a signature covers."""

    @property
    def stack_key(self) -> StackKey:
        """Where the manifest lies that the channel points at."""
        return StackKey(self.key.name, self.current.version, self.key.platform)

    def moved(self, version: str, manifest: Reference) -> ChannelRecord:
        """The next record, for a version that is new in this channel."""
        newest = max(known.sequence for known in (self.current, *self.history))
        current = ChannelVersion(version, manifest, newest + 1)
        return self._next(current, rolled_back_from=None)

    def rolled_back(self, version: str) -> ChannelRecord:
        """The next record, for a version of the history; KeyError if it is not there."""
        current = next((known for known in self.history if known.version == version), None)
        if current is None:
            raise KeyError(version)
        # Also for a way back half up again: a client may have seen the newest one.
        newest = max((self.current, *self.history), key=lambda known: known.sequence)
        back = current.sequence < newest.sequence
        return self._next(current, rolled_back_from=newest.version if back else None)

    def _next(self, current: ChannelVersion, *, rolled_back_from: str | None) -> ChannelRecord:
        others = [
            known for known in (self.current, *self.history) if known.version != current.version
        ]
        return replace(
            self,
            number=self.number + 1,
            current=current,
            history=tuple(others[: MOST_VERSIONS - 1]),
            rolled_back_from=rolled_back_from,
        )

    def to_signed(self) -> dict[str, Any]:
        """What a signature covers, as TUF has it."""
        data: dict[str, Any] = {
            **self.more,
            "_type": "targets",
            "spec_version": TUF_VERSION,
            "version": self.number,
            "expires": self.expires,
            "targets": {
                str(self.stack_key): {
                    "length": self.current.manifest.size,
                    "hashes": {"sha256": self.current.manifest.sha256},
                }
            },
            "name": self.key.name,
            "channel": self.key.channel,
            "target_platform": self.key.platform,
            "current": self.current.to_dict(),
            "history": [known.to_dict() for known in self.history],
        }
        if self.rolled_back_from is not None:
            data["rolled_back_from"] = self.rolled_back_from
        return data

    def to_json(self, signatures: tuple[Mapping[str, Any], ...] = ()) -> str:
        """The text of the file."""
        return published_json({"signatures": list(signatures), "signed": self.to_signed()})

    @classmethod
    def first(cls, key: ChannelKey, version: str, manifest: Reference) -> ChannelRecord:
        """The first record of a channel."""
        return cls(key, 1, ChannelVersion(version, manifest, 1))

    @classmethod
    def from_json(cls, content: bytes, key: ChannelKey) -> ChannelRecord:
        """Read an untrusted record, which has to be the one of `key`.

        Signatures are checked elsewhere. RepositoryError lists what is wrong.
        """
        name = str(key)
        problems: list[str] = []
        try:
            envelope = CheckedTable(rewritable_json(content), "", problems)
        except ValueError as e:
            raise RepositoryError(f"`{name}` cannot be read.", [f"it is not JSON: {e}"]) from None
        table = envelope.table("signed")
        if table.string("_type") not in ("targets", ""):
            table.note("_type", "it is not `targets`")
        for field_name, wanted in (
            ("name", key.name),
            ("channel", key.channel),
            ("target_platform", key.platform),
        ):
            value = table.string(field_name)
            if value and value != wanted:
                table.note(field_name, f"{value!a} is not {wanted!a}")
        known = (*_KNOWN, "rolled_back_from")
        record = cls(
            key=key,
            number=table.integer("version"),
            current=_read_version(table.table("current")),
            history=tuple(_read_version(item) for item in table.tables("history")),
            rolled_back_from=table.optional_string("rolled_back_from"),
            expires=table.string("expires"),
            more={key: value for key, value in table.data.items() if key not in known},
        )
        seen = {record.current.version}
        for i, known_version in enumerate(record.history):
            if known_version.version in seen:
                table.note(f"history[{i}].version", f"`{known_version.version}` occurs twice")
            seen.add(known_version.version)
        if record.number < 1:
            table.note("version", f"{record.number} is less than 1")
        if not table.problems and table.data.get("targets") != record.to_signed()["targets"]:
            table.note("targets", "it does not name the manifest of `current`")
        refuse(envelope, name)
        return record


_KNOWN = (
    *("_type", "spec_version", "version", "expires", "targets"),
    *("name", "channel", "target_platform", "current", "history"),
)


def _read_version(table: CheckedTable) -> ChannelVersion:
    version = table.string("version")
    problem = name_problem(version) if version else None
    if problem is not None:
        table.note("version", f"{version!a}: {problem}")
    sequence = table.integer("sequence")
    if sequence < 1:
        table.note("sequence", f"{sequence} is less than 1")
    return ChannelVersion(version, read_reference(table.table("manifest")), sequence)
