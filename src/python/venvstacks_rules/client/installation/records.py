"""What an installation remembers, as files of JSON that this client reads again."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.client.installation.layout import (
    CURRENT,
    RECORD,
    SETTINGS,
    DamagedInstallationError,
)
from venvstacks_rules.model.checked import CheckedTable
from venvstacks_rules.model.errors import first_problems
from venvstacks_rules.model.json_codec import parsed_json, published_json
from venvstacks_rules.model.paths import install_target_problem
from venvstacks_rules.model.repository.keys import ChannelKey, name_problem
from venvstacks_rules.model.repository.references import Reference, read_reference

REMEDIES = {
    CURRENT: "`venvstacks-deploy repair` chooses the generation that is started",
    SETTINGS: "`venvstacks-deploy install` with the same options makes it anew",
    RECORD: "`venvstacks-deploy update` installs the application anew",
}
"""What to do if a file is damaged or missing."""


@dataclass(frozen=True)
class Settings:
    """Where an application comes from."""

    repository: str
    """Its URL, without credentials; empty if there are no updates."""
    name: str
    """Of the stack."""
    channel: str
    platform: str
    allow_unsigned: bool = False
    archives: str | None = None
    """The path of the manifest in a folder of archives; None: it is a repository."""
    manifest: str | None = None
    """``sha256:...`` of its manifest, if that was pinned."""

    @property
    def key(self) -> ChannelKey:
        """The channel that the application follows."""
        return ChannelKey(self.name, self.channel, self.platform)

    def to_json(self) -> str:
        """The text of the file."""
        return published_json(
            {
                **({"repository": self.repository} if self.repository else {}),
                "name": self.name,
                "channel": self.channel,
                "platform": self.platform,
                "allow_unsigned": self.allow_unsigned,
                **({"archives": self.archives} if self.archives is not None else {}),
                **({"manifest": self.manifest} if self.manifest is not None else {}),
            }
        )

    @classmethod
    def from_json(cls, content: bytes, name: str) -> Settings:
        """Read the file `name`; DamagedInstallationError lists what is wrong."""
        table = _table(content, name)
        settings = cls(
            table.optional_string("repository") or "",
            _name(table, "name"),
            _name(table, "channel"),
            _name(table, "platform"),
            table.optional_boolean("allow_unsigned"),
            table.optional_string("archives"),
            table.optional_string("manifest"),
        )
        _refuse(table, name)
        return settings


@dataclass(frozen=True)
class InstalledLayer:
    """A layer of a generation."""

    layer_name: str
    install_target: str
    index: Reference
    made: tuple[Reference, ...] = ()
    """Lists of the files that post-installation made: the byte code of each segment, and others."""

    def to_dict(self) -> dict[str, Any]:
        """As in the file."""
        return {
            "layer_name": self.layer_name,
            "install_target": self.install_target,
            "index": self.index.to_dict(),
            "made": [reference.to_dict() for reference in self.made],
        }


@dataclass(frozen=True)
class Generation:
    """One version of an application, in place."""

    app: str
    stack: str
    version: str
    platform: str
    manifest: Reference
    layers: tuple[InstalledLayer, ...]
    """Lower ones first; the application is the last one."""
    place: str
    """The folder that its layers were post-installed for; empty if they run anywhere."""

    @property
    def application(self) -> InstalledLayer:
        """The layer that is started."""
        return self.layers[-1]

    def is_ready(self, folder: str) -> bool:
        """Whether it can run in this folder of layers."""
        return self.place in {"", folder}

    def to_json(self) -> str:
        """The text of the file."""
        return published_json(
            {
                "app": self.app,
                "stack": self.stack,
                "version": self.version,
                "platform": self.platform,
                "manifest": self.manifest.to_dict(),
                "layers": [layer.to_dict() for layer in self.layers],
                **({"place": self.place} if self.place else {}),
            }
        )

    @classmethod
    def from_json(cls, content: bytes, name: str) -> Generation:
        """Read the file `name`; DamagedInstallationError lists what is wrong."""
        table = _table(content, name)
        generation = cls(
            _name(table, "app"),
            _name(table, "stack"),
            _name(table, "version"),
            _name(table, "platform"),
            read_reference(table.table("manifest")),
            tuple(_read_layer(item) for item in table.tables("layers", required=True)),
            table.optional_string("place") or "",
        )
        if not generation.layers:
            table.note("layers", "is empty")
        _refuse(table, name)
        return generation


@dataclass(frozen=True)
class Current:
    """Which generation is started, and which were before."""

    generation: int
    before: tuple[int, ...] | None = None
    """The one that a rollback goes to comes first; None: the file is of a release that did not
    remember it."""

    def to_json(self) -> str:
        """The text of the file."""
        before = {} if self.before is None else {"before": list(self.before)}
        return published_json({"generation": self.generation, **before})

    @classmethod
    def from_json(cls, content: bytes, name: str) -> Current:
        """Read the file `name`; DamagedInstallationError lists what is wrong."""
        table = _table(content, name)
        number = table.size("generation")
        found = table.data.get("before")
        before = [n for n in found if type(n) is int and n >= 0] if isinstance(found, list) else []
        if found is not None and before != found:
            table.note("before", "is no list of numbers of generations")
        _refuse(table, name)
        return cls(number, None if found is None else tuple(before))


def _read_layer(table: CheckedTable) -> InstalledLayer:
    target = table.string("install_target")
    problem = install_target_problem(target) if target else None
    if problem is not None:
        table.note("install_target", problem)
    return InstalledLayer(
        _name(table, "layer_name"),
        target,
        read_reference(table.table("index")),
        tuple(read_reference(item) for item in table.tables("made")),
    )


def _name(table: CheckedTable, key: str) -> str:
    value = table.string(key)
    problem = name_problem(value) if value else None
    if problem is not None:
        table.note(key, f"{value!a}: {problem}")
    return value


def _table(content: bytes, name: str) -> CheckedTable:
    try:
        data: object = parsed_json(content)
    except ValueError as e:
        raise _damaged(name, [f"it is not JSON: {e}"]) from None
    problems: list[str] = []
    return CheckedTable(data, "", problems)


def _refuse(table: CheckedTable, name: str) -> None:
    if table.problems:
        raise _damaged(name, first_problems(table.problems))


def _damaged(name: str, problems: list[str]) -> DamagedInstallationError:
    return DamagedInstallationError(
        f"`{name}` is damaged.", [*problems, REMEDIES[os.path.basename(name)]]
    )


def as_event(generation: Generation, number: int) -> Mapping[str, Any]:
    """What programs are told of a generation."""
    return {
        "app": generation.app,
        "generation": number,
        "version": generation.version,
        "stack": generation.stack,
    }
