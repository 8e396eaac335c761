"""The report on the binaries of a layer, for its metadata and as warnings."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable, Iterator, Sequence
from typing import Any, TypeVar

from venvstacks_rules.model.layers.accepted_libraries import DESKTOP, is_accepted
from venvstacks_rules.model.libraries.binaries import version_numbers
from venvstacks_rules.model.values import dataclass
from venvstacks_rules.model.wording import and_more

_SHOWN_FILES = 3
_SHOWN_LIBRARIES = 8
_UNWRITTEN = ("field_name", "on_desktops")


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
    on_desktops: bool = False
    """Whether machines with a desktop provide it; not part of the metadata."""


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

    def warnings(self, accepted: Sequence[str] = ()) -> tuple[str, ...]:
        """A warning for each wheel with its remedies, for users who package the layer.

        Without a full stop. `accepted` is the layer's field `accepted_libraries`.
        """
        sentences: dict[str, list[str]] = {}
        missing = [
            library
            for library in self.unresolved
            if not is_accepted(library.library, accepted, on_desktops=library.on_desktops)
        ]
        for wheel, text in (
            *_of_missing([library for library in missing if not library.on_desktops]),
            *_of_desktops([library for library in missing if library.on_desktops]),
            *_of_newer(self.newer_than_target),
            *_of_others(self.other_machine),
        ):
            sentences.setdefault(wheel, []).append(text)
        return tuple(_joined(wheel, texts) for wheel, texts in sentences.items())


NOTHING_FOUND = LibraryReport()


def _joined(wheel: str, sentences: Sequence[str]) -> str:
    first, *others = sentences
    whole = f"{wheel} needs"
    others = [
        f"It needs{text[len(whole) :]}" if text.startswith(whole) else text for text in others
    ]
    return ". ".join([first, *others])


def _of_missing(libraries: Iterable[UnresolvedLibrary]) -> Iterator[tuple[str, str]]:
    nowhere = "no layer of its chain, no run path and no machine of the platform provides"
    for wheel, found in _by_wheel(libraries).items():
        if len(found) == 1:
            text = (
                f"{_needing(found[0], wheel)}, which {nowhere}. Require the package that has it, "
                "add files that work without it to `dynlib_exclude`, or name it in "
                "`accepted_libraries`"
            )
        else:
            listed = [f"`{missing.library}` ({_asking(missing.files)})" for missing in found]
            text = (
                f"{wheel} needs {len(found)} libraries that {nowhere}: "
                f"{and_more(listed, _SHOWN_LIBRARIES)}. Require the packages that have them, add "
                "files that work without them to `dynlib_exclude`, or name them in "
                "`accepted_libraries`"
            )
        yield wheel, text


def _of_desktops(libraries: Iterable[UnresolvedLibrary]) -> Iterator[tuple[str, str]]:
    where = "only machines with a desktop provide"
    remedy = f'If the layer is for these only, add "{DESKTOP}" to `accepted_libraries`'
    for wheel, found in _by_wheel(libraries).items():
        if len(found) == 1:
            text = f"{_needing(found[0], wheel)}, which {where}. {remedy}"
        else:
            listed = and_more([f"`{missing.library}`" for missing in found], _SHOWN_LIBRARIES)
            text = f"{wheel} needs {len(found)} libraries that {where}: {listed}. {remedy}"
        yield wheel, text


def _of_newer(entries: Iterable[NewerThanTarget]) -> Iterator[tuple[str, str]]:
    for wheel, found in _by_wheel(entries).items():
        newest = max(found, key=lambda newer: version_numbers(newer.needs.split()[-1]))
        files = tuple(sorted({file for newer in found for file in newer.files}))
        most = newest.needs if len(found) == 1 else f"up to {newest.needs}"
        text = (
            f"{_shown(files)} of {wheel} {_need(files)} {most}, but the layer is for "
            f"{newest.target}. Raise its `{newest.field_name}`, or require another version"
        )
        yield wheel, text


def _of_others(entries: Iterable[OtherMachine]) -> Iterator[tuple[str, str]]:
    for other in entries:
        text = (
            f"{other.wheel} has binaries for other machines only ({', '.join(other.machines)}),"
            f" such as {_shown(other.files)}. Require another version"
        )
        yield other.wheel, text


def _needing(missing: UnresolvedLibrary, wheel: str) -> str:
    return f"{_shown(missing.files)} of {wheel} {_need(missing.files)} `{missing.library}`"


_Entry = TypeVar("_Entry", UnresolvedLibrary, NewerThanTarget)


def _by_wheel(entries: Iterable[_Entry]) -> dict[str, list[_Entry]]:
    found: dict[str, list[_Entry]] = {}
    for entry in entries:
        found.setdefault(entry.wheel, []).append(entry)
    return found


def _plain(entry: dict[str, Any]) -> dict[str, Any]:
    return {
        key: list(value) if isinstance(value, tuple) else value
        for key, value in entry.items()
        if key not in _UNWRITTEN
    }


def _need(files: tuple[str, ...]) -> str:
    return "needs" if len(files) == 1 else "need"


def _asking(files: tuple[str, ...]) -> str:
    """File names, which suffice for a glob of `dynlib_exclude`."""
    return and_more([f"`{posixpath.basename(file)}`" for file in files], 1)


def _shown(files: tuple[str, ...]) -> str:
    return and_more([f"`{file}`" for file in files], _SHOWN_FILES)
