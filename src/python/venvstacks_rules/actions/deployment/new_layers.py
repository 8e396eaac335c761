"""Makes the layers to export, in a staging folder, of trees and of their own files."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path

from venvstacks_rules.actions.deployment.byte_code import (
    Interpreter,
    byte_code,
    compiled_source,
    is_compiled,
)
from venvstacks_rules.actions.deployment.layer_files import Placed, place_trees, write_own
from venvstacks_rules.actions.deployment.tree_cache import TreeCache
from venvstacks_rules.actions.deployment.tree_sources import Source, sources, unpack
from venvstacks_rules.actions.files.tree import Tree
from venvstacks_rules.local.layers.postinstall import post_install
from venvstacks_rules.model.contents.files import ArchivedFile
from venvstacks_rules.model.contents.layout import POSTINSTALL, LayerLayout
from venvstacks_rules.model.requests.export import LayerToExport
from venvstacks_rules.model.values import dataclass

Contents = Mapping[str, Sequence[tuple[Source, Tree]]]
"""What each layer is made of besides its own files, by install target."""


def unpack_contents(
    layers: Iterable[LayerToExport], cache: TreeCache, say: Callable[[str], None]
) -> Contents:
    """The trees of `layers`; those that the cache lacks are unpacked.

    Raises WheelError with the problems of all wheels, and InterpreterError.
    """
    found = {layer.install_target: sources(layer) for layer in layers}
    trees = unpack((source for listed in found.values() for source in listed), cache, say)
    return {
        name: tuple((source, trees[source.key]) for source in listed)
        for name, listed in found.items()
    }


@dataclass(frozen=True)
class LayerMaker:
    """Makes layers for a destination."""

    layers: Mapping[str, LayerToExport]
    """All layers of the export, by install target."""
    destination: Path
    """The folder that the layers will be in. It has those that are not new."""
    staging: Path
    """Where the layers are made."""
    cache: TreeCache
    say: Callable[[str], None]

    def make(self, new: Sequence[LayerToExport], contents: Contents) -> dict[str, Placed]:
        """Make `new` layers; return what was placed in each, by install target."""
        compiled = {
            runtime: self._byte_code(runtime, new, contents)
            for runtime in dict.fromkeys(layer.runtime for layer in new)
        }
        return {
            layer.install_target: self._make(
                layer, contents[layer.install_target], compiled[layer.runtime]
            )
            for layer in new
        }

    def _byte_code(
        self, name: str, new: Sequence[LayerToExport], contents: Contents
    ) -> dict[str, Tree]:
        """The byte code of the trees of the `new` layers on the runtime `name`."""
        wanted = {
            source.key: (source, tree)
            for layer in new
            if layer.runtime == name
            for source, tree in contents[layer.install_target]
        }
        runtime = self.layers[name]
        (interpreter, *_) = sources(runtime)
        # Not from the staging folder: the runtime's own byte code is not there yet.
        if interpreter.key in wanted:
            folder = wanted[interpreter.key][1].folder
        else:
            folder = self.destination / name
        script = next(file.text for file in runtime.files if file.path == str(POSTINSTALL))
        compiler = Interpreter(interpreter.key, _python(runtime, folder), script or "")
        return byte_code(wanted.values(), compiler, self.cache, self.say)

    def _make(
        self,
        layer: LayerToExport,
        contents: Sequence[tuple[Source, Tree]],
        compiled: Mapping[str, Tree],
    ) -> Placed:
        folder = self.staging / layer.install_target
        placed = place_trees(_files(contents, compiled), folder)
        placed.written = write_own(layer.files, layer.links, folder)
        runtime = self.staging / layer.runtime
        if not runtime.exists():
            runtime = self.destination / layer.runtime
        configure(layer, folder, runtime, self.destination)
        own = [file.path for file in layer.files if is_compiled(file.path)]
        if own:
            post_install(folder, _python(layer, runtime), "--compile-listed", paths=own)
        return placed


def configure(layer: LayerToExport, folder: Path, runtime: Path, destination: Path) -> None:
    """Write the files of the layer in `folder` that depend on the path of the destination."""
    if layer.interpreter is None:
        python = _python(layer, runtime)
        post_install(folder, python, "--no-compile", f"--deployed-in={destination}")


def _python(layer: LayerToExport, runtime: Path) -> Path:
    return runtime / LayerLayout(layer.python_version, layer.os_name).base_python


def _files(
    contents: Sequence[tuple[Source, Tree]], compiled: Mapping[str, Tree]
) -> dict[str, tuple[Tree, ArchivedFile]]:
    """The files of a layer and their byte code, by path; of two with one path, the later."""
    owners: dict[str, str] = {}
    files: dict[str, tuple[Tree, ArchivedFile]] = {}
    for source, tree in contents:
        for file in tree.files:
            owners[file.path] = source.key
            files[file.path] = (tree, file)
    for source, _ in contents:
        tree_of_code = compiled.get(source.key)
        if tree_of_code is not None:
            for file in tree_of_code.files:
                if owners[compiled_source(file.path)] == source.key:
                    files[file.path] = (tree_of_code, file)
    return files
