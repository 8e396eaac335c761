"""What is in a folder that layer archives are deployed to.

Each deployed layer has a marker, which names the archive that it came from. A layer without one,
which someone unpacked by hand, is replaced as well; anything else is never touched.
"""

from __future__ import annotations

import os
from collections.abc import Collection, Iterable
from pathlib import Path

from venvstacks_rules.actions.deployment.listing import (
    damaged_files,
    named_damage,
    read_listing,
    update_listing,
)
from venvstacks_rules.actions.deployment.markers import read_marker, write_marker
from venvstacks_rules.local.layers.layer_config import read_layer_config
from venvstacks_rules.model.contents.layout import LAYER_CONFIG
from venvstacks_rules.model.requests.deploy import DeployedArchive

MARKER, LISTING = ".venvstacks-deployed.json", ".venvstacks-deployed.files"
"""In each layer: the archive that it came from and the folder that it is post-installed for; and
the list of its files.

They get to their place together with the layer, and no archive has hidden files there.
"""


def mark_deployed(layer: Path, archive: DeployedArchive, folder: Path) -> None:
    """Write marker and list of a layer that was just post-installed for `folder`."""
    update_listing(layer, LISTING)
    write_marker(layer / MARKER, {"deployed_in": str(folder), "sha256": archive.sha256})


def damage(layer: Path, *, verify: bool) -> str | None:
    """What is missing or has changed in a deployed layer; None if it is sound.

    With `verify`, all files are read.
    """
    files = read_listing(layer / LISTING)
    if files is None:
        return "the list of its files cannot be read"
    found = damaged_files(layer, files, thorough=verify)
    return named_damage(found) if found else None


def is_deployed(archive: DeployedArchive, folder: Path) -> bool:
    """Whether the layer in `folder` came from `archive`."""
    return read_marker(folder / archive.install_target / MARKER).get("sha256") == archive.sha256


def was_moved(layer: Path) -> bool:
    """Whether the layer is post-installed for another folder than the one that it is in."""
    return read_marker(layer / MARKER).get("deployed_in") != str(layer.parent)


def in_the_way(archives: Iterable[DeployedArchive], folder: Path) -> list[str]:
    """What is not a layer and has the place in `folder` of one of `archives`."""
    return [
        f"`{place}` is there and is not a layer: remove it or deploy to another folder"
        for place in (folder / archive.install_target for archive in archives)
        if os.path.lexists(place) and (place.is_symlink() or not _is_layer(place))
    ]


def _is_layer(place: Path) -> bool:
    return any((place / name).is_file() for name in (LAYER_CONFIG, MARKER, LISTING))


def missing_layers(new: Iterable[Path], given: Collection[str], folder: Path) -> list[str]:
    """What `new` layers are chained to and is neither in `folder` nor among the names `given`."""
    problems = []
    for layer in new:
        for path in read_layer_config(layer).pylib_dirs:
            peer = os.path.normpath(f"{layer.name}/{path}").split("/")[0]
            if peer not in given and not (folder / peer / LAYER_CONFIG).is_file():
                problems.append(
                    f"`{layer.name}` needs the layer `{peer}`, which is neither deployed nor given"
                )
    return problems
