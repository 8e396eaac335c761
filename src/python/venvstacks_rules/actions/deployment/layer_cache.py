"""A cache of deployed chains of layers, for commands that run an application again and again.

    <cache>/lock                                    held by the process that changes the cache
    <cache>/layers/<sha256>/<install_target>/       an archive, unpacked and compiled once
    <cache>/stacks/<key>/<install_target>/          a whole chain, hard links to the layers
    <cache>/stacks/<key>/complete.json              its marker; its time is that of the last use
    <cache>/staging/                                what is not complete yet, or no longer

A layer or a stack appears and goes by one rename, so a process can be killed at any moment, and
using a stack needs a look at its marker only. A process that uses a stack holds a shared lock on
the marker.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.deployment.archives import check_archives
from venvstacks_rules.actions.deployment.folders import os_errors
from venvstacks_rules.actions.deployment.locks import Lock
from venvstacks_rules.actions.deployment.usage import mark_used
from venvstacks_rules.model.requests.deploy import DeployedArchive

_MARKER = "complete.json"

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
def stack(archives: Sequence[DeployedArchive], cache: str) -> Iterator[Stack]:
    """The chain of `archives`, the runtime first, deployed into the folder `cache`.

    Archives are read only if their layer is not in the cache. Raises ArchiveError and
    DeploymentError as ``deploy-layers`` does.
    """
    check_archives(archives)
    # The real path: it is written to files, and must not depend on the links that lead to it.
    root = Path(os.path.realpath(cache))
    marker = root / "stacks" / _key(archives) / _MARKER
    with os_errors(f"cannot deploy into the cache `{cache}`"):
        found = _open(marker)
        while found is None:
            # Imported here because starting a stack that is there must not wait for it.
            from venvstacks_rules.actions.deployment.new_stack import add_stack

            add_stack(archives, root, marker)
            found = _open(marker)
    with found.in_use:
        yield found


def _key(archives: Sequence[DeployedArchive]) -> str:
    lines = [_FORMAT, *(f"{archive.install_target} {archive.sha256}" for archive in archives)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _open(marker: Path) -> Stack | None:
    """The stack with this marker, in use from now on; None if the cache does not have it."""
    try:
        lock = Lock(marker, create=False)
    except FileNotFoundError:
        return None
    lock.share()
    # Another process may have removed the stack before this one had the lock.
    if not lock.is_in_place():
        lock.close()
        return None
    mark_used(marker)
    data = json.loads(os.read(lock.descriptor, 1 << 20))
    application = marker.parent / data["application"]
    return Stack(
        application=application,
        python=application / data["python"],
        py_version=data["py_version"],
        site_dir=application / data["site_dir"],
        launch_module=data["launch_module"],
        in_use=lock,
    )
