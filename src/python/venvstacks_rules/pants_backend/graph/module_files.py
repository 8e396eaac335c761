"""The files of the repository that a launch or support module consists of."""

from __future__ import annotations

import posixpath
from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.exceptions import IntrinsicError
from pants.engine.fs import PathGlobs

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.gitignore import IgnoreRules, folders_above
from venvstacks_rules.model.layers.definitions import ModuleDefinition
from venvstacks_rules.model.layers.launch_names import launch_name
from venvstacks_rules.model.layers.modules import (
    module_files,
    module_folders,
    module_globs,
    module_place,
)
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, implicitly, rule


@dataclass(frozen=True)
class ModuleRequest:
    """A launch or support module, as a layer names it."""

    folder: str
    path: str
    """Relative to the folder."""
    by_name: bool = False
    """Whether `path` may also be a name to import, as that of a launch module may."""


@dataclass(frozen=True)
class FoundModule:
    """A module with its files."""

    definition: ModuleDefinition
    place: str
    """The path from the build root; empty if the module lies outside of it."""
    files: tuple[str, ...]
    """Their paths below the module, sorted; one empty path for a module that is a file."""
    folders: tuple[str, ...]
    """Below the module, sorted."""

    def path_of(self, file: str) -> str:
        """The path from the build root of one of the files."""
        return join(self.place, file)


def join(folder: str, file: str) -> str:
    """The path of `file` in `folder`; the folder itself if `file` is empty."""
    return f"{folder}/{file}" if file else folder


@dataclass(frozen=True)
class KeptFilesRequest:
    """Files, by their paths from the build root."""

    files: tuple[str, ...]


@dataclass(frozen=True)
class KeptFiles:
    """The files that version control does not ignore."""

    files: tuple[str, ...]


@rule
async def kept_files(request: KeptFilesRequest) -> KeptFiles:
    # Pants itself reads the `.gitignore` of the build root, but no other.
    digest = await engine.path_globs_to_digest(
        PathGlobs(posixpath.join(folder, ".gitignore") for folder in folders_above(request.files))
    )
    rules = IgnoreRules(
        {
            posixpath.dirname(file.path): file.content
            for file in await engine.get_digest_contents(digest)
        }
    )
    return KeptFiles(tuple(file for file in request.files if not rules.ignored(file)))


@rule
async def find_module(request: ModuleRequest) -> FoundModule:
    name = launch_name(request.path) if request.by_name else None
    if name is not None:
        return FoundModule(ModuleDefinition(request.path, (), name=name), "", (), ())
    place = module_place(request.folder, request.path)
    if place is None:
        return FoundModule(ModuleDefinition(request.path, (), outside=True), "", (), ())
    try:
        found = await engine.path_globs_to_paths(PathGlobs(module_globs(place)))
    except IntrinsicError as e:
        raise DefinitionError(
            "A launch or support module cannot be read:",
            [
                f"{place}: {e}. Links in a module have to be relative, and must not lead to a "
                "folder above themselves."
            ],
        ) from None
    files: tuple[str, ...]
    folders: tuple[str, ...]
    if place.endswith(".py"):
        files, folders = ("",) if found.files else (), ()
    else:
        kept = await kept_files(KeptFilesRequest(tuple(found.files)), **implicitly())
        below = [posixpath.relpath(file, place) for file in kept.files]
        files, folders = module_files(below), module_folders(below)
    path = posixpath.relpath(place, request.folder or ".")
    from_root = None
    elsewhere = module_place("", request.path) if not files and request.folder else None
    if elsewhere is not None and "/" in elsewhere:
        # Addresses start at the root, and so do paths in other places.
        there = await engine.path_globs_to_paths(PathGlobs(module_globs(elsewhere)))
        from_root = posixpath.relpath(elsewhere, request.folder) if there.files else None
    definition = ModuleDefinition(
        path,
        tuple(join(path, file) for file in files),
        written=request.path,
        place=place,
        from_root=from_root,
    )
    return FoundModule(definition, place, files, folders)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
