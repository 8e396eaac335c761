"""Adds chains of layers to the cache of deployed layers, and removes unused ones."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment.archives import unpack_all
from venvstacks_rules.actions.deployment.folders import staging_folder
from venvstacks_rules.actions.deployment.layer_config import read_layer_config
from venvstacks_rules.actions.deployment.links import place_folder
from venvstacks_rules.actions.deployment.locks import locked
from venvstacks_rules.actions.deployment.markers import read_marker, write_marker
from venvstacks_rules.actions.deployment.postinstall import post_install
from venvstacks_rules.actions.deployment.swap import take_place
from venvstacks_rules.actions.deployment.usage import mark_used, prune
from venvstacks_rules.model.requests.deploy import DeployedArchive


def add_stack(archives: Sequence[DeployedArchive], root: Path, marker: Path) -> None:
    """Add the stack of `archives` that has `marker` to the cache `root`, unless it is there.

    Waits for other processes that change the cache.
    """
    with locked(root / "lock"):
        if not marker.exists():
            # Before the new stack is built, which may need the space.
            with staging_folder(root / "staging") as away:
                _prune(root, marker.name, away)
            with staging_folder(root / "staging") as staging:
                _build(archives, root, marker, staging)


def _build(archives: Sequence[DeployedArchive], root: Path, marker: Path, staging: Path) -> None:
    layers = [root / "layers" / archive.sha256 / archive.install_target for archive in archives]
    _add_layers(archives, layers, staging)
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
    write_marker(built / marker.name, data)
    folder.parent.mkdir(exist_ok=True)
    take_place(built, folder, staging / "old")


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
        take_place(place, layer.parent, staging / "old")


def _prune(root: Path, marker: str, away: Path) -> None:
    """Move stacks that were not used for long to `away`, and layers that no stack needs."""
    stacks = root / "stacks"
    prune(stacks, marker, away, locks=True)
    needed: set[object] = set()
    for folder in stacks.iterdir() if stacks.is_dir() else ():
        layers = read_marker(folder / marker).get("layers")
        needed.update(layers if isinstance(layers, list) else ())
    prune(root / "layers", ".", away, keep=needed)
