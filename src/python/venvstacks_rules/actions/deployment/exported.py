"""What is in a folder that layers are exported to.

Each exported layer has a marker, which says what it was made from, and a list of its files. A
folder without a marker and files that no export wrote belong to someone else and are never touched.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.deployment.markers import read_marker, replace_file, write_marker
from venvstacks_rules.actions.deployment.tree_cache import FORMAT
from venvstacks_rules.actions.files.streams import sha256_of
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.requests.export import LayerToExport
from venvstacks_rules.model.wording import and_more

MARKER, LISTING = ".venvstacks-exported.json", ".venvstacks-exported.files"
"""In each layer; no archive and no wheel has hidden files there."""

_SHOWN_FILES = 5


@dataclass(frozen=True)
class Marker:
    """What an exported layer was made from."""

    fingerprint: str
    """As :func:`fingerprint` returns it."""
    target: str
    """The address of the layer."""
    deployed_in: str
    """The folder that it is post-installed for."""


@dataclass(frozen=True)
class Changes:
    """What an export has to do in a folder of layers."""

    markers: Mapping[str, Marker]
    """The markers that all layers are to have, by install target."""
    new: tuple[LayerToExport, ...]
    """The layers to make, as they are missing or were made from other things."""
    moved: tuple[LayerToExport, ...]
    """The layers to post-install, as the folder has been moved."""


def changes(layers: Sequence[LayerToExport], destination: Path) -> Changes:
    """What an export of `layers` has to do in `destination`."""
    markers, new, moved = {}, [], []
    for layer in layers:
        there = marker_of(destination / layer.install_target)
        marker = Marker(fingerprint(layer), layer.target, str(destination))
        markers[layer.install_target] = marker
        if there is None or there.fingerprint != marker.fingerprint:
            new.append(layer)
        elif there.deployed_in != marker.deployed_in:
            moved.append(layer)
    return Changes(markers, tuple(new), tuple(moved))


def marker_of(layer: Path) -> Marker | None:
    """The marker of the layer; None if no export wrote the folder."""
    if layer.is_symlink():
        return None
    data = read_marker(layer / MARKER)
    try:
        return Marker(str(data["fingerprint"]), str(data["target"]), str(data["deployed_in"]))
    except KeyError:
        return None


def mark_exported(layer: Path, marker: Marker) -> None:
    """Write the marker of the layer."""
    write_marker(layer / MARKER, vars(marker))


def write_listing(layer: Path) -> None:
    """List the files of the layer, to tell them from files that are added later."""
    paths = sorted({MARKER, LISTING, *_files(layer)})
    (layer / LISTING).write_text("\n".join(paths) + "\n", encoding="utf-8")


def fingerprint(layer: LayerToExport) -> str:
    """A hash of everything that the layer is made from, except the contents of lower layers."""
    data = {
        "format": FORMAT,
        "install_target": layer.install_target,
        "runtime": layer.runtime,
        "python_version": layer.python_version,
        "os_name": layer.os_name,
        "wheels": [[wheel.sha256, wheel.file_name] for wheel in layer.wheels],
        "files": [[file.path, _content(file), file.executable] for file in layer.files],
        "links": [[link.path, link.target] for link in layer.links],
        "interpreter": None,
    }
    if layer.interpreter is not None:
        given = layer.interpreter
        data["interpreter"] = given.sha256 or sha256_of(given.archive)[0]
    return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def _content(file: OwnFile) -> str:
    if file.source is not None:
        return sha256_of(file.source)[0]
    return hashlib.sha256((file.text or "").encode()).hexdigest()


def in_the_way(layers: Sequence[LayerToExport], destination: Path) -> list[str]:
    """Why `layers` cannot be written, or replaced, in `destination`."""
    problems = []
    for layer in layers:
        place = destination / layer.install_target
        if not os.path.lexists(place):
            continue
        marker = marker_of(place)
        if marker is None:
            problems.append(
                f"`{place}` is there, and no export wrote it. Move it away, or export to another "
                "folder."
            )
        elif marker.target != layer.target:
            problems.append(
                f"`{place}` was exported from {marker.target}, and {layer.target} would take its "
                "place. Export to another folder, or remove it."
            )
        else:
            problems += _foreign_files(place)
    return problems


def _foreign_files(place: Path) -> Iterator[str]:
    """A problem if the layer has files that no export wrote and that would be lost with it."""
    try:
        known = set((place / LISTING).read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        known = set()
    found = sorted(set(_files(place)) - known)
    if found:
        shown = and_more([f"`{path}`" for path in found], _SHOWN_FILES)
        yield (
            f"`{place}` has changed and would be replaced, but has files that no export wrote: "
            f"{shown}. Move them away, or remove the folder."
        )


def left_over(layers: Sequence[LayerToExport], destination: Path) -> list[str]:
    """The names of exported layers in `destination` that are not among `layers`."""
    names = {layer.install_target for layer in layers}
    return [
        place.name
        for place in sorted(destination.iterdir())
        if place.name not in names and marker_of(place) is not None
    ]


def write_document(document: OwnFile, destination: Path) -> None:
    """Write a file that lies beside the layers, unless it is there and the same."""
    place = destination / document.path
    text = document.text or ""
    if place.is_file() and place.read_bytes() == text.encode("utf-8"):
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    replace_file(place, text)


def _files(layer: Path) -> Iterator[str]:
    """All files and links of a layer, except byte code, which Python itself may write."""
    root = str(layer)
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False):
                    folders.append(f"{folder}{entry.name}/")
                elif not (folder.endswith("/__pycache__/") and entry.name.endswith(".pyc")):
                    yield f"{folder}{entry.name}"
