"""The modules of a layer that come from the repository, as files of the layer.

These are the launch and support modules of applications, which the layer names by their paths, and
the first-party code that its dependencies bring.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import (
    CreateDigest,
    Digest,
    DigestSubset,
    FileEntry,
    MergeDigests,
    PathGlobs,
)
from pants.util.frozendict import FrozenDict

from venvstacks_rules.model.code.launched import (
    function_problem,
    launch_problem,
    launched_file,
)
from venvstacks_rules.model.code.modules import CodeModules, is_program
from venvstacks_rules.model.code.top_level import top_level_hashes
from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.contents.launcher import launcher
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.hashes import hash_module_directory, hash_module_file
from venvstacks_rules.model.layers.interface import CODE_OWNER, PackageFolder
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.modules import module_globs
from venvstacks_rules.model.outputs.metadata import ModuleHash
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.distributions import (
    DistributedCodeRequest,
    distributed_code,
)
from venvstacks_rules.pants_backend.graph.layer_code import (
    CodeFile,
    LayerCode,
    LayerCodeRequest,
    layer_code,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.module_files import (
    FoundModule,
    ModuleRequest,
    find_module,
    join,
)
from venvstacks_rules.pants_backend.graph.repository_modules import (
    NearModulesRequest,
    near_modules,
)

# Python appends the folders in it to its path.
_PATHS = "_venvstacks_first_party.pth"


@dataclass(frozen=True)
class LayerModulesRequest:
    """The modules of a layer that come from the repository."""

    address: Address


@dataclass(frozen=True)
class LayerModules:
    """The modules of a layer that come from the repository, as files of the layer."""

    digest: Digest
    files: tuple[OwnFile, ...]
    """With paths relative to site-packages."""
    code: CodeModules
    """The modules of the layer's own first-party code; not those that the layer names by paths."""
    launch_hash: str | None
    support_hashes: tuple[ModuleHash, ...]
    roots: FrozenDict[str, str]
    """The source root of each file of first-party code that can be used where it lies."""
    copied: frozenset[str]
    """The other files of first-party code."""
    python: frozenset[str]
    """The Python files whose imports have to be there when programs run: no data, no tests."""

    @property
    def hashes(self) -> tuple[str, ...]:
        """All hashes, that of the launch module first."""
        launch = () if self.launch_hash is None else (self.launch_hash,)
        return (*launch, *(module.hash for module in self.support_hashes))

    def in_place(self, build_root: str) -> LayerModules:
        """The same, but with first-party code from `build_root`, the path of the repository."""
        if not self.roots:
            return self
        kept = [file for file in self.files if file.path not in self.roots]
        folders = sorted({str(PurePosixPath(build_root, root)) for root in self.roots.values()})
        paths = OwnFile(_PATHS, text="".join(f"{folder}\n" for folder in folders))
        return replace(
            self,
            files=(*kept, paths),
            code=CodeModules.of(file.path for file in kept if file.path in self.copied),
        )


@dataclass(frozen=True)
class PathModulesRequest:
    """The launch and support modules that a layer names by their paths."""

    folder: str
    paths: tuple[str, ...]


@dataclass(frozen=True)
class PathModules:
    """Launch and support modules."""

    digest: Digest
    files: tuple[OwnFile, ...]
    hashes: tuple[ModuleHash, ...]
    """One for each, in the order of the request."""


@dataclass(frozen=True)
class NamedLaunchRequest:
    """The launch module of a layer, if that is named as it is imported."""

    address: Address


@dataclass(frozen=True)
class NamedLaunch:
    """A launch module that is there, with what is called in it."""

    hash: Optional[str]
    """None where a path names it."""


@rule
async def path_modules(request: PathModulesRequest) -> PathModules:
    modules = await concurrently(
        find_module(ModuleRequest(request.folder, path), **implicitly()) for path in request.paths
    )
    digests = await concurrently(
        engine.path_globs_to_digest(PathGlobs(module_globs(module.place))) for module in modules
    )
    found = await concurrently(engine.get_digest_entries(digest) for digest in digests)
    entries = {
        entry.path: entry for listed in found for entry in listed if isinstance(entry, FileEntry)
    }
    # A module may lie inside another one, but the engine refuses to create a file twice.
    kept = dict.fromkeys(module.path_of(file) for module in modules for file in module.files)
    return PathModules(
        await engine.create_digest(CreateDigest(entries[path] for path in kept)),
        tuple(
            OwnFile(join(module.definition.file_name, file), source=module.path_of(file))
            for module in modules
            for file in module.files
        ),
        tuple(
            ModuleHash(name=module.definition.module_name, hash=_module_hash(module, entries))
            for module in modules
        ),
    )


def _module_hash(module: FoundModule, entries: Mapping[str, FileEntry]) -> str:
    name = module.definition.file_name
    files = [(file, entries[module.path_of(file)].file_digest.fingerprint) for file in module.files]
    if module.definition.is_file:
        return hash_module_file(name, files[0][1])
    return hash_module_directory(name, files, module.folders)


@rule
async def layer_modules(request: LayerModulesRequest) -> LayerModules:
    # A build checks all definitions of the folder anyway; these do not change the files.
    found = await find_layer(LayerRequest(request.address, among_broken=True), **implicitly())
    layer = found.layer
    launch = layer.launch_module
    named = (launch, *layer.support_modules) if launch is not None else ()
    by_path = tuple(module.path for module in named if module.name is None)
    paths, code, *lower = await concurrently(
        [
            path_modules(PathModulesRequest(found.folder(layer), by_path), **implicitly()),
            *(
                layer_code(LayerCodeRequest(found.targets[address].address), **implicitly())
                for address in (layer.address, *layer.lower)
            ),
        ]
    )
    distributed = await concurrently(
        distributed_code(DistributedCodeRequest(found.targets[address]), **implicitly())
        for address in (layer.address, *layer.lower)
    )
    in_wheels = frozenset().union(*(each.files for each in distributed))
    taken = {(file.path, file.source) for file in paths.files}
    own = _own_files(layer, code, zip(layer.lower, lower), in_wheels, taken)
    roots = _roots(own)
    # What other layers have must not be an input of this one.
    sources = await engine.digest_subset_to_digest(
        DigestSubset(code.digest, PathGlobs(literal_glob(file.source) for file in own))
    )
    hashes = list(paths.hashes)
    launch_hash = None
    launchers: tuple[OwnFile, ...] = ()
    if launch is not None and launch.name is not None:
        launched = await named_launch(NamedLaunchRequest(request.address), **implicitly())
        launch_hash = launched.hash
        made = launcher(launch.name)
        launchers = () if made is None else (made,)
    elif launch is not None:
        launch_hash = hashes.pop(0).hash
    return LayerModules(
        await engine.merge_digests(MergeDigests([paths.digest, sources])),
        (
            *paths.files,
            *(OwnFile(f.path, source=f.source, executable=f.executable) for f in own),
            *launchers,
        ),
        CodeModules.of(file.path for file in own),
        launch_hash,
        (
            *hashes,
            *(
                ModuleHash(name=name, hash=value)
                for name, value in top_level_hashes((file.path, file.sha256) for file in own)
            ),
        ),
        FrozenDict(roots),
        frozenset(file.path for file in own if file.path not in roots),
        frozenset(
            (
                *(file.path for file in own if file.is_python and file.path.endswith(".py")),
                *(file.path for file in paths.files if is_program(file.path)),
            )
        ),
    )


@rule
async def named_launch(request: NamedLaunchRequest) -> NamedLaunch:
    found = await find_layer(LayerRequest(request.address, among_broken=True), **implicitly())
    layer = found.layer
    launch = layer.launch_module
    if launch is None or launch.name is None:
        return NamedLaunch(None)
    name = launch.name
    codes = await concurrently(
        layer_code(LayerCodeRequest(found.targets[address].address), **implicitly())
        for address in (layer.address, *layer.lower)
    )
    # As they are imported: what is above hides what is below.
    files = {file.path: (code, file) for code in reversed(codes) for file in code.files}
    path = launched_file(name, files)
    problem: Optional[str] = None
    if path is None:
        near = await near_modules(NearModulesRequest(name), **implicitly())
        problem = launch_problem(name, files, near)
    elif name.function is not None:
        code, file = files[path]
        digest = await engine.digest_subset_to_digest(
            DigestSubset(code.digest, PathGlobs([literal_glob(file.source)]))
        )
        (content,) = await engine.get_digest_contents(digest)
        source = content.content.decode("utf-8-sig", errors="replace")
        problem = function_problem(name, source, files)
    if path is None or problem is not None:
        raise DefinitionError(
            "What an application starts with is missing:",
            [f"{layer.address}: `launch_module` names {launch.called!r}, {problem}"],
        )
    return NamedLaunch(hash_module_file(path.rpartition("/")[2], files[path][1].sha256))


def _own_files(
    layer: Layer,
    code: LayerCode,
    lower: Iterable[tuple[str, LayerCode]],
    in_wheels: frozenset[str],
    taken: set[tuple[str, str | None]],
) -> list[CodeFile]:
    """The files of `code` that no layer below and no wheel has, and that are not `taken`.

    `lower` has the addresses of the layers below. Raises DefinitionError if one of them has another
    file in the place of a module: its own code would import the wrong one.
    """
    below = {file.path: (address, file) for address, each in lower for file in each.files}
    own, problems = [], []
    for file in code.files:
        address, other = below.get(file.path, ("", None))
        if file.source in in_wheels or (file.path, file.source) in taken:
            continue
        if other is None or (other.sha256 != file.sha256 and file.path.endswith("/__init__.py")):
            own.append(file)
        elif other.sha256 != file.sha256:
            problems.append(
                f"{layer.address}: `{file.source}` would be `{file.path}` in the layer, which is "
                f"`{other.source}` in {address} below. Rename one of them, or leave out its target "
                "with `!!` in `dependencies`."
            )
    if problems:
        raise DefinitionError("Files of first-party code clash:", problems)
    return own


def _roots(code: Iterable[CodeFile]) -> dict[str, str]:
    """The source roots of files that can be used where they lie, by path.

    A package with files that the repository has elsewhere, or not at all, is copied as a whole.
    """
    files = list(code)
    mixed = {file.path.split("/")[0] for file in files if file.root is None}
    return {
        file.path: file.root
        for file in files
        if file.root is not None and file.path.split("/")[0] not in mixed
    }


def code_folders(modules: LayerModules, install_target: str) -> tuple[PackageFolder, ...]:
    """The folders of modules of the first-party code of a layer, which is no distribution."""
    return modules.code.folders(f"{CODE_OWNER} {install_target}")


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
