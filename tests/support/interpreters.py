"""Interpreter archives in the layout of python-build-standalone, made from a local CPython."""

from __future__ import annotations

import functools
import gzip
import json
import os
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import zstandard

from tests.support.build_root import REPOSITORY
from venvstacks_rules.actions.interpreters.probe import Installation
from venvstacks_rules.actions.interpreters.search import installations, search_patterns


@functools.cache
def installed() -> tuple[Installation, ...]:
    """The interpreters of this machine, each of which is asked once."""
    return tuple(installations(search_patterns(os.environ)))


@dataclass(frozen=True)
class CapturedInterpreter:
    """An archive that would be found at a mirror."""

    python_version: str
    """X.Y.Z."""
    archive: bytes
    """A ``.tar.gz`` with one top-level folder ``python``."""


def capture(version: str, folder: Path) -> CapturedInterpreter:
    """The newest CPython `version` of this machine, as the actions capture it."""
    found = _action("find-interpreter", {"target": "tests", "python_version": version}, folder)
    _action("pack-interpreter", {"found": found, "output": "interpreter.tar.zst"}, folder)
    with (folder / "interpreter.tar.zst").open("rb") as raw:
        tar = zstandard.ZstdDecompressor().stream_reader(raw, read_across_frames=True).read()
    return CapturedInterpreter(found["python_version"], gzip.compress(tar, 1, mtime=0))


def _action(verb: str, request: dict[str, object], folder: Path) -> dict[str, str]:
    (folder / "request.json").write_text(json.dumps(request))
    done = subprocess.run(
        [sys.executable, "-m", "venvstacks_rules.actions", verb, "--request", "request.json"],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": str(REPOSITORY / "src" / "python")},
        stdout=subprocess.PIPE,
        check=True,
    )
    result: dict[str, str] = json.loads(done.stdout)
    return result
