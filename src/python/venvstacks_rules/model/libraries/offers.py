"""Which shared libraries a layer offers, and what its binaries need that nothing provides.

What is offered is linked into one folder, which the Python wrappers put on the dynamic loader's
path. That path goes before run paths of packages (``LD_LIBRARY_PATH`` before ``RUNPATH``,
``DYLD_LIBRARY_PATH`` before all others), so what is there by mistake takes the place of what a
package brings along for itself. Offered are, for that reason:

- libraries with a name that others can be linked to; not extension modules, not the copies that
  ``auditwheel`` and ``delocate`` graft into a wheel under names of their own, and nothing that goes
  by the name of a library of the machine;
- whatever else a binary of the layer needs, and neither its run paths nor the machine provides;
- what libraries that are offered need in turn, as they are found from that folder.

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
# `delocate` gives the install names of copies a folder that there is not.
_DELOCATED = "/DLC/"
_DELOCATED_FOLDER = ".dylibs"
_BY_FILE_NAME = (".so", ".dylib")


@dataclass(frozen=True)
class LayerLibraries:
    """What follows from the binaries of a layer alone."""

    offered: tuple[str, ...]
    """The names that the layers above find, sorted; in lower case on Windows."""
    links: tuple[OwnLink, ...] = ()
    """One for each of them; none on Windows."""
    used: bool = False
    """Whether what the layer's own Python loads needs the folder of the links."""
    ambiguous: tuple[AmbiguousLibrary, ...] = ()
    problems: tuple[str, ...] = ()
    """What keeps the layer from being built."""
    needs: tuple[Need, ...] = ()
    """What neither the layer nor its machines provide, sorted by path and name."""


def layer_libraries(
    wheels: Iterable[AnalyzedWheel], target: Target, dynlib_exclude: Sequence[str]
) -> LayerLibraries:
    """What a layer that is made of `wheels` offers and needs.

    `dynlib_exclude` holds globs that are matched against the end of a path: ``*`` within a
    component, ``**`` for any number of components. What is excluded is not linked, is not missed,
    and misses nothing.
    """
    # The later of two wheels that have the same file.
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
    """What is decided for a layer whose libraries are linked."""

    binaries: tuple[Binary, ...]
    target: Target
    dynlib_exclude: Sequence[str]
    loader: Loader

    def made(self) -> LayerLibraries:
        # What binaries need where they lie, then what libraries need where they are offered.
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
                and need.name not in self._excluded_names
                and need.asking.path not in self._excluded
            ),
        )

    @cached_property
    def files(self) -> LayerFiles:
        """As the loader sees them."""
        return LayerFiles(
            self.loader,
            {binary.path: binary for binary in self.binaries},
            {name: found[0] for name, found in self._by_name.items()},
            str(self.target.layout.dynlib_dir),
        )

    @cached_property
    def _by_name(self) -> dict[str, list[Binary]]:
        """All that can be linked to, by every name that it might be looked up by."""
        found: dict[str, list[Binary]] = {}
        for binary in self.binaries:
            if binary.kind == LIBRARY and binary.path not in self._excluded:
                for name in self._names(binary):
                    found.setdefault(name, []).append(binary)
        return found

    @cached_property
    def _several(self) -> set[str]:
        """The names that libraries with different content have."""
        return {name for name, found in self._by_name.items() if len({b.sha256 for b in found}) > 1}

    @cached_property
    def _plain_names(self) -> set[str]:
        """The names that libraries are offered by, whoever may need them."""
        names = set()
        for binary in self.binaries:
            if (
                binary.kind == LIBRARY
                and _can_be_needed(binary)
                and binary.path not in self._excluded
            ):
                file_name = posixpath.basename(binary.path)
                names.add(self.loader.plain_name(binary.name or file_name))
                # As programs load a library by themselves.
                if file_name.endswith(_BY_FILE_NAME):
                    names.add(file_name)
        return {name for name in names if not self._is_provided(name)}

    def _names(self, binary: Binary) -> set[str]:
        names = {posixpath.basename(binary.path)}
        if binary.name is not None:
            names.add(self.loader.plain_name(binary.name))
        return names

    @cached_property
    def _excluded(self) -> set[str]:
        """The paths of what is excluded."""
        return {b.path for b in self.binaries if _matches_any(b, self.dynlib_exclude)}

    @cached_property
    def _excluded_names(self) -> set[str]:
        """What would be found by these names, but for the exclusion."""
        return {
            name
            for binary in self.binaries
            if binary.path in self._excluded
            for name in self._names(binary)
        }

    def _needs(self) -> tuple[list[Need], set[str]]:
        """What the run paths of binaries do not find, where they lie.

        Then the names of those needs that arise in a process of Python: programs have their own.
        """
        asked = {self.loader.plain_name(name) for b in self.binaries for name in b.needed}
        # Those that others load are looked at as these load them.
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
        """The names that have to be linked for the library of a name to be loaded from its link."""
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
    """Whether the file and the names of a library are such that others may be linked to it."""
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
    # The shortest end of the last path that the first one does not share.
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
    """Nothing is linked: packages add their folders themselves, and `Library/bin` is added.

    So whatever a package of the chain brings along is found, as far as that can be known.
    """
    provided = target.is_provided
    # Extension modules are linked to one another, too: those that are imported first are found.
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
