"""Lists the modules of wheels, and their binaries with what they need (``analyze-wheels``).

The result depends on the wheels and the Python version only, not on compression: a layer above
waits for this much only, and is not built again unless the result changes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterator
from pathlib import PurePosixPath
from typing import IO

from venvstacks_rules.actions.binaries.read import HEAD, binary_format, read_binaries
from venvstacks_rules.actions.files.streams import chunks
from venvstacks_rules.actions.wheels import checks
from venvstacks_rules.actions.wheels.installed import RefusedWheelError, of_each, opened_wheel
from venvstacks_rules.actions.wheels.places import importable_files
from venvstacks_rules.model.contents.ballast import wheel_ballast
from venvstacks_rules.model.contents.data_links import is_data
from venvstacks_rules.model.contents.entry_points import declared_scripts
from venvstacks_rules.model.contents.inputs import WheelFile
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.package_folders import package_folders
from venvstacks_rules.model.contents.top_level import top_level_module
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.libraries.binaries import Binary
from venvstacks_rules.model.requests.analyze import AnalyzedWheels, AnalyzeWheelsRequest
from venvstacks_rules.model.wording import printable

# Tens of times the numbers of the largest wheels.
_MAX_BINARIES, _MAX_NAMES = 10_000, 100_000
_MAX_ENTRY_POINTS = 1024 * 1024
_DIST_INFO = ".dist-info"


def run(request_text: str) -> AnalyzedWheels:
    """Analyze the wheels of an :class:`AnalyzeWheelsRequest`.

    Raises WheelError for wheels that are unreadable or not the announced ones. ``wheel-segments``
    checks the rest.
    """
    request = from_json(AnalyzeWheelsRequest, request_text)
    layout = LayerLayout(request.python_version, request.os_name)
    return AnalyzedWheels(of_each(request.wheels, lambda wheel: _analyzed(wheel, layout)))


def _analyzed(wheel: WheelFile, layout: LayerLayout) -> AnalyzedWheel:
    modules: set[str] = set()
    files: list[PurePosixPath] = []
    sizes: list[tuple[str, int]] = []
    binaries: list[Binary] = []
    names = 0
    identity = checks.wheel_identity(wheel.file_name)
    if identity is None:
        raise RefusedWheelError(wheel, [checks.INVALID_FILE_NAME])
    with opened_wheel(wheel) as archive:
        infos = archive.infolist()
        problems = list(checks.entry_problems(infos, wheel.size))
        if problems:
            raise RefusedWheelError(wheel, problems)
        scripts = _scripts(wheel, archive, identity)
        # Of entries with the same place and content, one.
        for path, info in dict(importable_files(infos, identity, layout)).items():
            files.append(PurePosixPath(path))
            sizes.append((path, info.file_size))
            name = top_level_module(files[-1], layout.site_packages)
            if name is not None:
                modules.add(name)
            try:
                found = _binaries(archive, info, path)
                binaries += found
                names += sum(len(b.needed) + len(b.optional) + len(b.run_paths) for b in found)
            except checks.READ_ERRORS as e:
                problems.append(f"`{printable(info.filename)}`: cannot be unpacked: {e}")
            if len(binaries) > _MAX_BINARIES or names > _MAX_NAMES:
                problems.append(
                    f"has too many binaries or names: at least {len(binaries)} and {names}"
                )
                break
    if problems:
        raise RefusedWheelError(wheel, problems)
    packages, namespaces = package_folders(files, layout.site_packages)
    return AnalyzedWheel(
        wheel.file_name,
        tuple(sorted(modules)),
        tuple(sorted(binaries, key=lambda binary: (binary.path, binary.machine))),
        scripts,
        packages,
        namespaces,
        tuple(sorted(str(path) for path in files if is_data(str(path)))),
        wheel_ballast(sizes, ((b.path, b.debug_size) for b in binaries), layout.site_packages),
    )


def _scripts(
    wheel: WheelFile, archive: zipfile.ZipFile, identity: checks.WheelIdentity
) -> tuple[tuple[str, str], ...]:
    """The commands that a wheel defines."""
    for info in archive.infolist():
        folder, _, name = info.filename.partition("/")
        of_wheel = folder.endswith(_DIST_INFO) and identity.is_named(folder[: -len(_DIST_INFO)])
        if name == "entry_points.txt" and of_wheel and info.file_size <= _MAX_ENTRY_POINTS:
            try:
                text = archive.read(info).decode("utf-8", "replace")
            except checks.READ_ERRORS as e:
                problem = f"`{printable(info.filename)}`: cannot be unpacked: {e}"
                raise RefusedWheelError(wheel, [problem]) from None
            return declared_scripts(text)
    return ()


def _binaries(archive: zipfile.ZipFile, info: zipfile.ZipInfo, path: str) -> list[Binary]:
    """The binaries in a file of a wheel; reads only the first bytes of other files."""
    with archive.open(info) as stream:
        head = stream.read(HEAD)
        found = binary_format(head)
        if found is None:
            return []
        # `zipfile` gives no more than the declared size, which was checked.
        return read_binaries(path, found, _joined(head, stream))


def _joined(head: bytes, stream: IO[bytes]) -> Iterator[bytes]:
    yield head
    yield from chunks(stream)
