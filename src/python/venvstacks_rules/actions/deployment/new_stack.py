"""Adds chains of layers to the cache of deployed layers, and removes unused ones.

Nothing waits until the disk has what is written: after a loss of power, a file has another size
than its list says, or the list is not whole, and each use looks at that.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Collection, Iterable, Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment.archives import unpack_all
from venvstacks_rules.actions.deployment.folders import remove, staging_folder
from venvstacks_rules.actions.deployment.layer_cache import LISTING, MARKER, is_sound
from venvstacks_rules.actions.deployment.links import place_folder
from venvstacks_rules.actions.deployment.listing import list_files, read_listing, write_listing
from venvstacks_rules.actions.deployment.swap import take_place
from venvstacks_rules.actions.deployment.usage import mark_used, prune
from venvstacks_rules.actions.files.sealed import read_sealed, write_sealed
from venvstacks_rules.local.files.locks import locked
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.local.layers.postinstall import post_install
from venvstacks_rules.model.requests.deploy import DeployedArchive
from venvstacks_rules.model.values import dataclass

_PRUNE_SECONDS = 24 * 3600


@dataclass(frozen=True)
class _Place:
    """Where a layer of a chain and its stack are in the cache."""

    archive: DeployedArchive
    layer: Path
    """The folder that is linked from."""
    stack: Path

    @property
    def deployed(self) -> Path:
        """The layer in its stack."""
        return self.stack / self.layer.name


def add_stacks(
    archives: Sequence[DeployedArchive],
    root: Path,
    folders: Sequence[Path],
    *,
    verify: bool = False,
) -> frozenset[Path]:
    """Add those of the stacks in `folders` to the cache `root` that are not there, whole.

    Waits for other processes that change the cache. With `verify`, the look for damage reads all
    files. Returns the folders of the other stacks.
    """
    chain = [
        _Place(archive, root / "layers" / archive.sha256 / archive.install_target, folder)
        for archive, folder in zip(archives, folders)
    ]
    with locked(root / "lock"):
        sound = {folder for folder in folders if is_sound(folder, verify=verify)}
        # Of those below, nobody needs the marker.
        if read_sealed(folders[-1] / MARKER) is None:
            sound.discard(folders[-1])
        if len(sound) < len(folders):
            for folder in (root / "stacks", root / "layers"):
                if not folder.is_dir():
                    remove(folder)
            if _is_time_to_prune(root / "lock"):
                # Before the new stacks are built, which may need the space.
                with staging_folder(root / "staging") as away:
                    _prune(root, away, keep={folder.name for folder in folders})
            with staging_folder(root / "staging") as staging:
                configured = _add_layers(chain, sound, staging, verify=verify)
                for number, place in enumerate(chain):
                    if place.stack not in sound:
                        _build(place, chain[:number], staging, done=place in configured)
    return frozenset(sound)


def _build(place: _Place, below: Sequence[_Place], staging: Path, *, done: bool) -> None:
    """Make the stack of a layer on those `below`; `done` says that it is post-installed for it."""
    built = staging / "stack"
    built.mkdir()
    place_folder(place.layer, built / place.layer.name)
    mark_used(place.layer.parent)
    for lower in below:
        os.symlink(f"../{lower.stack.name}/{lower.layer.name}", built / lower.layer.name)
    if below and not done:
        _post_install(
            built / place.layer.name,
            below[0].deployed,
            "--no-compile",
            f"--deployed-in={place.stack}",
        )
    config = read_layer_config(place.layer)
    data = {
        "application": place.layer.name,
        "python": config.python,
        "py_version": config.py_version,
        "site_dir": config.site_dir,
        "launch_module": config.launch_module,
        "layers": [each.archive.sha256 for each in (*below, place)],
        "below": [lower.stack.name for lower in below],
    }
    known = {file.path: file for file in read_listing(place.layer.parent / LISTING) or ()}
    write_listing(built / LISTING, list_files(built, known=known), durable=False)
    write_sealed(built / MARKER, json.dumps(data), durable=False)
    place.stack.parent.mkdir(exist_ok=True)
    take_place(built, place.stack, staging / "old")
    # What was in the place may be there now.
    remove(built)


def _add_layers(
    chain: Sequence[_Place], sound: Collection[Path], staging: Path, *, verify: bool
) -> Collection[_Place]:
    """Unpack and post-install the layers that stacks need and the cache lacks, or has damaged.

    Returns them. Each is configured for its stack, which saves another process; where another
    stack gets a link to a file of that, post-installation replaces it.
    """
    missing = [
        place
        for place in chain
        if place.stack not in sound and not is_sound(place.layer.parent, verify=verify)
    ]
    staged = [staging / place.archive.sha256 for place in missing]
    unpack_all([place.archive for place in missing], staged)
    runtime = chain[0].deployed if chain[0].stack in sound else chain[0].layer
    for place, folder in zip(missing, staged):
        layer = folder / place.layer.name
        configure = f"--deployed-in={place.stack}"
        if place == chain[0]:
            runtime, configure = layer, "--no-config"
        # Files of the cache never change, so their byte code need not look at them.
        _post_install(layer, runtime, configure, "--unchecked-hash")
    for place, folder in zip(missing, staged):
        write_listing(folder / LISTING, list_files(folder), durable=False)
        place.layer.parent.parent.mkdir(parents=True, exist_ok=True)
        take_place(folder, place.layer.parent, staging / "old")
    return missing


def _post_install(layer: Path, runtime: Path, *options: str) -> None:
    post_install(layer, runtime / read_layer_config(runtime).base_python, *options)


def _is_time_to_prune(lock: Path) -> bool:
    """Whether the last look at all stacks is a day ago; the time of the lock file is its time.

    A stack is made at each edit, so there may be thousands to look at.
    """
    last = lock.stat().st_mtime
    if 0 <= time.time() - last < _PRUNE_SECONDS:
        return False
    os.utime(lock)
    return True


def _prune(root: Path, away: Path, *, keep: Iterable[str]) -> None:
    """Move to `away` what was not used for long: stacks that no other is on, and their layers."""
    stacks = root / "stacks"
    data = {
        folder: json.loads(text)
        for folder in (stacks.iterdir() if stacks.is_dir() else ())
        for text in [read_sealed(folder / MARKER)]
        if text is not None
    }
    # Those of older formats have nothing below.
    below = (name for marker in data.values() for name in marker.get("below", ()))
    prune(stacks, MARKER, away, keep={*keep, *below}, locks=True)
    needed: set[object] = set()
    for folder, marker in data.items():
        if folder.exists():
            needed.update(marker["layers"])
    prune(root / "layers", ".", away, keep=needed)
