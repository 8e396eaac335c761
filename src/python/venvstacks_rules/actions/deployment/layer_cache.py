"""A cache of deployed chains of layers, for commands that run an application again and again.

    <cache>/lock                                    held by whoever changes the cache
    <cache>/layers/<sha256>/<install_target>/       an archive, unpacked and compiled once
    <cache>/stacks/<key>/<install_target>/          a whole chain, hard links to the layers
    <cache>/stacks/<key>/complete.json              what is in it; its time is that of the last use

A layer or a stack appears by one rename when it is complete, so a process can be killed at any
moment, and using a stack takes no look at anything but its marker. Layers and stacks that nobody
used for 30 days go when a new stack is made, except those that a running process still uses: it
holds a shared lock on the marker.
"""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.deployment.archives import check_archives, unpack_all
from venvstacks_rules.actions.deployment.folders import locked, new_staging, remove
from venvstacks_rules.actions.deployment.layer_config import read_layer_config
from venvstacks_rules.actions.deployment.postinstall import post_install
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.requests.deploy import DeployedArchive

_MARKER = "complete.json"
_UNUSED_SECONDS = 30 * 24 * 3600

# Changes whenever stacks made by an older version of this module must not be used any more.
_FORMAT = "1"


@dataclass(frozen=True)
class Stack:
    """A deployed chain of layers, ready to run."""

    application: Path
    """The folder of the last layer."""
    python: Path
    site_dir: Path
    launch_module: str | None
    in_use: int
    """A descriptor that keeps the stack from being removed, while any process has it open."""


@contextmanager
def stack(archives: Sequence[DeployedArchive], cache: str) -> Iterator[Stack]:
    """The chain of `archives`, the runtime first, deployed into the folder `cache`.

    Archives are read only if their layer is not in the cache. Raises ArchiveError and
    DeploymentError as ``deploy-layers`` does.
    """
    check_archives(archives)
    # Paths in the cache are written to files and must not depend on how it was reached.
    root = Path(os.path.realpath(cache))
    folder = root / "stacks" / _key(archives)
    try:
        found = _open(folder)
        while found is None:
            with locked(root / "lock"):
                if not (folder / _MARKER).exists():
                    _prune(root)
                    _build(archives, root, folder)
            found = _open(folder)
    except OSError as e:
        raise DeploymentError(
            f"cannot deploy into the cache `{cache}`",
            [f"`{e.filename}`: {e.strerror}" if e.filename else str(e)],
        ) from e
    try:
        yield found
    finally:
        os.close(found.in_use)


def _key(archives: Sequence[DeployedArchive]) -> str:
    lines = [_FORMAT, *(f"{archive.install_target} {archive.sha256}" for archive in archives)]
    return hashlib.sha256("\n".join(lines).encode()).hexdigest()


def _open(folder: Path) -> Stack | None:
    """The finished stack in `folder`, marked as in use; None where there is none."""
    marker = folder / _MARKER
    try:
        descriptor = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        # Somebody may have removed it before the lock was ours.
        if not os.path.samestat(os.fstat(descriptor), os.stat(marker)):
            raise FileNotFoundError(str(marker))
        data = json.loads(os.read(descriptor, 1 << 20))
        with suppress(PermissionError):  # Someone else's cache: it is theirs to tidy.
            os.utime(descriptor)
    except FileNotFoundError:
        os.close(descriptor)
        return None
    application = folder / data["application"]
    return Stack(
        application=application,
        python=application / data["python"],
        site_dir=application / data["site_dir"],
        launch_module=data["launch_module"],
        in_use=descriptor,
    )


def _build(archives: Sequence[DeployedArchive], root: Path, folder: Path) -> None:
    layers = [root / "layers" / archive.sha256 / archive.install_target for archive in archives]
    remove(root / "staging")
    staging = new_staging(root / "staging")
    _add_layers(archives, layers, staging)
    built = staging / "stack"
    built.mkdir(parents=True)
    for layer in layers:
        _link_tree(layer, built / layer.name)
        os.utime(layer.parent)
    runtime = layers[0]
    base_python = runtime / read_layer_config(runtime).base_python
    for layer in layers[1:]:
        post_install(built / layer.name, base_python, "--no-compile", f"--deployed-in={folder}")
    config = read_layer_config(layers[-1])
    marker = {
        "application": layers[-1].name,
        "python": config.python,
        "site_dir": config.site_dir,
        "launch_module": config.launch_module,
        "layers": [archive.sha256 for archive in archives],
    }
    (built / _MARKER).write_text(json.dumps(marker, indent=1) + "\n", encoding="utf-8")
    folder.parent.mkdir(exist_ok=True)
    # A folder without its marker is what is left of a removal.
    remove(folder)
    os.rename(built, folder)
    remove(root / "staging")


def _add_layers(archives: Sequence[DeployedArchive], layers: Sequence[Path], staging: Path) -> None:
    """Unpack and compile the layers that the cache lacks."""
    missing = [pair for pair in zip(archives, layers) if not pair[1].is_dir()]
    staged = [staging / archive.sha256 for archive, _ in missing]
    unpack_all([archive for archive, _ in missing], staged)
    runtime = layers[0]
    for (archive, layer), place in zip(missing, staged):
        if layer == runtime:
            runtime = place / archive.install_target
        base_python = runtime / read_layer_config(runtime).base_python
        # Files of the cache never change, so their byte code need not look at them.
        post_install(place / archive.install_target, base_python, "--no-config", "--unchecked-hash")
    for (_, layer), place in zip(missing, staged):
        layer.parent.parent.mkdir(parents=True, exist_ok=True)
        remove(layer.parent)
        os.rename(place, layer.parent)


def _link_tree(source: Path, target: Path) -> None:
    """Make `target` the same tree as `source`, of hard links where the file system has them."""
    folders = [(str(source), str(target))]
    copying = False
    while folders:
        here, there = folders.pop()
        os.mkdir(there, 0o755)
        for entry in os.scandir(here):
            place = f"{there}/{entry.name}"
            if entry.is_dir(follow_symlinks=False):
                folders.append((entry.path, place))
            elif entry.is_symlink():
                os.symlink(os.readlink(entry.path), place)
            else:
                if not copying:
                    try:
                        os.link(entry.path, place)
                        continue
                    except OSError:
                        copying = True
                shutil.copy2(entry.path, place)


def _prune(root: Path) -> None:
    """Remove what nobody used for long; the caller holds the lock."""
    oldest = time.time() - _UNUSED_SECONDS
    needed = set()
    for folder in _folders(root / "stacks"):
        marker = folder / _MARKER
        if _forget_unused(marker, oldest):
            remove(folder)
        else:
            needed.update(json.loads(marker.read_bytes())["layers"])
    for folder in _folders(root / "layers"):
        if folder.name not in needed and folder.stat().st_mtime < oldest:
            remove(folder)


def _folders(parent: Path) -> list[Path]:
    return sorted(parent.iterdir()) if parent.is_dir() else []


def _forget_unused(marker: Path, oldest: float) -> bool:
    """Remove the marker of a stack that is not used, without which nobody finds the stack."""
    try:
        descriptor = os.open(marker, os.O_RDONLY | os.O_CLOEXEC)
    except FileNotFoundError:
        return True
    try:
        if os.fstat(descriptor).st_mtime >= oldest:
            return False
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.unlink(marker)
    except BlockingIOError:
        return False
    finally:
        os.close(descriptor)
    return True
