"""The report on the binaries of a layer, for its metadata and as warnings."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from venvstacks_rules.model.wording import and_more

_SHOWN_FILES = 3


@dataclass(frozen=True)
class AmbiguousLibrary:
    """A name that several different libraries of a layer have, and that no binary needs."""

    library: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class UnresolvedLibrary:
    """A library that binaries ask for and nothing provides."""

    library: str
    wheel: str
    """The file name."""
    files: tuple[str, ...]
    """The binaries that ask for it, relative to the layer's folder."""


@dataclass(frozen=True)
class NewerThanTarget:
    """Binaries that need a newer system than the layer's target."""

    needs: str
    """``glibc 2.34`` or ``macOS 13.4``."""
    target: str
    field_name: str
    """The field of the layer that says so; not part of the metadata."""
    wheel: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class OtherMachine:
    """A wheel for a platform, with binaries for other platforms only."""

    machines: tuple[str, ...]
    wheel: str
    files: tuple[str, ...]


@dataclass(frozen=True)
class UnreadableBinary:
    """A file that begins like a binary and is damaged."""

    wheel: str
    file: str
    problem: str


@dataclass(frozen=True)
class LibraryReport:
    """The report on the binaries of a layer."""

    ambiguous: tuple[AmbiguousLibrary, ...] = ()
    unresolved: tuple[UnresolvedLibrary, ...] = ()
    newer_than_target: tuple[NewerThanTarget, ...] = ()
    other_machine: tuple[OtherMachine, ...] = ()
    unreadable: tuple[UnreadableBinary, ...] = ()

    def to_dict(self) -> dict[str, Any]:
        """The report for the metadata, without empty lists."""
        return {
            key: [_plain(vars(entry)) for entry in entries]
            for key, entries in vars(self).items()
            if entries
        }

    @property
    def warnings(self) -> tuple[str, ...]:
        """Warnings with their remedies, for users who package the layer; without a full stop."""
        return tuple(self._warnings())

    def _warnings(self) -> Iterator[str]:
        for missing in self.unresolved:
            yield (
                f"{_shown(missing.files)} of {missing.wheel} {_need(missing.files)} "
                f"`{missing.library}`, which no layer of its chain, no run path and no machine of "
                "the platform provides. Require the package that has it, or add files that work "
                "without it to `dynlib_exclude`"
            )
        for newer in self.newer_than_target:
            yield (
                f"{_shown(newer.files)} of {newer.wheel} {_need(newer.files)} {newer.needs}, but "
                f"the layer is for {newer.target}. Raise its `{newer.field_name}`, "
                "or require another version"
            )
        for other in self.other_machine:
            yield (
                f"{other.wheel} has binaries for other machines only ({', '.join(other.machines)}),"
                f" such as {_shown(other.files)}. Require another version"
            )


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in entry.items()
        if key != "field_name"
    }


def _need(files: tuple[str, ...]) -> str:
    return "needs" if len(files) == 1 else "need"


def _shown(files: tuple[str, ...]) -> str:
    return and_more([f"`{file}`" for file in files], _SHOWN_FILES)
