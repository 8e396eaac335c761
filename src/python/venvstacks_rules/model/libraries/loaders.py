"""How dynamic loaders find the libraries that a binary needs, played through on a layer's files.

What is followed are the rules of glibc (``ld.so(8)``), musl and ``dyld``: run paths, whose they are
and in which order libraries are loaded, since one that is loaded already is not looked for again.
What the run paths do not find is looked up by its plain name in the folders of shared libraries.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Optional, Protocol

from venvstacks_rules.model.libraries.binaries import Binary
from venvstacks_rules.model.paths import place_inside

_ORIGIN = re.compile(r"\$(ORIGIN\b|\{ORIGIN\})")
_LOADER_PATH, _RPATH = "@loader_path", "@rpath"


@dataclass(frozen=True)
class Loaded:
    """A binary in a process."""

    binary: Binary
    folder: str
    """What its run paths call their origin, relative to the layer's folder."""
    loader: Optional[Loaded] = None
    """What asked for it; None for what a program asked for."""

    @property
    def chain(self) -> Iterator[Loaded]:
        """Itself, what asked for it, and so on."""
        current: Optional[Loaded] = self
        while current is not None:
            yield current
            current = current.loader


class Loader(Protocol):
    """The rules of a platform."""

    @property
    def follows_links(self) -> bool:
        """Whether a library that is found through a link has its own folder as origin."""
        ...

    def plain_name(self, asked: str) -> str:
        """What a library is looked up by in the folders of shared libraries."""
        ...

    def names(self, binary: Binary) -> tuple[str, ...]:
        """The names by which a library is known once it is loaded."""
        ...

    def run_paths(self, asked: str, asking: Loaded) -> Iterator[str]:
        """Where it looks without these folders: paths relative to the layer's folder."""
        ...


@dataclass(frozen=True)
class ElfLoader:
    """The loader of glibc, or that of musl."""

    musl: bool = False
    follows_links: bool = False

    def plain_name(self, asked: str) -> str:
        """Names with a slash are paths, and are never looked up."""
        return asked

    def names(self, binary: Binary) -> tuple[str, ...]:
        """Its soname."""
        return () if binary.name is None else (binary.name,)

    def run_paths(self, asked: str, asking: Loaded) -> Iterator[str]:
        """By ``RUNPATH``; by the ``RPATH`` of all that led here, where there is none."""
        if "/" in asked:
            yield from _below(asked, asking.folder)
            return
        for user in self._users(asking):
            for written in user.binary.run_paths:
                yield from _below(f"{written}/{asked}", user.folder)

    def _users(self, asking: Loaded) -> Iterator[Loaded]:
        """Those whose run paths count."""
        if self.musl:
            yield from asking.chain
        elif asking.binary.run_paths and not asking.binary.inherited:
            yield asking
        else:
            yield from (user for user in asking.chain if user.binary.inherited)


def _below(written: str, origin: str) -> Iterator[str]:
    """The path in the layer that a path of an ELF file means, if it means one."""
    expanded, count = _ORIGIN.subn(lambda _: origin, written)
    if count == 1 and _ORIGIN.match(written) and "$" not in expanded:
        yield from _inside(expanded)


def _inside(path: str) -> Iterator[str]:
    place = place_inside("", path)
    if place is not None:
        yield place


@dataclass(frozen=True)
class DyldLoader:
    """The loader of macOS."""

    follows_links: bool = True

    def plain_name(self, asked: str) -> str:
        """The last component, of whatever is asked for."""
        return posixpath.basename(asked)

    def names(self, binary: Binary) -> tuple[str, ...]:
        """Its install name."""
        return () if binary.name is None else (binary.name,)

    def run_paths(self, asked: str, asking: Loaded) -> Iterator[str]:
        """By the place of what asks, or by the ``LC_RPATH`` of all that led here."""
        first, _, rest = asked.partition("/")
        if first == _LOADER_PATH:
            yield from _inside(f"{asking.folder}/{rest}")
        elif first == _RPATH:
            for user in asking.chain:
                for written in user.binary.run_paths:
                    start, _, inner = written.partition("/")
                    if start == _LOADER_PATH:
                        yield from _inside(f"{user.folder}/{inner}/{rest}")


@dataclass(frozen=True)
class Need:
    """A library that a binary asks for, and that no run path finds."""

    asking: Binary
    asked: str
    """As it is written."""
    name: str
    """What it is looked up by in the folders of shared libraries."""


@dataclass(frozen=True)
class LoadedTogether:
    """What is loaded for one binary, breadth first as loaders do it."""

    paths: tuple[str, ...]
    """Of the binaries of the layer, its own first."""
    needs: tuple[Need, ...]
    """What is looked up by its plain name, found or not."""


@dataclass(frozen=True)
class LayerFiles:
    """The binaries of a layer as a loader sees them."""

    loader: Loader
    by_path: Mapping[str, Binary]
    by_name: Mapping[str, Binary]
    """Those that looking up a plain name finds."""
    dynlib_dir: str
    """Where they are found."""

    def linked(self, binary: Binary) -> Loaded:
        """A library that was found by its plain name."""
        if self.loader.follows_links:
            return Loaded(binary, posixpath.dirname(binary.path))
        return Loaded(binary, self.dynlib_dir)

    def load(self, root: Loaded) -> LoadedTogether:
        """Load a binary, with all that it needs, into a process that has nothing loaded."""
        known = set(self.loader.names(root.binary))
        waiting, needs = [root], []
        for asking in waiting:
            for asked in asking.binary.needed:
                if asked in known:
                    continue
                known.add(asked)
                found = self._by_run_path(asked, asking)
                if found is None:
                    need = Need(asking.binary, asked, self.loader.plain_name(asked))
                    needs.append(need)
                    named = self.by_name.get(need.name)
                    found = None if named is None else self.linked(named)
                if found is not None:
                    known.update(self.loader.names(found.binary))
                    waiting.append(replace(found, loader=asking))
        return LoadedTogether(tuple(each.binary.path for each in waiting), tuple(needs))

    def _by_run_path(self, asked: str, asking: Loaded) -> Optional[Loaded]:
        for path in self.loader.run_paths(asked, asking):
            if path in self.by_path:
                return Loaded(self.by_path[path], posixpath.dirname(path))
        return None
