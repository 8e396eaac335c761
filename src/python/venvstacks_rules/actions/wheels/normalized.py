"""Wheels whose bytes follow from their files: not from when, where or with what they were built.

A build writes the times of its files into the wheel, in the order of its choice, compressed by the
library of the machine. Here entries are sorted, have one time, and are not compressed.
"""

from __future__ import annotations

import stat
import zipfile
from collections.abc import Iterator
from pathlib import Path

from venvstacks_rules.actions.wheels import checks
from venvstacks_rules.actions.wheels.dist_info_files import header_values
from venvstacks_rules.local.files.streams import chunks, sha256_of
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.layers.requirements import normalised_requirements
from venvstacks_rules.model.locks.distributions import Distribution
from venvstacks_rules.model.requests.built_wheels import NormalizedWheel
from venvstacks_rules.model.wording import printable

_DIST_INFO = ".dist-info/"
_TIME = (1980, 1, 1, 0, 0, 0)
_UNIX = 3


def normalized(wheel: str, output: str) -> NormalizedWheel:
    """Write `wheel` again as `output`; raises WheelError for one that is damaged."""
    name = Path(wheel).name
    size = Path(wheel).stat().st_size
    Path(output).parent.mkdir(parents=True, exist_ok=True)
    try:
        with zipfile.ZipFile(wheel) as archive:
            infos = [info for info in archive.infolist() if not info.is_dir()]
            problems = list(checks.entry_problems(infos, size))
            dist_info = checks.DistInfo(archive, name) if not problems else None
            problems += dist_info.problems if dist_info is not None else []
            if problems or dist_info is None:
                raise _refusal(name, problems)
            metadata = archive.read(f"{dist_info.folder}/METADATA").decode("utf-8")
            with zipfile.ZipFile(output, "w") as written:
                _copy(archive, {info.filename: info for info in infos}, written)
    except checks.READ_ERRORS as e:
        raise _refusal(name, [f"cannot be unpacked: {e}"]) from None
    sha256, written_size = sha256_of(output)
    return NormalizedWheel(name, sha256, written_size, _distribution(metadata))


def _refusal(name: str, problems: list[str]) -> WheelError:
    return WheelError(
        "A wheel that was built here cannot be used:",
        [f"`{printable(name)}`: {problem}" for problem in problems],
    )


def _copy(
    archive: zipfile.ZipFile, infos: dict[str, zipfile.ZipInfo], written: zipfile.ZipFile
) -> None:
    for info in _in_order(infos):
        copied = zipfile.ZipInfo(info.filename, _TIME)
        copied.create_system = _UNIX
        kind = stat.S_IFLNK if checks.is_link(info) else stat.S_IFREG
        copied.external_attr = (kind | (0o755 if checks.is_executable(info) else 0o644)) << 16
        copied.file_size = info.file_size
        with archive.open(info) as source, written.open(copied, "w") as target:
            for chunk in chunks(source):
                target.write(chunk)


def _in_order(infos: dict[str, zipfile.ZipInfo]) -> Iterator[zipfile.ZipInfo]:
    """Sorted, with the files about the wheel at the end, as other tools have them."""
    for about in (False, True):
        for name in sorted(infos):
            if (_DIST_INFO in name) is about:
                yield infos[name]


def _distribution(metadata: str) -> Distribution:
    """What METADATA says, in a spelling that does not depend on the tool that wrote it."""
    found = header_values(metadata)
    (python, *_) = found.get("requires-python", [""])
    return Distribution(
        name=normalised_name(found["name"][0]),
        version=found["version"][0],
        requires_python=",".join(sorted(part.strip() for part in python.split(","))),
        requires=normalised_requirements(found.get("requires-dist", [])),
    )
