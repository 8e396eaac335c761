"""Adds chains of layers to the cache of deployed layers, and removes unused ones."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment.archives import unpack_all
from venvstacks_rules.actions.deployment.durable import flush
from venvstacks_rules.actions.deployment.folders import remove, staging_folder
from venvstacks_rules.actions.deployment.layer_cache import LISTING, is_sound
from venvstacks_rules.actions.deployment.links import place_folder
from venvstacks_rules.actions.deployment.listing import (
    ListedFile,
    list_files,
    read_listing,
    write_listing,
)
from venvstacks_rules.actions.deployment.swap import take_place
from venvstacks_rules.actions.deployment.usage import mark_used, prune
from venvstacks_rules.actions.files.sealed import read_sealed, write_sealed
from venvstacks_rules.local.files.locks import locked
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.local.layers.postinstall import post_install
from venvstacks_rules.model.requests.deploy import DeployedArchive


def add_stack(
    archives: Sequence[DeployedArchive], root: Path, marker: Path, *, verify: bool = False
) -> None:
    """Add the stack of `archives` that has `marker` to the cache `root`, unless it is there, whole.

    Waits for other processes that change the cache. With `verify`, the look for damage reads all
    files.
    """
    with locked(root / "lock"):
        if read_sealed(marker) is None or not is_sound(marker.parent, verify=verify):
            for folder in (root / "stacks", root / "layers"):
                if not folder.is_dir():
                    remove(folder)
            # Before the new stack is built, which may need the space.
            with staging_folder(root / "staging") as away:
                _prune(root, marker.name, away)
            with staging_folder(root / "staging") as staging:
                layers = [root / "layers" / a.sha256 / a.install_target for a in archives]
                _add_layers(archives, layers, staging, verify=verify)
                _build(archives, layers, marker, staging)


def _build(
    archives: Sequence[DeployedArchive], layers: Sequence[Path], marker: Path, staging: Path
) -> None:
    folder, built = marker.parent, staging / "stack"
    built.mkdir()
    for layer in layers:
        place_folder(layer, built / layer.name)
        mark_used(layer.parent)
    runtime = layers[0]
    base_python = runtime / read_layer_config(runtime).base_python
    for layer in layers[1:]:
        post_install(built / layer.name, base_python, "--no-compile", f"--deployed-in={folder}")
    config = read_layer_config(layers[-1])
    data = {
        "application": layers[-1].name,
        "python": config.python,
        "py_version": config.py_version,
        "site_dir": config.site_dir,
        "launch_module": config.launch_module,
        "layers": [archive.sha256 for archive in archives],
    }
    files = list_files(built, known=_listed(layers))
    write_listing(built / LISTING, files)
    write_sealed(built / marker.name, json.dumps(data))
    folder.parent.mkdir(exist_ok=True)
    flush(built)
    take_place(built, folder, staging / "old")


def _listed(layers: Sequence[Path]) -> dict[str, ListedFile]:
    """The files of `layers` of the cache, as a stack has them."""
    found = {}
    for layer in layers:
        for file in read_listing(layer.parent / LISTING) or ():
            found[file.path] = file
    return found


def _add_layers(
    archives: Sequence[DeployedArchive], layers: Sequence[Path], staging: Path, *, verify: bool
) -> None:
    """Unpack and compile the layers that the cache lacks, or has damaged."""
    missing = [
        (archive, layer)
        for archive, layer in zip(archives, layers)
        if not is_sound(layer.parent, verify=verify)
    ]
    staged = [staging / archive.sha256 for archive, _ in missing]
    unpack_all([archive for archive, _ in missing], staged)
    runtime = layers[0]
    for (archive, layer), place in zip(missing, staged):
        if layer == runtime:
            runtime = place / archive.install_target
        base_python = runtime / read_layer_config(runtime).base_python
        # Files of the cache never change, so their byte code need not look at them.
        post_install(place / archive.install_target, base_python, "--no-config", "--unchecked-hash")
    for place in staged:
        write_listing(place / LISTING, list_files(place))
    if staged:
        flush(staging)
    for (_, layer), place in zip(missing, staged):
        layer.parent.parent.mkdir(parents=True, exist_ok=True)
        take_place(place, layer.parent, staging / "old")


def _prune(root: Path, marker: str, away: Path) -> None:
    """Move stacks that were not used for long to `away`, and layers that no stack needs."""
    stacks = root / "stacks"
    prune(stacks, marker, away, locks=True)
    needed: set[object] = set()
    for folder in stacks.iterdir() if stacks.is_dir() else ():
        text = read_sealed(folder / marker)
        needed.update(json.loads(text)["layers"] if text is not None else ())
    prune(root / "layers", ".", away, keep=needed)
