"""The bytes of a zip archive, made in other processes and by other Pythons."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.zip_layers import (
    SOURCE,
    TARGET,
    ZIP,
    name_of,
    request_of,
    wheel,
)
from venvstacks_rules.actions.commands import assemble_archive, find_interpreter
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.interpreters import FindInterpreterRequest
from venvstacks_rules.model.requests.segments import WheelInput, WheelSegmentsRequest

BUILD = """
import os, sys
os.umask(int(sys.argv[1], 8))
from venvstacks_rules.actions import cli
for verb in ("wheel-segments", "assemble-archive"):
    sys.stdout = open("wheels.json" if verb.startswith("wheel") else os.devnull, "w")
    assert cli.main([verb, "--request", f"{verb}.json"]) == 0
    sys.stdout.close()
"""


def build_elsewhere(
    folder: Path, python: Sequence[str], umask: str, environment: dict[str, str]
) -> dict[str, bytes]:
    """Make segments and archive in a process of their own; what it wrote."""
    wheels = {name_of(n): wheel({f"{n}.py": SOURCE, "ü": b"\0" * 9}, n) for n in ("demo", "more")}
    (folder / "w/out").mkdir(parents=True)
    inputs = []
    for name, data in wheels.items():
        (folder / name).write_bytes(data)
        sha256 = hashlib.sha256(data).hexdigest()
        inputs.append(WheelInput(f"w/out/{name}", name, name, sha256, len(data)))
    made = WheelSegmentsRequest(tuple(inputs), "3.11", "posix", TARGET, ZIP)
    (folder / "wheel-segments.json").write_text(to_json(made))
    request = replace(
        request_of(Path(), ["wheels.json"]),
        archive="a.zip",
        metadata_file="m",
        segments_file="s",
    )
    (folder / "assemble-archive.json").write_text(to_json(request))
    subprocess.run(
        [*python, "-c", BUILD, umask],
        cwd=folder,
        env={"PATH": os.environ["PATH"], "HOME": os.environ.get("HOME", "/"), **environment},
        check=True,
    )
    return {name: (folder / name).read_bytes() for name in ("a.zip", "m", "s")}


def test_bytes_do_not_depend_on_the_process(tmp_path: Path) -> None:
    path = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    one = {"TZ": "UTC", "LC_ALL": "C.UTF-8", "PYTHONHASHSEED": "1", **path}
    other = {"TZ": "Asia/Kathmandu", "LC_ALL": "POSIX", "PYTHONHASHSEED": "4242", **path}
    first = build_elsewhere(tmp_path / "one", [sys.executable], "022", one)
    second = build_elsewhere(tmp_path / "other ✓", [sys.executable], "077", other)
    assert first == second


@pytest.mark.integration
@pytest.mark.parametrize("version", ["3.9", "3.13"])
def test_bytes_do_not_depend_on_the_python(tmp_path: Path, version: str) -> None:
    from importlib.metadata import version as installed

    uv = shutil.which("uv") or str(Path(sys.executable).with_name("uv"))
    try:
        wanted = FindInterpreterRequest(target="//x:x", python_version=version)
        other = find_interpreter.run(to_json(wanted)).executable
    except InterpreterError:
        pytest.skip(f"there is no CPython {version} on this machine")
    libraries = [
        f"--with={name}=={installed(name)}"
        for name in ("cramjam", "installer", "packaging", "zstandard")
    ]
    python = [uv, "run", "--quiet", "--no-project", f"--python={other}", *libraries, "python"]
    source = {"PYTHONPATH": str(Path(assemble_archive.__file__).parents[3])}
    given = {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)}
    expected = build_elsewhere(tmp_path / "own", [sys.executable], "022", given)
    assert build_elsewhere(tmp_path / "other", python, "022", {**os.environ, **source}) == expected
