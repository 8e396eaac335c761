"""A cache of deployed chains of layers, for commands that run an application again and again.

    <cache>/lock                                    held by the process that changes the cache
    <cache>/layers/<sha256>/<install_target>/       an archive, unpacked and compiled once
    <cache>/stacks/<key>/<install_target>/          a whole chain, hard links to the layers
    <cache>/stacks/<key>/complete.json              its marker; its time is that of the last use
    <cache>/**/files.json                           the files of a layer or a stack
    <cache>/staging/                                what is not complete yet, or no longer

A layer or a stack appears and goes by one rename, so a process can be killed at any moment. Each
use compares the stack with the list of its files; what is damaged is made again. A process that
uses a stack holds a shared lock on the marker.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import cast

from venvstacks_rules.actions.deployment.archives import check_archives
from venvstacks_rules.actions.deployment.folders import os_errors
from venvstacks_rules.actions.deployment.listing import damaged_files, read_listing
from venvstacks_rules.actions.deployment.usage import mark_used
from venvstacks_rules.actions.files.sealed import unsealed
from venvstacks_rules.local.files.locks import Lock
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.requests.deploy import DeployedArchive

_MARKER = "complete.json"
LISTING = "files.json"
"""Beside the folders of a stack, and of a layer."""

_ATTEMPTS = 3

# Changes whenever stacks made by an older version must not be used any more.
_FORMAT = "2"


@dataclass(frozen=True)
class Stack:
    """A deployed chain of layers, ready to run."""

    application: Path
    """The folder of the last layer."""
    python: Path
    py_version: str
    site_dir: Path
    launch_module: str | None
    in_use: Lock
    """Keeps the stack from being removed while any process has it open."""


@contextmanager
def stack(
    archives: Sequence[DeployedArchive], cache: str, *, verify: bool = False
) -> Iterator[Stack]:
    """The chain of `archives`, the runtime first, deployed into the folder `cache`.

    Archives are read only if their layer is not in the cache, or is damaged; with `verify`, the
    look for damage reads all files. Raises ArchiveError and DeploymentError as ``deploy-layers``
    does.
    """
    check_archives(archives)
    # The real path: it is written to files, and must not depend on the links that lead to it.
    root = Path(os.path.realpath(cache))
    marker = root / "stacks" / _key(archives) / _MARKER
    with os_errors(f"cannot deploy into the cache `{cache}`"):
        found = _open(marker, verify=verify)
        for _ in range(_ATTEMPTS):
            if found is not None:
                break
            # Imported here because starting a stack that is there must not wait for it.
            from venvstacks_rules.actions.deployment.new_stack import add_stack

            add_stack(archives, root, marker, verify=verify)
            found = _open(marker)
    if found is None:
        raise DeploymentError(
            f"cannot deploy into the cache `{cache}`",
            [f"`{marker.parent}` does not stay as it was written: does something change it?"],
        )
    with found.in_use:
        yield found


def _key(archives: Sequence[DeployedArchive]) -> str:
    lines = [_FORMAT, *(f"{archive.install_target} {archive.sha256}" for archive in archives)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def is_sound(folder: Path, *, verify: bool) -> bool:
    """Whether a layer or a stack of the cache is there and as it was made."""
    files = read_listing(folder / LISTING)
    return files is not None and not damaged_files(folder, files, thorough=verify)


def _open(marker: Path, *, verify: bool = False) -> Stack | None:
    """The stack with this marker, in use from now on; None if the cache does not have it whole."""
    try:
        lock = Lock(marker, create=False)
    except OSError:
        # It is missing, or something else is in its place.
        return None
    lock.share()
    # Another process may have removed the stack before this one had the lock.
    data = _marked(lock) if lock.is_in_place() else None
    if data is None or not is_sound(marker.parent, verify=verify):
        lock.close()
        return None
    mark_used(marker)
    application = marker.parent / data["application"]
    return Stack(
        application=application,
        python=application / data["python"],
        py_version=data["py_version"],
        site_dir=application / data["site_dir"],
        launch_module=data["launch_module"],
        in_use=lock,
    )


def _marked(lock: Lock) -> dict[str, str] | None:
    """What the marker says; None if it is damaged."""
    try:
        text = unsealed(os.read(lock.descriptor, 1 << 20))
    except OSError:
        return None
    # The seal vouches for the shape.
    return None if text is None else cast("dict[str, str]", json.loads(text))
