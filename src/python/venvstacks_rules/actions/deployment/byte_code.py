"""The byte code of trees.

It is kept apart from them, since it depends on the interpreter that compiles.
"""

from __future__ import annotations

import hashlib
import os
import posixpath
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from venvstacks_rules.actions.deployment.folders import remove
from venvstacks_rules.actions.deployment.layer_files import place_trees
from venvstacks_rules.actions.deployment.tree_cache import TreeCache, key
from venvstacks_rules.actions.deployment.tree_sources import Source, listed
from venvstacks_rules.actions.files.tree import Tree, TreeWriter
from venvstacks_rules.local.files.streams import naming
from venvstacks_rules.local.layers.postinstall import post_install
from venvstacks_rules.model.contents.layout import POSTINSTALL
from venvstacks_rules.model.values import dataclass

_CACHE_FOLDER = "/__pycache__/"


@dataclass(frozen=True)
class Interpreter:
    """An interpreter that compiles."""

    key: str
    """Of the interpreter's tree."""
    python: Path
    """The executable."""
    postinstall: str
    """The text of the script that compiles, as layers have it."""


def byte_code(
    wanted: Iterable[tuple[Source, Tree]],
    interpreter: Interpreter,
    cache: TreeCache,
    say: Callable[[str], None],
) -> dict[str, Tree]:
    """The byte code of `wanted`, by the key of the source; what the cache lacks is compiled."""
    script = hashlib.sha256(interpreter.postinstall.encode()).hexdigest()
    found: dict[str, Tree] = {}
    missing: dict[str, tuple[Source, Tree]] = {}
    for source, tree in wanted:
        if any(is_compiled(file.path) for file in tree.files):
            name = key("byte code", source.key, interpreter.key, script)
            compiled = cache.find(name)
            if compiled is None:
                missing[name] = (source, tree)
            else:
                found[source.key] = compiled
    if missing:
        say(f"Compiling {listed([source for source, _ in missing.values()])}")
        found.update(_compile(missing, interpreter, cache))
    return found


def is_compiled(path: str) -> bool:
    """Whether post-installation compiles the file at `path` in a layer."""
    return path.startswith("lib/") and path.endswith(".py") and _CACHE_FOLDER not in path


def compiled_source(path: str) -> str:
    """The path of the source of the byte code at `path`."""
    folder, _, name = path.rpartition(_CACHE_FOLDER)
    return f"{folder}/{name.rsplit('.', 2)[0]}.py"


def _compile(
    missing: Mapping[str, tuple[Source, Tree]],
    interpreter: Interpreter,
    cache: TreeCache,
) -> dict[str, Tree]:
    # One folder in the shape of a layer, so that the compilers share the work evenly. Its names
    # get into the byte code (Python replaces them at import), so they are always the same.
    folder = cache.staging / "byte-code"
    placed = {
        f"lib/{source.key}/{file.path}": (tree, file)
        for source, tree in missing.values()
        for file in tree.files
        if is_compiled(file.path)
    }
    place_trees(placed, folder)
    with naming(folder / POSTINSTALL):
        (folder / POSTINSTALL).write_text(interpreter.postinstall, encoding="utf-8")
    post_install(folder, interpreter.python, "--no-config")
    made = {
        source.key: cache.add(name, _mover(folder / "lib" / source.key))
        for name, (source, _) in missing.items()
    }
    remove(folder)
    return made


def _mover(root: Path) -> Callable[[TreeWriter], None]:
    """A function that moves the byte code below `root` into a tree."""

    def move(writer: TreeWriter) -> None:
        for folder, folders, names in os.walk(root):
            folders.sort()
            if posixpath.basename(folder) == "__pycache__":
                for name in sorted(names):
                    path = f"{folder}/{name}"
                    writer.move_file(os.path.relpath(path, root), path)

    return move
