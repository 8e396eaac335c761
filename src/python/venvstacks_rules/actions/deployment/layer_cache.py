"""A cache of deployed chains of layers, for commands that run an application again and again.

    <cache>/lock                                held by the process that changes the cache; its time
                                                is that of the last look for what is unused
    <cache>/layers/<sha256>/<install_target>/   an archive, unpacked and compiled once
    <cache>/stacks/<key>/<install_target>/      the last layer of a chain, hard links to the layer
    <cache>/stacks/<key>/<install_target>       for each layer below, a symbolic link to its stack
    <cache>/stacks/<key>/complete.json          its marker; its time is that of the last use
    <cache>/**/files.json                       the files of a layer or a stack
    <cache>/staging/                            what is not complete yet, or no longer

The layers below a layer are a chain as well, and have a stack of their own: a new version of an
application needs no links to the files of its frameworks. A stack stays as long as one on it.

A layer or a stack appears and goes by one rename, so a process can be killed at any moment. Each
use compares the stacks with the lists of their files; what is damaged is made again. A process that
uses a stack holds a shared lock on the marker.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Container, Iterator, Sequence
from contextlib import contextmanager
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
from venvstacks_rules.model.values import dataclass

MARKER, LISTING = "complete.json", "files.json"
"""In the folder of a stack; and there, and in that of a layer."""

_ATTEMPTS = 3

# Changes whenever stacks made by an older version must not be used any more.
_FORMAT = "3"


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
    folders = _folders(archives, root)
    with os_errors(f"cannot deploy into the cache `{cache}`"):
        found = _open(folders, verify=verify)
        for _ in range(_ATTEMPTS):
            if found is not None:
                break
            # Imported here because starting a stack that is there must not wait for it.
            from venvstacks_rules.actions.deployment.new_stack import add_stacks

            sound = add_stacks(archives, root, folders, verify=verify)
            found = _open(folders, sound=sound)
    if found is None:
        raise DeploymentError(
            f"cannot deploy into the cache `{cache}`",
            [f"`{folders[-1]}` does not stay as it was written: does something change it?"],
        )
    with found.in_use:
        yield found


def _folders(archives: Sequence[DeployedArchive], root: Path) -> tuple[Path, ...]:
    """The folder of each archive's stack: of its layer on those of the archives before it."""
    lines, folders = [_FORMAT], []
    for archive in archives:
        lines.append(f"{archive.install_target} {archive.sha256}")
        key = hashlib.sha256("\n".join(lines).encode()).hexdigest()
        folders.append(root / "stacks" / key)
    return tuple(folders)


def is_sound(folder: Path, *, verify: bool) -> bool:
    """Whether a layer or a stack of the cache is there and as it was made."""
    files = read_listing(folder / LISTING)
    return files is not None and not damaged_files(folder, files, thorough=verify)


def _open(
    folders: Sequence[Path], *, sound: Container[Path] = (), verify: bool = False
) -> Stack | None:
    """The last of these stacks, in use from now on; None if the cache does not have it whole.

    Those in `sound` were looked at just now.
    """
    marker = folders[-1] / MARKER
    try:
        lock = Lock(marker, create=False)
    except OSError:
        # It is missing, or something else is in its place.
        return None
    lock.share()
    # Another process may have removed the stack before this one had the lock.
    data = _marked(lock) if lock.is_in_place() else None
    if data is None or not all(
        folder in sound or is_sound(folder, verify=verify) for folder in folders
    ):
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
