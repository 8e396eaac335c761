"""``deploy-layers``: unpack layer archives side by side into a folder and post-install them.

All that can fail happens in a staging folder: archives are checked, unpacked and post-installed
for the place where they will stand. Then each layer takes its place by one rename, the runtime
first. A process that is killed leaves each layer as it was or as it will be; the next run clears
away the rest.

A layer that stands there already, from the same archive, is kept. Layers above one that was
replaced need no new post-installation: what it writes depends on their own configuration, on the
place and on the Python version, which is the same, or the upper layers were built again as well.
"""

from __future__ import annotations

import json
import os
from collections.abc import Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment import swap
from venvstacks_rules.actions.deployment.archives import check_archives, unpack_all
from venvstacks_rules.actions.deployment.folders import locked, new_staging
from venvstacks_rules.actions.deployment.layer_config import read_layer_config
from venvstacks_rules.actions.deployment.postinstall import post_install
from venvstacks_rules.model.contents.layout import LAYER_CONFIG
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.deploy import (
    DeployedArchive,
    DeployedLayers,
    DeployLayersRequest,
)

MARKER = ".venvstacks-deployed.json"
"""In each layer: the archive that it came from, and the place that it is post-installed for.

It takes its place together with the layer, and no archive has hidden files there.
"""


def run(request_text: str) -> DeployedLayers:
    """Do what a :class:`DeployLayersRequest` asks for.

    Raises ArchiveError for archives that are damaged, hostile or not the ones announced, and
    DeploymentError for layers that cannot be post-installed or that something is in the way of;
    the layers that stood there are untouched then.
    """
    request = from_json(DeployLayersRequest, request_text)
    check_archives(request.archives)
    destination = Path(os.path.realpath(request.destination))
    try:
        destination.mkdir(parents=True, exist_ok=True)
        state = destination / swap.STATE_FOLDER
        with locked(state / "lock"):
            swap.clear(destination, state)
            return _deploy(request.archives, destination, state)
    except OSError as e:
        raise DeploymentError(
            f"cannot deploy into `{request.destination}`",
            [f"`{e.filename}`: {e.strerror}" if e.filename else str(e)],
        ) from e


def _deploy(archives: Sequence[DeployedArchive], destination: Path, state: Path) -> DeployedLayers:
    new = [archive for archive in archives if not _is_deployed(archive, destination)]
    _check_in_the_way(new, destination)
    staging = new_staging(state / "staging")
    # A folder for each: an archive can write to its own folder and to nothing else.
    staged = {archive.install_target: staging / archive.install_target for archive in new}
    unpack_all(new, list(staged.values()))
    layers = {
        archive.install_target: staged.get(archive.install_target, destination)
        / archive.install_target
        for archive in archives
    }
    runtime = layers[archives[0].install_target]
    base_python = runtime / read_layer_config(runtime).base_python
    _check_chains([layers[archive.install_target] for archive in new], layers, destination)
    for archive in archives:
        layer = layers[archive.install_target]
        if archive.install_target in staged:
            post_install(layer, base_python, f"--deployed-in={destination}")
            _write_marker(layer, archive, destination)
        elif _marker(layer).get("deployed_in") != str(destination):
            # The whole folder has been moved since.
            post_install(layer, base_python, "--no-compile")
            _write_marker(layer, archive, destination)
    for archive in new:
        swap.take_place(layers[archive.install_target], destination / archive.install_target, state)
    swap.clear(destination, state)
    installed = tuple(archive.install_target for archive in new)
    kept = tuple(a.install_target for a in archives if a.install_target not in staged)
    return DeployedLayers(installed=installed, kept=kept)


def _check_in_the_way(archives: Sequence[DeployedArchive], destination: Path) -> None:
    """Nothing is replaced but a layer, be it one that someone unpacked by hand."""
    problems = []
    for archive in archives:
        place = destination / archive.install_target
        if os.path.lexists(place) and (place.is_symlink() or not (place / LAYER_CONFIG).is_file()):
            problems.append(
                f"`{place}` is there and is not a layer: remove it or deploy to another folder"
            )
    if problems:
        raise DeploymentError("something is in the way of the layers", problems)


def _check_chains(new: Sequence[Path], layers: dict[str, Path], destination: Path) -> None:
    """Every layer that a new layer is chained to must be here, or come with it."""
    problems = []
    for layer in new:
        for folder in read_layer_config(layer).pylib_dirs:
            peer = os.path.normpath(f"{layer.name}/{folder}").split("/")[0]
            if peer not in layers and not (destination / peer / LAYER_CONFIG).is_file():
                problems.append(
                    f"`{layer.name}` needs the layer `{peer}`, which is neither deployed nor given"
                )
    if problems:
        raise DeploymentError("the layers are not complete", problems)


def _is_deployed(archive: DeployedArchive, destination: Path) -> bool:
    return _marker(destination / archive.install_target).get("sha256") == archive.sha256


def _marker(layer: Path) -> dict[str, object]:
    try:
        data = json.loads((layer / MARKER).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _write_marker(layer: Path, archive: DeployedArchive, destination: Path) -> None:
    text = json.dumps({"deployed_in": str(destination), "sha256": archive.sha256}, indent=1)
    temporary = layer / f"{MARKER}.new"
    temporary.write_text(text + "\n", encoding="utf-8")
    os.replace(temporary, layer / MARKER)
