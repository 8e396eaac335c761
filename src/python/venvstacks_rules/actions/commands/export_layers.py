"""``export-layers``: make layers, ready to run, in a folder; nothing is packed.

Wheels and interpreters are unpacked and compiled into a cache, each once; a layer is made of hard
links to the cache and of a few files of its own. A layer that is there already, made from the same
things and with all its files as they were, is left alone. Everything that can fail happens in a
staging folder; then each layer gets to its place by one rename, the lower ones first. A process
that is killed leaves each layer as it was or as it will be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from contextlib import suppress

from venvstacks_rules.actions.archives.clashes import clashes, own_problems
from venvstacks_rules.actions.deployment import exported
from venvstacks_rules.actions.deployment.destination import Destination, destination
from venvstacks_rules.actions.deployment.layer_files import Placed
from venvstacks_rules.actions.deployment.new_layers import (
    Contents,
    LayerMaker,
    configure,
    unpack_contents,
)
from venvstacks_rules.actions.deployment.tree_cache import tree_cache
from venvstacks_rules.model.contents.layout import POSTINSTALL
from venvstacks_rules.model.errors import DeploymentError, RequestError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.export import (
    ExportedLayer,
    ExportedLayers,
    ExportLayersRequest,
    LayerToExport,
)
from venvstacks_rules.model.wording import printable, quoted, size_text


def run(request_text: str) -> ExportedLayers:
    """Do what an :class:`ExportLayersRequest` asks for, and report it on standard error.

    Raises WheelError and InterpreterError for inputs that cannot be unpacked, and DeploymentError
    if layers cannot be made or something is in their way. In all cases the layers that were there
    are untouched.
    """
    request = from_json(ExportLayersRequest, request_text)
    _check(request)
    umask = os.umask(0o022)
    try:
        with destination(request.destination, f"cannot export to `{request.destination}`") as place:
            return _export(request, place)
    finally:
        os.umask(umask)


def _check(request: ExportLayersRequest) -> None:
    known: set[str] = set()
    runtimes: set[str] = set()
    for number, layer in enumerate(request.layers):
        key = f"layers[{number}]"
        if layer.install_target.casefold() in known:
            raise RequestError(f"{key}.install_target: `{layer.install_target}` is given twice")
        known.add(layer.install_target.casefold())
        if layer.interpreter is not None and layer.runtime == layer.install_target:
            runtimes.add(layer.install_target)
        if layer.runtime not in runtimes:
            raise RequestError(f"{key}.runtime: `{layer.runtime}` is not a runtime given before")
        if not any(file.path == str(POSTINSTALL) and file.text for file in layer.files):
            raise RequestError(f"{key}.files: the text of `{POSTINSTALL}` is missing")


def _export(request: ExportLayersRequest, place: Destination) -> ExportedLayers:
    changes = exported.changes(request.layers, place.folder, verify=request.verify)
    problems = exported.in_the_way(changes.new, place.folder)
    if problems:
        raise DeploymentError("something is in the way of the layers", problems)
    done = _make(request, changes, place) if changes.new else {}
    for layer in changes.moved:
        folder = place.folder / layer.install_target
        configure(layer, folder, place.folder / layer.runtime, place.folder)
        exported.mark_exported(folder, changes.markers[layer.install_target])
    for document in request.documents:
        exported.write_document(document, place.folder)
    result = ExportedLayers(
        tuple(_exported(layer, done.get(layer.install_target), changes) for layer in request.layers)
    )
    for name, damage in changes.damaged.items():
        _say(f"{name}: made again: {damage.what}")
    _report(result, exported.left_over(request.layers, place.folder), place)
    return result


def _make(
    request: ExportLayersRequest, changes: exported.Changes, place: Destination
) -> dict[str, Placed]:
    """Make the new layers; return what was placed in each, by install target."""
    layers = {layer.install_target: layer for layer in request.layers}
    with place.staging() as staging:
        with tree_cache(request.cache, verify=request.verify) as cache:
            contents = unpack_contents(changes.new, cache, _say)
            for layer in changes.new:
                _check_paths(layer, contents)
            maker = LayerMaker(layers, place.folder, staging, cache, _say)
            done = maker.make(changes.new, contents)
        staged = [staging / layer.install_target for layer in changes.new]
        problems = exported.files_at_risk(staged, place.folder)
        if problems:
            raise DeploymentError("something is in the way of the layers", problems)
        for folder in staged:
            trees = [tree for _, tree in contents[folder.name]]
            exported.mark_exported(folder, changes.markers[folder.name], trees)
        place.take(staged)
    return done


def _check_paths(layer: LayerToExport, contents: Contents) -> None:
    listed = [(source.name, tree.files) for source, tree in contents[layer.install_target]]
    problems = [
        *own_problems(layer.files, layer.links, os_name=layer.os_name),
        *clashes(listed, layer.files, layer.links, case_sensitive=layer.case_sensitive),
    ]
    if problems:
        raise DeploymentError(f"`{layer.target}` cannot be exported", problems)


# ----------------------------------------------------------------------------------------- report
def _exported(
    layer: LayerToExport, placed: Placed | None, changes: exported.Changes
) -> ExportedLayer:
    name = layer.install_target
    if placed is None:
        return ExportedLayer(name, changed=False)
    damage = changes.damaged.get(name)
    damaged = 0 if damage is None else damage.files
    return ExportedLayer(name, changed=True, damaged=damaged, **vars(placed))


def _report(result: ExportedLayers, left_over: Sequence[str], place: Destination) -> None:
    for layer in result.layers:
        _say(f"{layer.install_target}: {_described(layer)}")
    if left_over:
        _say(f"Not changed, because this export does not include them: {quoted(left_over)}")
    _say(f"Exported to {place.folder}")


def _described(layer: ExportedLayer) -> str:
    if not layer.changed:
        return "unchanged"
    counts = ((layer.linked, "linked"), (layer.copied, "copied"), (layer.written, "written"))
    parts = ", ".join(f"{count} {what}" for count, what in counts if count)
    # Its size is that of its linked and copied files.
    size = f", {size_text(layer.size)}" if layer.size else ""
    return f"{parts} files{size}"


def _say(text: str) -> None:
    # Who listened may be gone, for example a daemon that was killed: the work goes on.
    with suppress(OSError):
        print(printable(text), file=sys.stderr, flush=True)
