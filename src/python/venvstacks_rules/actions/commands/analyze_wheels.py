"""Lists the modules of wheels, and their binaries with what they need (``analyze-wheels``).

The result depends on the wheels and the Python version only, not on compression: a layer above
waits for this much only, and is not built again unless the result changes.
"""

from __future__ import annotations

import zipfile
from collections.abc import Iterable, Iterator
from pathlib import PurePosixPath
from typing import IO

from venvstacks_rules.actions.binaries.read import HEAD, binary_format, read_binaries
from venvstacks_rules.actions.wheels import checks
from venvstacks_rules.actions.wheels.installed import RefusedWheelError, of_each, opened_wheel
from venvstacks_rules.actions.wheels.metadata import dist_info_entry, wheel_metadata
from venvstacks_rules.actions.wheels.places import all_places, excluded_files, importable_files
from venvstacks_rules.actions.wheels.scripts import ChosenScripts
from venvstacks_rules.local.files.streams import chunks
from venvstacks_rules.model.contents.ballast import wheel_ballast
from venvstacks_rules.model.contents.data_links import is_data
from venvstacks_rules.model.contents.entry_points import declared_scripts, target_module
from venvstacks_rules.model.contents.exclusions import Exclusions
from venvstacks_rules.model.contents.inputs import LayerWheel
from venvstacks_rules.model.contents.layout import LayerLayout
from venvstacks_rules.model.contents.package_folders import package_folders
from venvstacks_rules.model.contents.top_level import module_parts, top_level_module
from venvstacks_rules.model.contents.wheel_metadata import WheelMetadata
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel, LeftOutFiles
from venvstacks_rules.model.libraries.binaries import Binary
from venvstacks_rules.model.requests.analyze import AnalyzedWheels, AnalyzeWheelsRequest
from venvstacks_rules.model.wording import printable

# Tens of times the numbers of the largest wheels.
_MAX_BINARIES, _MAX_NAMES = 10_000, 100_000
_MAX_ENTRY_POINTS = 1024 * 1024


def run(request_text: str) -> AnalyzedWheels:
    """Analyze the wheels of an :class:`AnalyzeWheelsRequest`.

    Raises WheelError for wheels that are unreadable or not the announced ones. ``wheel-segments``
    checks the rest.
    """
    request = from_json(AnalyzeWheelsRequest, request_text)
    layout = LayerLayout(request.python_version, request.os_name)
    return AnalyzedWheels(of_each(request.wheels, lambda wheel: _analyzed(wheel, layout)))


def _analyzed(wheel: LayerWheel, layout: LayerLayout) -> AnalyzedWheel:
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
        metadata = _metadata(wheel, archive, identity)
        exclusions = Exclusions(wheel.exclude, layout)
        excluded = {}
        if exclusions.globs:
            excluded = excluded_files(archive, identity, layout, exclusions)
        # Of entries with the same place and content, one.
        for path, info in dict(importable_files(infos, identity, layout)).items():
            if PurePosixPath(path) in excluded:
                continue
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
        _startable(scripts, excluded, files, layout),
        packages,
        namespaces,
        tuple(sorted(str(path) for path in files if is_data(str(path)))),
        wheel_ballast(sizes, ((b.path, b.debug_size) for b in binaries), layout.site_packages),
        LeftOutFiles(
            len(excluded),
            sum(info.file_size for info, _ in excluded.values()),
            tuple(
                g for g in exclusions.globs if all(g not in used for _, used in excluded.values())
            ),
        ),
        _unused_scripts(wheel, infos, identity, layout),
        metadata,
    )


def _unused_scripts(
    wheel: LayerWheel,
    infos: Iterable[zipfile.ZipInfo],
    identity: checks.WheelIdentity,
    layout: LayerLayout,
) -> tuple[str, ...]:
    """The globs for scripts that name none of the wheel's."""
    if not wheel.scripts:
        return ()
    chosen = ChosenScripts(wheel, layout)
    used = {g for path in all_places(infos, identity, layout) for g in chosen.matching(path)}
    return tuple(glob for glob in wheel.scripts if glob not in used)


def _startable(
    scripts: tuple[tuple[str, str], ...],
    excluded: Iterable[PurePosixPath],
    files: Iterable[PurePosixPath],
    layout: LayerLayout,
) -> tuple[tuple[str, str], ...]:
    """The commands whose modules are not left out; one may be of another distribution."""
    gone = _dotted_names(excluded, layout)
    if not gone:
        return scripts
    gone -= _dotted_names(files, layout)
    return tuple((name, target) for name, target in scripts if target_module(target) not in gone)


def _dotted_names(files: Iterable[PurePosixPath], layout: LayerLayout) -> set[str]:
    """What the files in site-packages are imported as."""
    names = set()
    for path in files:
        parts = module_parts(path, layout.site_packages)
        if parts:
            # A module may end in `.py` or, for example, in `.cpython-311-darwin.so`.
            module = parts[-1].split(".")[0]
            folders = parts[:-1]
            names.add(".".join(folders if module == "__init__" else (*folders, module)))
    return names


def _scripts(
    wheel: LayerWheel, archive: zipfile.ZipFile, identity: checks.WheelIdentity
) -> tuple[tuple[str, str], ...]:
    """The commands that a wheel defines."""
    info = dist_info_entry(archive, identity, "entry_points.txt")
    if info is None or info.file_size > _MAX_ENTRY_POINTS:
        return ()
    try:
        return declared_scripts(archive.read(info).decode("utf-8", "replace"))
    except checks.READ_ERRORS as e:
        problem = f"`{printable(info.filename)}`: cannot be unpacked: {e}"
        raise RefusedWheelError(wheel, [problem]) from None


def _metadata(
    wheel: LayerWheel, archive: zipfile.ZipFile, identity: checks.WheelIdentity
) -> WheelMetadata:
    try:
        return wheel_metadata(archive, identity)
    except checks.READ_ERRORS as e:
        raise RefusedWheelError(wheel, [f"METADATA cannot be unpacked: {e}"]) from None


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
