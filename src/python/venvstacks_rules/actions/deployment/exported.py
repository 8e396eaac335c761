"""What is in a folder that layers are exported to.

Each exported layer has a marker, which says what it was made from, and a list of its files. A
folder without either and files that no export wrote belong to someone else and are never touched.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment.listing import (
    ListedFile,
    damaged_files,
    files_in,
    named_damage,
    read_listing,
    update_listing,
)
from venvstacks_rules.actions.deployment.markers import read_marker, write_marker
from venvstacks_rules.actions.deployment.tree_cache import FORMAT
from venvstacks_rules.actions.deployment.tree_sources import chosen_files
from venvstacks_rules.actions.files.sealed import replace_file
from venvstacks_rules.actions.files.tree import Tree
from venvstacks_rules.local.files.streams import sha256_of
from venvstacks_rules.model.contents.files import MODIFICATION_TIME, OwnFile
from venvstacks_rules.model.requests.export import LayerToExport
from venvstacks_rules.model.values import dataclass
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
class Damage:
    """What is wrong with an exported layer."""

    files: int
    """How many files are missing or changed, the list of them included."""
    what: str
    """In words."""


@dataclass(frozen=True)
class Changes:
    """What an export has to do in a folder of layers."""

    markers: Mapping[str, Marker]
    """The markers that all layers are to have, by install target."""
    new: tuple[LayerToExport, ...]
    """The layers to make, as they are missing, damaged, or were made from other things."""
    damaged: Mapping[str, Damage]
    """Those of `new` that would be left alone if they were whole, by install target."""
    moved: tuple[LayerToExport, ...]
    """The layers to post-install, as the folder has been moved."""


def changes(layers: Sequence[LayerToExport], destination: Path, *, verify: bool) -> Changes:
    """What an export of `layers` has to do in `destination`.

    With `verify`, the look for damage reads all files.
    """
    markers, new, moved = {}, [], []
    damaged: dict[str, Damage] = {}
    for layer in layers:
        place = destination / layer.install_target
        there = marker_of(place)
        marker = Marker(fingerprint(layer), layer.target, str(destination))
        markers[layer.install_target] = marker
        if there is None or there.fingerprint != marker.fingerprint:
            new.append(layer)
            continue
        found = _damage(place, verify=verify)
        if found is not None:
            damaged[layer.install_target] = found
            new.append(layer)
        elif there.deployed_in != marker.deployed_in:
            moved.append(layer)
    return Changes(markers, tuple(new), damaged, tuple(moved))


def _damage(place: Path, *, verify: bool) -> Damage | None:
    """What is wrong with the exported layer in the folder `place`."""
    files = read_listing(place / LISTING)
    if files is None:
        return Damage(1, "the list of its files cannot be read")
    found = damaged_files(place, files, thorough=verify)
    return Damage(len(found), named_damage(found)) if found else None


def marker_of(layer: Path) -> Marker | None:
    """The marker of the layer; None if no export wrote the folder, or if it is damaged."""
    if layer.is_symlink():
        return None
    data = read_marker(layer / MARKER)
    try:
        return Marker(str(data["fingerprint"]), str(data["target"]), str(data["deployed_in"]))
    except KeyError:
        return None


def mark_exported(layer: Path, marker: Marker, trees: Iterable[Tree] = ()) -> None:
    """Write marker and list of a layer that was just made of `trees`, or post-installed again."""
    update_listing(layer, LISTING, known=_files_of(trees))
    write_marker(layer / MARKER, vars(marker))


def _files_of(trees: Iterable[Tree]) -> dict[str, ListedFile]:
    """The files of `trees` as a layer has them, so that they need not be read for their hashes."""
    return {
        file.path: ListedFile(
            file.path, file.size, MODIFICATION_TIME * 10**9, file.executable, file.sha256
        )
        for tree in trees
        for file in tree.files
    }


def fingerprint(layer: LayerToExport) -> str:
    """A hash of everything that the layer is made from, except the contents of lower layers."""
    data: dict[str, object] = {
        "format": FORMAT,
        "install_target": layer.install_target,
        "runtime": layer.runtime,
        "python_version": layer.python_version,
        "os_name": layer.os_name,
        "wheels": [[wheel.sha256, wheel.file_name, *chosen_files(wheel)] for wheel in layer.wheels],
        "files": [[file.path, _content(file), file.executable] for file in layer.files],
        "links": [[link.path, link.target] for link in layer.links],
        "interpreter": None,
    }
    if layer.interpreter is not None:
        given = layer.interpreter
        data["interpreter"] = [given.sha256 or sha256_of(given.archive)[0], *given.strip]
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
        if not _is_export(place):
            problems.append(
                f"`{place}` is there, and no export wrote it. Move it away, or export to another "
                "folder."
            )
        elif marker is not None and marker.target != layer.target:
            problems.append(
                f"`{place}` was exported from {marker.target}, and {layer.target} would take its "
                "place. Export to another folder, or remove it."
            )
        else:
            known = read_listing(place / LISTING)
            if known is not None:
                problems += _foreign_files(place, {file.path for file in known})
    return problems


def _is_export(place: Path) -> bool:
    """Whether an export wrote the folder; its marker and its list may be damaged by now."""
    return not place.is_symlink() and any((place / name).is_file() for name in (MARKER, LISTING))


def files_at_risk(staged: Iterable[Path], destination: Path) -> list[str]:
    """Why the `staged` layers cannot take the places of those in `destination`.

    This is for those whose list is damaged: what the new layer does not have is taken for a file
    that no export wrote.
    """
    problems: list[str] = []
    for layer in staged:
        place = destination / layer.name
        if place.is_dir() and read_listing(place / LISTING) is None:
            problems += _foreign_files(place, set(files_in(layer)))
    return problems


def _foreign_files(place: Path, known: Collection[str]) -> Iterator[str]:
    """A problem if the layer has files that no export wrote and that would be lost with it."""
    found = sorted(set(_files(place)).difference(known, (MARKER, LISTING)))
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
    replace_file(place, text.encode("utf-8"))


def _files(layer: Path) -> Iterator[str]:
    """All files and links of a layer, except byte code, which Python itself may write."""
    return (
        path for path in files_in(layer) if not (path.endswith(".pyc") and "/__pycache__/" in path)
    )
