"""Compares the needs of a layer's binaries with the libraries there, and with wheels' claims."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.interface import LayerInterface
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.binaries import Binary, version_numbers
from venvstacks_rules.model.libraries.loaders import Need
from venvstacks_rules.model.libraries.offers import LayerLibraries
from venvstacks_rules.model.libraries.report import (
    LibraryReport,
    NewerThanTarget,
    OtherMachine,
    UnreadableBinary,
    UnresolvedLibrary,
)
from venvstacks_rules.model.libraries.target import Target
from venvstacks_rules.model.platforms.libc import GLIBC


def refuse_ambiguous(
    layer: str, libraries: LayerLibraries, lower: Sequence[LayerInterface]
) -> None:
    """Raise DefinitionError if a layer on `lower` needs a name that several libraries have.

    We cannot know which library is meant, and the folder of libraries can have only one of a name.
    """
    offered = {name for below in lower for name in below.libraries}
    needs = {need.name: need for need in libraries.needs if need.name not in offered}
    problems = [
        *libraries.problems,
        *(
            f"`{name}`, which `{needs[name].asking.path}` needs: {below.install_target} has "
            "several different libraries of that name, so it offers no library of that name. "
            "Exclude all but one with the `dynlib_exclude` of that layer."
            for below in lower
            for name in below.ambiguous_libraries
            if name in needs
        ),
    ]
    if problems:
        raise DefinitionError(f"{layer}: it needs shared libraries with ambiguous names.", problems)


def library_report(
    wheels: Iterable[AnalyzedWheel],
    target: Target,
    libraries: LayerLibraries,
    lower: Iterable[LayerInterface],
) -> LibraryReport:
    """The report on the binaries of a layer of `wheels`, on `lower`."""
    wheels = tuple(wheels)
    offered = {name for below in lower for name in below.libraries}
    wheel_of = {b.path: wheel.file_name for wheel in wheels for b in wheel.binaries}
    loaded = [(wheel.file_name, b) for wheel in wheels for b in wheel.binaries if target.loads(b)]
    return LibraryReport(
        ambiguous=libraries.ambiguous,
        unresolved=_unresolved(
            (need for need in libraries.needs if need.name not in offered), wheel_of, target
        ),
        newer_than_target=_newer(loaded, target),
        other_machine=tuple(_other_machines(wheels, target)),
        unreadable=tuple(
            UnreadableBinary(wheel.file_name, binary.path, binary.problem)
            for wheel in wheels
            for binary in wheel.binaries
            if binary.problem is not None
        ),
    )


def _unresolved(
    needs: Iterable[Need], wheel_of: Mapping[str, str], target: Target
) -> tuple[UnresolvedLibrary, ...]:
    files: dict[tuple[str, str], list[str]] = {}
    for need in needs:
        path = need.asking.path
        files.setdefault((need.asked, wheel_of[path]), []).append(path)
    return tuple(
        UnresolvedLibrary(
            library, wheel, tuple(sorted(files[library, wheel])), target.is_of_desktop(library)
        )
        for library, wheel in sorted(files)
    )


def _newer(loaded: Iterable[tuple[str, Binary]], target: Target) -> tuple[NewerThanTarget, ...]:
    name, limit = _system(target)
    if name is None:
        return ()
    files: dict[tuple[str, str], list[str]] = {}
    for wheel, binary in loaded:
        if binary.minimum is not None and version_numbers(binary.minimum) > limit:
            files.setdefault((f"{name} {binary.minimum}", wheel), []).append(binary.path)
    written = f"{name} {limit[0]}.{limit[1]}"
    field_name = f"{target.platform.system}_target"
    return tuple(
        NewerThanTarget(needs, written, field_name, wheel, tuple(sorted(files[needs, wheel])))
        for needs, wheel in sorted(files)
    )


def _system(target: Target) -> tuple[str | None, tuple[int, ...]]:
    """The system whose version binaries ask for, and the newest allowed version."""
    if target.platform.system == "macosx":
        return "macOS", target.macosx_target
    if target.platform.system == "linux" and target.linux_target.libc == GLIBC:
        return GLIBC, target.linux_target.version
    return None, ()


def _other_machines(wheels: Iterable[AnalyzedWheel], target: Target) -> Iterator[OtherMachine]:
    """Wheels that claim to be for the platform, and have no binary that its machines can load.

    Binaries for other machines beside such binaries are fine: programs install them elsewhere.
    """
    for wheel in wheels:
        readable = [binary for binary in wheel.binaries if binary.problem is None]
        claims = not wheel.file_name.endswith("-any.whl")
        if claims and readable and not any(target.loads(binary) for binary in readable):
            yield OtherMachine(
                tuple(sorted({f"{b.format} {b.machine}" for b in readable})),
                wheel.file_name,
                tuple(sorted({b.path for b in readable})),
            )
