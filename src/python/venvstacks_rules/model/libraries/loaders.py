"""Simulates how dynamic loaders find the libraries that a binary needs in a layer's files.

The rules are those of glibc (``ld.so(8)``), musl and ``dyld``: run paths, whose they are, and the
order of loading, since a loader does not look again for a library that it has loaded. It looks up a
library that the run paths do not find by its plain name in the folders of shared libraries.
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
    """The origin of its run paths, relative to the layer's folder."""
    loader: Optional[Loaded] = None
    """The binary that asked for it; None if a program did."""

    @property
    def chain(self) -> Iterator[Loaded]:
        """Itself, the binary that asked for it, and so on."""
        current: Optional[Loaded] = self
        while current is not None:
            yield current
            current = current.loader


class Loader(Protocol):
    """The rules of a platform's loader."""

    @property
    def follows_links(self) -> bool:
        """Whether a library found through a link has the folder of its file as origin."""
        ...

    def plain_name(self, asked: str) -> str:
        """The name to look up in the folders of shared libraries."""
        ...

    def names(self, binary: Binary) -> tuple[str, ...]:
        """The names that a loaded library answers to."""
        ...

    def run_paths(self, asked: str, asking: Loaded) -> Iterator[str]:
        """The places where it looks first: paths relative to the layer's folder."""
        ...


@dataclass(frozen=True)
class ElfLoader:
    """The loader of glibc, or that of musl."""

    musl: bool = False
    follows_links: bool = False

    def plain_name(self, asked: str) -> str:
        """Unchanged; a name with a slash is a path, which the loader never looks up."""
        return asked

    def names(self, binary: Binary) -> tuple[str, ...]:
        """Its soname."""
        return () if binary.name is None else (binary.name,)

    def run_paths(self, asked: str, asking: Loaded) -> Iterator[str]:
        """By ``RUNPATH``; without it, by the ``RPATH`` of all binaries in the chain."""
        if "/" in asked:
            yield from _below(asked, asking.folder)
            return
        for user in self._users(asking):
            for written in user.binary.run_paths:
                yield from _below(f"{written}/{asked}", user.folder)

    def _users(self, asking: Loaded) -> Iterator[Loaded]:
        """The binaries whose run paths count."""
        if self.musl:
            yield from asking.chain
        elif asking.binary.run_paths and not asking.binary.inherited:
            yield asking
        else:
            yield from (user for user in asking.chain if user.binary.inherited)


def _below(written: str, origin: str) -> Iterator[str]:
    """The path in the layer that a path in an ELF file leads to, if it leads to one."""
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
        """The last component."""
        return posixpath.basename(asked)

    def names(self, binary: Binary) -> tuple[str, ...]:
        """Its install name."""
        return () if binary.name is None else (binary.name,)

    def run_paths(self, asked: str, asking: Loaded) -> Iterator[str]:
        """By the place of the asking binary, or by the ``LC_RPATH`` of all in the chain."""
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
    """As written in the binary."""
    name: str
    """The name to look up in the folders of shared libraries."""


@dataclass(frozen=True)
class LoadedTogether:
    """Everything that a loader loads for one binary, breadth first."""

    paths: tuple[str, ...]
    """The paths of the layer's binaries, its own first."""
    needs: tuple[Need, ...]
    """The libraries looked up by plain name, found or not."""


@dataclass(frozen=True)
class LayerFiles:
    """The binaries of a layer as a loader sees them."""

    loader: Loader
    by_path: Mapping[str, Binary]
    by_name: Mapping[str, Binary]
    """The binaries that a plain name finds."""
    dynlib_dir: str
    """The folder where it finds them."""

    def linked(self, binary: Binary) -> Loaded:
        """A library that its plain name finds."""
        if self.loader.follows_links:
            return Loaded(binary, posixpath.dirname(binary.path))
        return Loaded(binary, self.dynlib_dir)

    def load(self, root: Loaded) -> LoadedTogether:
        """Load a binary, and everything that it needs, into an empty process."""
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
