"""Runs ``wheel-segments`` on wheels made in memory."""

from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from tests.support.wheels import (
    FILE_NAME,
    Member,
    decompressed,
    members,
)
from venvstacks_rules.actions.commands import wheel_segments
from venvstacks_rules.model.contents.compression import Compression
from venvstacks_rules.model.errors import WheelError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.segments import WheelInput, WheelSegments, WheelSegmentsRequest

SITE = "lib/python3.11/site-packages"
DIST_INFO = f"{SITE}/demo-1.0.dist-info"
SUMMARY = (
    "1 of 1 wheels were refused. Lock another version of the package, or fetch the file again if "
    "it was damaged on the way."
)


def run(
    folder: Path,
    *wheels: bytes,
    names: tuple[str, ...] = (FILE_NAME,),
    python_version: str = "3.11",
    os_name: str = "posix",
    exclude: tuple[str, ...] = (),
    scripts: tuple[str, ...] = (),
) -> WheelSegments:
    inputs = []
    for name, wheel in zip(names, wheels):
        (folder / name).write_bytes(wheel)
        inputs.append(
            WheelInput(
                path=str(folder / name),
                file_name=name,
                sha256=hashlib.sha256(wheel).hexdigest(),
                size=len(wheel),
                output=str(folder / f"out/{name}.seg"),
                exclude=exclude,
                scripts=scripts,
            )
        )
    request = WheelSegmentsRequest(
        tuple(inputs), python_version, os_name, "framework-demo", Compression("tar.zst", 3)
    )
    return wheel_segments.run(to_json(request))


def unpack(
    folder: Path,
    wheel: bytes,
    name: str = FILE_NAME,
    *,
    os_name: str = "posix",
    exclude: tuple[str, ...] = (),
    scripts: tuple[str, ...] = (),
) -> dict[str, Member]:
    run(folder, wheel, names=(name,), os_name=os_name, exclude=exclude, scripts=scripts)
    found = members(decompressed(folder / f"out/{name}.seg"))
    prefix = "framework-demo/"
    assert all(member.name.startswith(prefix) for member in found)
    return {member.name[len(prefix) :]: member for member in found}


def problems(
    folder: Path, wheel: bytes, name: str = FILE_NAME, os_name: str = "posix"
) -> list[str]:
    with pytest.raises(WheelError) as caught:
        run(folder, wheel, names=(name,), os_name=os_name)
    assert caught.value.summary == SUMMARY
    assert not list((folder / "out").glob("*")) if (folder / "out").exists() else True
    start = f"`{name}`: "
    assert all(problem.startswith(start) for problem in caught.value.problems)
    return [problem[len(start) :] for problem in caught.value.problems]
