"""What stands in a folder that layers are exported to.

Each exported layer has a marker, which says what it was made from, and a list of its files. What
has no marker is somebody else's and is never touched, nor are files that no export wrote.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.deployment.tree_cache import FORMAT
from venvstacks_rules.actions.files.streams import sha256_of
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.requests.export import LayerToExport

MARKER, LISTING = ".venvstacks-exported.json", ".venvstacks-exported.files"
"""In each layer; no archive and no wheel has hidden files there."""

_SHOWN_FILES = 5


@dataclass(frozen=True)
class Marker:
    """What an exported layer says of itself."""

    fingerprint: str
    """Of all that it was made from."""
    target: str
    """The address of the layer."""
    deployed_in: str
    """The folder that it is post-installed for."""


def read_marker(layer: Path) -> Marker | None:
    """The marker of the layer in a folder; None where no export wrote it."""
    if layer.is_symlink():
        return None
    try:
        data = json.loads((layer / MARKER).read_text(encoding="utf-8"))
        return Marker(str(data["fingerprint"]), str(data["target"]), str(data["deployed_in"]))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def write_marker(layer: Path, marker: Marker) -> None:
    """Write the marker, at one stroke."""
    text = json.dumps(marker.__dict__, indent=1, sort_keys=True) + "\n"
    temporary = layer / f"{MARKER}.new"
    temporary.write_text(text, encoding="utf-8")
    os.replace(temporary, layer / MARKER)


def write_listing(layer: Path) -> None:
    """List the files of the layer, so that those that come later can be told from them."""
    paths = sorted({MARKER, LISTING, *_files(layer)})
    (layer / LISTING).write_text("\n".join(paths) + "\n", encoding="utf-8")


def fingerprint(layer: LayerToExport) -> str:
    """A hash over all that the layer is made from, but for the contents of those below it."""
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
    """What keeps `layers` from being written, or replaced, in `destination`."""
    problems = []
    for layer in layers:
        place = destination / layer.install_target
        if not os.path.lexists(place):
            continue
        marker = read_marker(place)
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
    """A problem for files that would go with the layer and that no export wrote."""
    try:
        known = set((place / LISTING).read_text(encoding="utf-8").splitlines())
    except (OSError, ValueError):
        known = set()
    found = sorted(set(_files(place)) - known)
    if found:
        shown = ", ".join(f"`{path}`" for path in found[:_SHOWN_FILES])
        more = f" and {len(found) - _SHOWN_FILES} more" if len(found) > _SHOWN_FILES else ""
        yield (
            f"`{place}` has changed and would be replaced, but has files that no export wrote: "
            f"{shown}{more}. Move them away, or remove the folder."
        )


def left_over(layers: Sequence[LayerToExport], destination: Path) -> list[str]:
    """The names of exported layers in `destination` that are none of `layers`."""
    names = {layer.install_target for layer in layers}
    return [
        place.name
        for place in sorted(destination.iterdir())
        if place.name not in names and read_marker(place) is not None
    ]


def _files(layer: Path) -> Iterator[str]:
    """All files and links of a layer, but for byte code, which Python itself may write."""
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
