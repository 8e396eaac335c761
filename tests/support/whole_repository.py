"""Reads the folder of a repository with `json` and `hashlib` alone, and finds what is not whole."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any


def faults(folder: Path) -> Iterator[str]:
    """Things that name what is missing or has other bytes: channels, manifests, deltas, indexes."""
    for path in files(folder, "blobs/sha256"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.name:
            yield f"{path.name} has other bytes"
    for path in files(folder, "layers"):
        if hashlib.sha256(path.read_bytes()).hexdigest() != path.stem:
            yield f"{path} has other bytes"
        index = json.loads(path.read_bytes())
        named = [
            *index["segments"],
            *(segment["files"] for segment in index["segments"]),
            *index["documents"].values(),
        ]
        for one in named:
            blob = folder / "blobs/sha256" / one["sha256"][:2] / one["sha256"]
            yield from wrong(path, blob, one["sha256"], one["size"])
    yield from _faults_of_names(folder)


def _faults_of_names(folder: Path) -> Iterator[str]:
    for path in files(folder, "deltas"):
        one = json.loads(path.read_bytes())["blob"]
        blob = folder / "blobs/sha256" / one["sha256"][:2] / one["sha256"]
        yield from wrong(path, blob, one["sha256"], one["size"])
    for path in files(folder, "stacks"):
        stack = json.loads(path.read_bytes())
        for layer in stack["layers"]:
            one = layer["index"]
            place = folder / "layers" / layer["layer_name"] / stack["target_platform"]
            yield from wrong(path, place / f"{one['sha256']}.json", one["sha256"], one["size"])
    for path in files(folder, "channels"):
        for name, target in json.loads(path.read_bytes())["signed"]["targets"].items():
            sha256, size = target["hashes"]["sha256"], target["length"]
            yield from wrong(path, folder / name, sha256, size)


def files(folder: Path, name: str) -> list[Path]:
    """The files below a folder that a reader of the format sees."""
    found = (folder / name).rglob("*")
    return sorted(path for path in found if path.is_file() and not path.name.startswith("."))


def wrong(namer: Path, path: Path, sha256: str, size: int) -> Iterator[str]:
    """What is wrong with the file that `namer` names."""
    if not path.is_file():
        yield f"{namer} names {path}, which is missing"
    elif len(path.read_bytes()) != size or hashlib.sha256(path.read_bytes()).hexdigest() != sha256:
        yield f"{namer} names {path}, which has other bytes"


def channel(folder: Path, name: str = "release", channel: str = "stable") -> dict[str, Any] | None:
    """The signed part of a channel's record for Linux, or None."""
    path = folder / "channels" / name / channel / "linux_x86_64.json"
    if not path.exists():
        return None
    signed: dict[str, Any] = json.loads(path.read_bytes())["signed"]
    return signed
