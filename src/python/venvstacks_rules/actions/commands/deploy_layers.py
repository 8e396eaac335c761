"""``deploy-layers``: unpack layer archives side by side into a folder and post-install them.

Everything that can fail happens in a staging folder: archives are checked, unpacked and
post-installed for the place where they will be. Then each layer gets to its place by one rename,
the runtime first. A process that is killed leaves each layer as it was or as it will be; the next
one removes the rest.

A layer that is there already, from the same archive and with all its files as they were, is kept.
Layers above a replaced one need no new post-installation: what it writes depends on their own
configuration, on the place and on the Python version, which is the same, or the upper layers were
built again as well.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from contextlib import suppress
from pathlib import Path

from venvstacks_rules.actions.deployment.archives import check_archives, unpack_all
from venvstacks_rules.actions.deployment.deployed import (
    damage,
    in_the_way,
    is_deployed,
    mark_deployed,
    missing_layers,
    was_moved,
)
from venvstacks_rules.actions.deployment.destination import Destination, destination
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.local.layers.postinstall import post_install
from venvstacks_rules.model.errors import DeploymentError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.deploy import (
    DeployedArchive,
    DeployedLayers,
    DeployLayersRequest,
)


def run(request_text: str) -> DeployedLayers:
    """Do what a :class:`DeployLayersRequest` asks for.

    Raises ArchiveError for archives that are damaged, hostile or not those of the request, and
    DeploymentError if layers cannot be post-installed or something is in their way. In both cases
    the layers that were there are untouched.
    """
    request = from_json(DeployLayersRequest, request_text)
    check_archives(request.archives)
    with destination(request.destination, f"cannot deploy into `{request.destination}`") as place:
        there = [archive for archive in request.archives if is_deployed(archive, place.folder)]
        damaged = _damaged(there, place.folder, verify=request.verify)
        new = [a for a in request.archives if a not in there or a.install_target in damaged]
        problems = in_the_way(new, place.folder)
        if problems:
            raise DeploymentError("something is in the way of the layers", problems)
        with place.staging() as staging:
            _deploy(request.archives, new, place, staging)
    # Who listened may be gone by now.
    with suppress(OSError):
        for name, what in damaged.items():
            print(f"{name}: unpacked again: {what}", file=sys.stderr, flush=True)
    installed = tuple(archive.install_target for archive in new)
    kept = tuple(a.install_target for a in request.archives if a.install_target not in installed)
    return DeployedLayers(installed=installed, kept=kept, repaired=tuple(damaged))


def _damaged(there: Iterable[DeployedArchive], folder: Path, *, verify: bool) -> dict[str, str]:
    """What is wrong with deployed layers, by install target; nothing with those that are sound."""
    found = {a.install_target: damage(folder / a.install_target, verify=verify) for a in there}
    return {name: what for name, what in found.items() if what is not None}


def _deploy(
    archives: Sequence[DeployedArchive],
    new: Sequence[DeployedArchive],
    place: Destination,
    staging: Path,
) -> None:
    # A folder for each: an archive can write to its own folder and to nothing else.
    folders = {archive.install_target: staging / archive.install_target for archive in new}
    unpack_all(new, list(folders.values()))
    layers = {
        name: folders.get(name, place.folder) / name
        for name in (archive.install_target for archive in archives)
    }
    runtime = layers[archives[0].install_target]
    base_python = runtime / read_layer_config(runtime).base_python
    staged = [layers[name] for name in folders]
    problems = missing_layers(staged, layers, place.folder)
    if problems:
        raise DeploymentError("the layers are not complete", problems)
    for archive in archives:
        layer = layers[archive.install_target]
        if archive.install_target in folders:
            post_install(layer, base_python, f"--deployed-in={place.folder}")
            mark_deployed(layer, archive, place.folder)
        elif was_moved(layer):
            post_install(layer, base_python, "--no-compile")
            mark_deployed(layer, archive, place.folder)
    place.take(staged)
