"""Modules of the repository, by the names to import them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import PathGlobs
from pants.engine.internals.graph import OwnersRequest

from venvstacks_rules.model.code.launched import NearModules
from venvstacks_rules.model.code.modules import module_files, started_files
from venvstacks_rules.model.layers.launch_names import LaunchName
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule


@dataclass(frozen=True)
class NamedModuleRequest:
    """A launch module that is named as it is imported."""

    name: LaunchName
    folder: str
    """Of the BUILD file that names it."""


@dataclass(frozen=True)
class NamedModuleFiles:
    """The files of the repository that may be a named launch module."""

    files: tuple[str, ...]


@dataclass(frozen=True)
class RepositoryModuleRequest:
    """A name that is imported: of a module, or of something in a module."""

    name: str
    is_module: bool
    """Whether it has to be a module."""


@dataclass(frozen=True)
class RepositoryModule:
    """The module that an import of a name would find, if it lies in the repository."""

    file: Optional[str]
    owners: tuple[Address, ...]
    """The targets that own the file."""


@dataclass(frozen=True)
class NearModulesRequest:
    """A launch module that a layer lacks."""

    name: LaunchName


@rule
async def named_module_files(request: NamedModuleRequest) -> NamedModuleFiles:
    roots = [root.path for root in await engine.all_source_roots()]
    # With equal names below several source roots, the one that holds the BUILD file is meant.
    beside = [root for root in roots if root in (".", "") or _is_in(request.folder, root)]
    nearest = sorted(beside, key=len, reverse=True)[:1]
    wanted = started_files(request.name)
    for chosen in (nearest, roots):
        found = await engine.path_globs_to_paths(PathGlobs(_below(chosen, wanted)))
        if found.files:
            return NamedModuleFiles(found.files)
    return NamedModuleFiles(())


def _is_in(folder: str, root: str) -> bool:
    return folder == root or folder.startswith(f"{root}/")


def _below(roots: Iterable[str], files: Sequence[str]) -> list[str]:
    return [str(PurePosixPath(root, file)) for root in roots for file in files]


@rule
async def repository_module(request: RepositoryModuleRequest) -> RepositoryModule:
    roots = [root.path for root in await engine.all_source_roots()]
    # The last part may name something in the module.
    above = request.name.rpartition(".")[0]
    for module in (request.name, *([above] if above and not request.is_module else [])):
        paths = _below(roots, module_files(module))
        found = await engine.path_globs_to_paths(PathGlobs(paths))
        if found.files:
            owners = await engine.find_owners(OwnersRequest(found.files[:1]))
            return RepositoryModule(found.files[0], tuple(owners))
    return RepositoryModule(None, ())


@rule
async def near_modules(request: NearModulesRequest) -> NearModules:
    roots = [root.path for root in await engine.all_source_roots()]
    wanted = await engine.path_globs_to_paths(PathGlobs(_below(roots, started_files(request.name))))
    owners = await engine.find_owners(OwnersRequest(wanted.files[:1]))
    package, dot, _ = request.name.module.rpartition(".")
    folder = package.replace(".", "/")
    beside = await engine.path_globs_to_paths(
        PathGlobs(_below(roots, [f"{folder}/*.py", f"{folder}/*/__main__.py"] if dot else []))
    )
    names = (PurePosixPath(file) for file in beside.files)
    return NearModules(
        next(iter(wanted.files), None),
        next((owner.spec for owner in owners), None),
        tuple(
            f"{package}.{name.parent.name if name.stem == '__main__' else name.stem}"
            for name in names
            if name.stem != "__init__"
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
