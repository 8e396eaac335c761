"""Where the files of a wheel go in a layer."""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath

from venvstacks_rules.actions.wheels.checks import READ_ERRORS, WheelIdentity
from venvstacks_rules.model.contents.exclusions import Exclusions
from venvstacks_rules.model.contents.layout import LayerLayout

# ELF; Mach-O of 32 and 64 bits in both orders of bytes, and for several machines; PE.
_PROGRAMS = (
    b"\x7fELF",
    b"\xfe\xed\xfa\xce",
    b"\xfe\xed\xfa\xcf",
    b"\xce\xfa\xed\xfe",
    b"\xcf\xfa\xed\xfe",
    b"\xca\xfe\xba\xbe",
    b"MZ",
)

_SCHEMES = ("data", "headers", "platlib", "purelib", "scripts")
_NOT_IMPORTED = ("headers", "scripts")


def place(name: str, wheel: WheelIdentity, layout: LayerLayout) -> tuple[str, PurePosixPath]:
    """The scheme of the entry `name`, and its path in the layer.

    Raises ValueError for an entry of the ``.data`` folder that is in no known scheme.
    """
    top, _, rest = name.partition("/")
    # A folder `.data` of another name is a folder like any other.
    if not rest or not top.endswith(".data") or not wheel.is_named(top[: -len(".data")]):
        return "purelib", layout.site_packages / name
    scheme, _, inner = rest.partition("/")
    if scheme not in _SCHEMES or not inner:
        known = ", ".join(_SCHEMES)
        raise ValueError(f"`.data` may have files in the folders {known} only; pip refuses it, too")
    if scheme == "headers":
        return scheme, layout.headers(wheel.distribution) / inner
    if scheme == "scripts":
        return scheme, layout.scripts / inner
    return scheme, layout.data(inner) if scheme == "data" else layout.site_packages / inner


def is_program(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bool:
    """Whether an entry begins like a binary, and not like a script."""
    try:
        with archive.open(info) as stream:
            return stream.read(4).startswith(_PROGRAMS)
    except READ_ERRORS:
        # Whoever reads all of it says so.
        return False


def importable_files(
    infos: Iterable[zipfile.ZipInfo], wheel: WheelIdentity, layout: LayerLayout
) -> Iterator[tuple[str, zipfile.ZipInfo]]:
    """The files that a layer can have of a wheel, except scripts and headers, with their paths."""
    for scheme, path, info in _placed(infos, wheel, layout):
        if scheme not in _NOT_IMPORTED and not layout.is_dropped(path):
            yield str(path), info


def excluded_files(
    archive: zipfile.ZipFile, wheel: WheelIdentity, layout: LayerLayout, exclusions: Exclusions
) -> dict[PurePosixPath, tuple[zipfile.ZipInfo, frozenset[str]]]:
    """The files that a layer would have of a wheel without `exclusions`, and the globs of each."""
    found = {}
    for _, path, info in _placed(archive.infolist(), wheel, layout):
        kept = not layout.is_dropped(path) or (
            layout.keeps_program(path) and is_program(archive, info)
        )
        globs = exclusions.matching(path) if kept else None
        if globs:
            found[path] = info, globs
    return found


def all_places(
    infos: Iterable[zipfile.ZipInfo], wheel: WheelIdentity, layout: LayerLayout
) -> Iterator[PurePosixPath]:
    """The path in the layer of each file of a wheel, also of those that it does not have."""
    return (path for _, path, _ in _placed(infos, wheel, layout))


def _placed(
    infos: Iterable[zipfile.ZipInfo], wheel: WheelIdentity, layout: LayerLayout
) -> Iterator[tuple[str, PurePosixPath, zipfile.ZipInfo]]:
    """The files of a wheel, each with its scheme and its path in the layer."""
    for info in infos:
        if info.is_dir():
            continue
        try:
            scheme, path = place(info.filename, wheel, layout)
        except ValueError:
            # `wheel-segments` refuses the wheel.
            continue
        yield scheme, path, info
