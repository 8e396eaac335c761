"""``export-layers``: make layers, ready to run, in a folder; nothing is packed.

Wheels and interpreters are unpacked, and compiled, into a cache, each once; a layer is made of
hard links to it and of a few files of its own. A layer that stands there already, made from the
same things, is left alone. All that can fail happens in a staging folder; then each layer takes its
place by one rename, those below first. A process that is killed leaves each layer as it was or as
it will be.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from venvstacks_rules.actions.archives.clashes import clashes, own_problems
from venvstacks_rules.actions.deployment import exported, swap
from venvstacks_rules.actions.deployment.archives import is_install_target
from venvstacks_rules.actions.deployment.exported import Marker
from venvstacks_rules.actions.deployment.folders import locked, new_staging
from venvstacks_rules.actions.deployment.links import Placed, place_trees, write_own
from venvstacks_rules.actions.deployment.postinstall import post_install
from venvstacks_rules.actions.deployment.tree_cache import TreeCache, tree_cache
from venvstacks_rules.actions.deployment.tree_sources import (
    Interpreter,
    Source,
    byte_code,
    compiled_source,
    is_compiled,
    sources,
    unpack,
)
from venvstacks_rules.actions.files.tree import Tree
from venvstacks_rules.model.contents.files import ArchivedFile, OwnFile
from venvstacks_rules.model.contents.layout import POSTINSTALL, LayerLayout
from venvstacks_rules.model.errors import DeploymentError, RequestError
from venvstacks_rules.model.json_codec import from_json
from venvstacks_rules.model.requests.export import (
    ExportedLayer,
    ExportedLayers,
    ExportLayersRequest,
    LayerToExport,
)


def run(request_text: str) -> ExportedLayers:
    """Do what an :class:`ExportLayersRequest` asks for, and say on standard error what was done.

    Raises WheelError and InterpreterError for what cannot be unpacked, and DeploymentError for
    layers that cannot be made or that something is in the way of; the layers that stood there are
    untouched then.
    """
    request = from_json(ExportLayersRequest, request_text)
    _check(request)
    destination = Path(os.path.realpath(request.destination))
    umask = os.umask(0o022)
    try:
        destination.mkdir(parents=True, exist_ok=True)
        state = destination / swap.STATE_FOLDER
        with locked(state / "lock"):
            swap.clear(destination, state)
            return _export(request, destination, state)
    except OSError as e:
        raise DeploymentError(
            f"cannot export to `{request.destination}`",
            [f"`{e.filename}`: {e.strerror}" if e.filename else str(e)],
        ) from e
    finally:
        os.umask(umask)


def _check(request: ExportLayersRequest) -> None:
    known: set[str] = set()
    runtimes: set[str] = set()
    for number, layer in enumerate(request.layers):
        key = f"layers[{number}]"
        if not is_install_target(layer.install_target):
            raise RequestError(f"{key}.install_target: `{layer.install_target}` is no folder name")
        if layer.install_target.casefold() in known:
            raise RequestError(f"{key}.install_target: `{layer.install_target}` is given twice")
        known.add(layer.install_target.casefold())
        if layer.interpreter is not None and layer.runtime == layer.install_target:
            runtimes.add(layer.install_target)
        if layer.runtime not in runtimes:
            raise RequestError(f"{key}.runtime: `{layer.runtime}` is no runtime given before")
        if not any(file.path == str(POSTINSTALL) and file.text for file in layer.files):
            raise RequestError(f"{key}.files: the text of `{POSTINSTALL}` is missing")


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _export(request: ExportLayersRequest, destination: Path, state: Path) -> ExportedLayers:
    markers = {
        layer.install_target: Marker(exported.fingerprint(layer), layer.target, str(destination))
        for layer in request.layers
    }
    new, moved = [], []
    for layer in request.layers:
        there = exported.read_marker(destination / layer.install_target)
        marker = markers[layer.install_target]
        if there is None or there.fingerprint != marker.fingerprint:
            new.append(layer)
        elif there.deployed_in != marker.deployed_in:
            moved.append(layer)
    problems = exported.in_the_way(new, destination)
    if problems:
        raise DeploymentError("something is in the way of the layers", problems)
    done: dict[str, Placed] = {}
    if new:
        staging = new_staging(state / "staging")
        with tree_cache(request.cache) as cache:
            done = _Export(request, destination, staging, cache).make(new)
        for layer in new:
            staged = staging / layer.install_target
            exported.write_listing(staged)
            exported.write_marker(staged, markers[layer.install_target])
        for layer in new:
            place = destination / layer.install_target
            swap.take_place(staging / layer.install_target, place, state)
    for layer in moved:
        # The whole folder has been moved since.
        place = destination / layer.install_target
        _configure(layer, place, destination / layer.runtime, destination)
        exported.write_marker(place, markers[layer.install_target])
    swap.clear(destination, state)
    for document in request.documents:
        _write_document(document, destination)
    result = ExportedLayers(
        tuple(_exported(layer, done.get(layer.install_target)) for layer in request.layers)
    )
    _report(result, exported.left_over(request.layers, destination), destination)
    return result


def _exported(layer: LayerToExport, placed: Placed | None) -> ExportedLayer:
    if placed is None:
        return ExportedLayer(layer.install_target, changed=False)
    return ExportedLayer(layer.install_target, changed=True, **vars(placed))


def _configure(layer: LayerToExport, place: Path, runtime: Path, destination: Path) -> None:
    """Write what depends on where the layers are."""
    if layer.interpreter is None:
        python = runtime / LayerLayout(layer.python_version, layer.os_name).base_python
        post_install(place, python, "--no-compile", f"--deployed-in={destination}")


def _write_document(document: OwnFile, destination: Path) -> None:
    place = destination / document.path
    data = (document.text or "").encode("utf-8")
    if place.is_file() and place.read_bytes() == data:
        return
    place.parent.mkdir(parents=True, exist_ok=True)
    temporary = place.with_name(f"{place.name}.new")
    temporary.write_bytes(data)
    os.replace(temporary, place)


# ------------------------------------------------------------------------------------ one export
@dataclass(frozen=True)
class _Export:
    """Makes layers in a staging folder."""

    request: ExportLayersRequest
    destination: Path
    staging: Path
    cache: TreeCache

    def make(self, new: Sequence[LayerToExport]) -> dict[str, Placed]:
        """Make `new` layers; what was placed in each, by install target."""
        made_of = {layer.install_target: sources(layer) for layer in new}
        trees = unpack((source for found in made_of.values() for source in found), self.cache, _say)
        compiled = self._byte_code(new, made_of, trees)
        placed = {}
        for layer in new:
            found = made_of[layer.install_target]
            placed[layer.install_target] = self._make(layer, found, trees, compiled[layer.runtime])
        return placed

    def _byte_code(
        self,
        new: Sequence[LayerToExport],
        made_of: Mapping[str, Sequence[Source]],
        trees: Mapping[str, Tree],
    ) -> dict[str, dict[str, Tree]]:
        """For each runtime, the byte code of the trees of its layers."""
        result = {}
        layers = {layer.install_target: layer for layer in self.request.layers}
        for name in dict.fromkeys(layer.runtime for layer in new):
            wanted = {
                source.key: source
                for layer in new
                if layer.runtime == name
                for source in made_of[layer.install_target]
            }
            runtime = layers[name]
            (interpreter, *_) = sources(runtime)
            # Not from the staging folder: the runtime's own byte code is not there yet.
            tree = trees.get(interpreter.key)
            folder = self.destination / name if tree is None else tree.folder
            python = folder / LayerLayout(runtime.python_version, runtime.os_name).base_python
            script = next(file.text for file in runtime.files if file.path == str(POSTINSTALL))
            compiler = Interpreter(interpreter.key, python, script or "")
            result[name] = byte_code(wanted.values(), trees, compiler, self.cache, _say)
        return result

    def _make(
        self,
        layer: LayerToExport,
        found: Sequence[Source],
        trees: Mapping[str, Tree],
        compiled: Mapping[str, Tree],
    ) -> Placed:
        contents = [(source, trees[source.key]) for source in found]
        _check_paths(layer, contents)
        folder = self.staging / layer.install_target
        placed = place_trees(_layer_files(contents, compiled), folder)
        placed.written = write_own(layer.files, layer.links, folder)
        runtime = self.staging / layer.runtime
        if not runtime.exists():
            runtime = self.destination / layer.runtime
        _configure(layer, folder, runtime, self.destination)
        own = [file.path for file in layer.files if is_compiled(file.path)]
        if own:
            python = runtime / LayerLayout(layer.python_version, layer.os_name).base_python
            post_install(folder, python, "--compile-listed", paths=own)
        return placed


def _layer_files(
    contents: Sequence[tuple[Source, Tree]], compiled: Mapping[str, Tree]
) -> dict[str, tuple[Tree, ArchivedFile]]:
    """The files of a layer by path: the later of two that have the same, and its byte code."""
    owners: dict[str, str] = {}
    files: dict[str, tuple[Tree, ArchivedFile]] = {}
    for source, tree in contents:
        for file in tree.files:
            owners[file.path] = source.key
            files[file.path] = (tree, file)
    for source, _ in contents:
        byte_code_of = compiled.get(source.key)
        for file in byte_code_of.files if byte_code_of is not None else ():
            if owners[compiled_source(file.path)] == source.key:
                files[file.path] = (byte_code_of, file)  # type: ignore[assignment]
    return files


def _check_paths(layer: LayerToExport, contents: Sequence[tuple[Source, Tree]]) -> None:
    listed = [(source.name, tree.files) for source, tree in contents]
    problems = [
        *own_problems(layer.files, layer.links, os_name=layer.os_name),
        *clashes(listed, layer.files, layer.links, case_sensitive=layer.case_sensitive),
    ]
    if problems:
        raise DeploymentError(f"`{layer.target}` cannot be exported", problems)


# ----------------------------------------------------------------------------------------- report
def _report(result: ExportedLayers, left_over: Sequence[str], destination: Path) -> None:
    for layer in result.layers:
        if not layer.changed:
            _say(f"{layer.install_target}: unchanged")
            continue
        counts = (
            (layer.linked, "linked"),
            (layer.copied, "copied"),
            (layer.written, "written"),
        )
        parts = ", ".join(f"{count} {what}" for count, what in counts if count)
        _say(f"{layer.install_target}: {parts} files, {layer.size / 1e6:.1f} MB")
    if left_over:
        names = ", ".join(f"`{name}`" for name in left_over)
        _say(f"Left alone, as they are none of these layers: {names}")
    _say(f"Exported to {destination}")
