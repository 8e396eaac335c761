"""The shared libraries that a layer offers, and those that its binaries need and nothing provides.

A folder of links has the offered libraries, and the Python wrappers put it on the dynamic loader's
path. That path goes before run paths of packages (``LD_LIBRARY_PATH`` before ``RUNPATH``,
``DYLD_LIBRARY_PATH`` before all others), so a library that is there by mistake replaces a package's
own copy. Therefore a layer offers only:

- libraries with a name that others can be linked to; not extension modules, not the copies that
  ``auditwheel`` and ``delocate`` graft into a wheel under names of their own, and no library with
  the name of a library of the machine, or of one that Python itself may take from there;
- other libraries that a binary of the layer needs, and that neither its run paths nor the machine
  provide;
- libraries that offered libraries need in turn, when a loader finds these in that folder.

A layer's offer depends on its own wheels only.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property

from venvstacks_rules.model.contents.files import OwnLink
from venvstacks_rules.model.globs import matches_end
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.baselines import IsProvided
from venvstacks_rules.model.libraries.binaries import LIBRARY, PROGRAM, Binary
from venvstacks_rules.model.libraries.loaders import (
    DyldLoader,
    ElfLoader,
    LayerFiles,
    Loaded,
    Loader,
    Need,
)
from venvstacks_rules.model.libraries.report import AmbiguousLibrary
from venvstacks_rules.model.libraries.target import Target
from venvstacks_rules.model.platforms.libc import MUSL

_EXTENSION_MODULE = re.compile(r".*\.(cpython-[^.]*|abi3|abi3t)\.so")
_LIBRARY_NAME = re.compile(r"lib.*|.*\.so\.\d.*|.*\.dylib")
# `auditwheel` puts eight digits of a hash before the first dot of a soname, `delvewheel` 32 before
# the last one of a file name.
_GRAFTED = re.compile(r"[^.]*-[0-9a-f]{8}\.(.*\.)?so(\..*)?|.*-[0-9a-f]{32}\.dll")
# `delocate` gives copies install names in a folder that does not exist.
_DELOCATED = "/DLC/"
_DELOCATED_FOLDER = ".dylibs"
_BY_FILE_NAME = (".so", ".dylib")


@dataclass(frozen=True)
class LayerLibraries:
    """The offers and needs of a layer, from its own binaries alone."""

    offered: tuple[str, ...]
    """The names that the layers above can find, sorted; in lower case on Windows."""
    links: tuple[OwnLink, ...] = ()
    """A link for each of them; empty on Windows."""
    used: bool = False
    """Whether binaries in the layer's own Python need the folder of links."""
    ambiguous: tuple[AmbiguousLibrary, ...] = ()
    problems: tuple[str, ...] = ()
    """Why the layer cannot be built."""
    needs: tuple[Need, ...] = ()
    """Libraries that neither the layer nor its machines provide, sorted by path and name."""


def layer_libraries(
    wheels: Iterable[AnalyzedWheel], target: Target, dynlib_exclude: Sequence[str]
) -> LayerLibraries:
    """The offers and needs of a layer of `wheels`.

    `dynlib_exclude` has globs that match the end of a path: ``*`` within a component, ``**`` for
    any number of components. An excluded binary gets no link, and is not reported: neither as
    missing nor for what it misses.
    """
    # If two wheels have a file, the later one counts.
    by_path = {(b.path, b.machine): b for wheel in wheels for b in wheel.binaries}
    binaries = tuple(by_path[key] for key in sorted(by_path) if target.loads(by_path[key]))
    if target.platform.system == "win":
        return _windows_libraries(binaries, target, dynlib_exclude)
    loader: Loader = DyldLoader()
    if target.platform.system == "linux":
        loader = ElfLoader(musl=target.linux_target.libc == MUSL)
    return _Decision(binaries, target, dynlib_exclude, loader).made()


# ----------------------------------------------------------------------------- Linux and macOS
@dataclass(frozen=True)
class _Decision:
    """The decision for a layer with a folder of links."""

    binaries: tuple[Binary, ...]
    target: Target
    dynlib_exclude: Sequence[str]
    loader: Loader

    def made(self) -> LayerLibraries:
        # The needs of binaries in their own place, then those of libraries in the folder of links.
        needs, used = self._needs()
        wanted = {need.name: need for need in needs if need.name in self._by_name}
        offered = set(wanted)
        withheld = set()
        for name in sorted(self._plain_names):
            if name in self._several:
                withheld.add(name)
            elif not (names := self._found_from_links(name)) & self._several:
                offered |= names
        offered -= self._several
        by_name = self.files.by_name
        dynlib_dir = self.files.dynlib_dir
        return LayerLibraries(
            offered=tuple(sorted(offered)),
            links=tuple(
                OwnLink(
                    f"{dynlib_dir}/{name}",
                    posixpath.relpath(f"/{by_name[name].path}", f"/{dynlib_dir}"),
                )
                for name in sorted(offered)
            ),
            used=not used.isdisjoint(wanted),
            ambiguous=tuple(
                AmbiguousLibrary(name, tuple(b.path for b in self._by_name[name]))
                for name in sorted(withheld - set(wanted))
            ),
            problems=tuple(
                _ambiguous(name, need, self._by_name[name])
                for name, need in sorted(wanted.items())
                if name in self._several
            ),
            needs=tuple(
                need
                for need in needs
                if need.name not in self._by_name
                and need.name not in self._kept_names
                and need.asking.path not in self._excluded
            ),
        )

    @cached_property
    def files(self) -> LayerFiles:
        """The binaries as the loader sees them."""
        return LayerFiles(
            self.loader,
            {binary.path: binary for binary in self.binaries},
            {name: found[0] for name, found in self._by_name.items()},
            str(self.target.layout.dynlib_dir),
        )

    @cached_property
    def _by_name(self) -> dict[str, list[Binary]]:
        """All libraries that others can be linked to, by each name that could find them."""
        found: dict[str, list[Binary]] = {}
        for binary in self.binaries:
            if binary.kind == LIBRARY and binary.path not in self._excluded:
                for name in self._names(binary):
                    if not self.target.is_of_python(name):
                        found.setdefault(name, []).append(binary)
        return found

    @cached_property
    def _several(self) -> set[str]:
        """The names that several different libraries have."""
        return {name for name, found in self._by_name.items() if len({b.sha256 for b in found}) > 1}

    @cached_property
    def _plain_names(self) -> set[str]:
        """The names to offer, even if no binary of the layer needs them."""
        names = set()
        for binary in self.binaries:
            if (
                binary.kind == LIBRARY
                and _can_be_needed(binary)
                and binary.path not in self._excluded
            ):
                file_name = posixpath.basename(binary.path)
                names.add(self.loader.plain_name(binary.name or file_name))
                # The name with which programs load a library themselves.
                if file_name.endswith(_BY_FILE_NAME):
                    names.add(file_name)
        return {name for name in names if name in self._by_name and not self._is_provided(name)}

    def _names(self, binary: Binary) -> set[str]:
        names = {posixpath.basename(binary.path)}
        if binary.name is not None:
            names.add(self.loader.plain_name(binary.name))
        return names

    @cached_property
    def _excluded(self) -> set[str]:
        """The paths of excluded binaries."""
        return {b.path for b in self.binaries if _matches_any(b, self.dynlib_exclude)}

    @cached_property
    def _kept_names(self) -> set[str]:
        """The names of binaries that the layer has for itself: who needs them has its own way."""
        return {
            name
            for binary in self.binaries
            for name in self._names(binary)
            if binary.path in self._excluded or self.target.is_of_python(name)
        }

    def _needs(self) -> tuple[list[Need], set[str]]:
        """The libraries that the run paths of binaries, in their own place, do not find.

        The second result has the names of the needs in a Python process: programs have their own.
        """
        asked = {self.loader.plain_name(name) for b in self.binaries for name in b.needed}
        # Libraries that other binaries load are checked as part of these.
        first = {b.path for b in self.binaries if b.kind != LIBRARY or not asked & self._names(b)}
        seen: set[str] = set()
        needs: dict[tuple[str, str], Need] = {}
        used: set[str] = set()
        for binary in sorted(self.binaries, key=lambda binary: binary.path not in first):
            if binary.path in seen and binary.path not in first:
                continue
            loaded = self.files.load(Loaded(binary, posixpath.dirname(binary.path)))
            seen.update(loaded.paths)
            for need in self._beyond_the_machine(loaded.needs):
                needs[need.asking.path, need.asked] = need
                if binary.kind != PROGRAM:
                    used.add(need.name)
        return [needs[key] for key in sorted(needs)], used

    def _found_from_links(self, name: str) -> set[str]:
        """The names that need a link so that the library of `name` can load from its own link."""
        loaded = self.files.load(self.files.linked(self.files.by_name[name]))
        needs = self._beyond_the_machine(loaded.needs)
        return {name, *(need.name for need in needs if need.name in self._by_name)}

    def _beyond_the_machine(self, needs: Iterable[Need]) -> Iterator[Need]:
        return (need for need in needs if not self._is_provided(need.asked))

    @cached_property
    def _is_provided(self) -> IsProvided:
        return self.target.is_provided


def _matches_any(binary: Binary, globs: Sequence[str]) -> bool:
    return any(matches_end(binary.path, glob) for glob in globs)


def _can_be_needed(binary: Binary) -> bool:
    """Whether others can be linked to a library, by its file and names."""
    file_name = posixpath.basename(binary.path)
    name = posixpath.basename(binary.name or file_name)
    return (
        _LIBRARY_NAME.fullmatch(name) is not None
        and _EXTENSION_MODULE.fullmatch(file_name) is None
        and _GRAFTED.fullmatch(name) is None
        and not (binary.name or "").startswith(_DELOCATED)
        and posixpath.basename(posixpath.dirname(binary.path)) != _DELOCATED_FOLDER
    )


def _ambiguous(name: str, need: Need, candidates: Sequence[Binary]) -> str:
    paths = [binary.path for binary in candidates]
    # The shortest end of the last path that differs from the first path's.
    parts = paths[-1].split("/")
    length = next(n for n in range(1, len(parts) + 1) if parts[-n:] != paths[0].split("/")[-n:])
    listed = "\n".join(f"`{path}`" for path in paths)
    example = "/".join(parts[-length:])
    return (
        f"`{name}`, which `{need.asking.path}` needs and its run paths do not find:\n{listed}\n"
        f'Exclude all but one of them, for example with `dynlib_exclude=["{example}"]`.'
    )


# ------------------------------------------------------------------------------------- Windows
def _windows_libraries(
    binaries: Sequence[Binary], target: Target, dynlib_exclude: Sequence[str]
) -> LayerLibraries:
    """Without links: packages add their folders themselves, and the layer adds `Library/bin`.

    So we assume that a process finds every library of the chain's packages.
    """
    provided = target.is_provided
    # Extension modules are linked to one another, too: a process finds those that it imported.
    names = {posixpath.basename(b.path).lower() for b in binaries if b.kind == LIBRARY}
    needs = {
        (binary.path, asked): Need(binary, asked, asked.lower())
        for binary in binaries
        if not _matches_any(binary, dynlib_exclude)
        for asked in binary.needed
        if asked.lower() not in names and not provided(asked)
    }
    offered = {
        name
        for name in names
        if name.endswith(".dll") and _GRAFTED.fullmatch(name) is None and not provided(name)
    }
    return LayerLibraries(tuple(sorted(offered)), needs=tuple(needs[key] for key in sorted(needs)))
