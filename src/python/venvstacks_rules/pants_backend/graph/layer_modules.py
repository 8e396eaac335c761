"""The launch and support modules of applications, as files of their layers."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, FileEntry, PathGlobs

from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.hashes import hash_module_directory, hash_module_file
from venvstacks_rules.model.layers.modules import module_globs
from venvstacks_rules.model.outputs.metadata import ModuleHash
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.module_files import (
    FoundModule,
    ModuleRequest,
    find_module,
    join,
)


@dataclass(frozen=True)
class LayerModulesRequest:
    """The launch and support modules of an application."""

    address: Address


@dataclass(frozen=True)
class LayerModules:
    """The launch and support modules of an application, as files of its layer."""

    digest: Digest
    files: tuple[OwnFile, ...]
    launch_hash: str | None
    support_hashes: tuple[ModuleHash, ...]

    @property
    def hashes(self) -> tuple[str, ...]:
        """All hashes, that of the launch module first."""
        launch = () if self.launch_hash is None else (self.launch_hash,)
        return (*launch, *(module.hash for module in self.support_hashes))


@rule
async def layer_modules(request: LayerModulesRequest) -> LayerModules:
    # A build checks all definitions of the folder anyway; these do not change the files.
    layer_in_graph = await find_layer(
        LayerRequest(request.address, among_broken=True), **implicitly()
    )
    layer = layer_in_graph.layer
    paths = [
        module.path
        for module in (layer.launch_module, *layer.support_modules)
        if module is not None
    ]
    modules = await concurrently(
        find_module(ModuleRequest(layer_in_graph.folder(layer), path), **implicitly())
        for path in paths
    )
    digests = await concurrently(
        engine.path_globs_to_digest(PathGlobs(module_globs(module.place))) for module in modules
    )
    found = await concurrently(engine.get_digest_entries(digest) for digest in digests)
    entries = {
        entry.path: entry for listed in found for entry in listed if isinstance(entry, FileEntry)
    }
    hashes = [_module_hash(module, entries) for module in modules]
    # A module may lie inside another one, but the engine refuses to create a file twice.
    kept = dict.fromkeys(module.path_of(file) for module in modules for file in module.files)
    return LayerModules(
        await engine.create_digest(CreateDigest(entries[path] for path in kept)),
        tuple(
            OwnFile(join(module.definition.file_name, file), source=module.path_of(file))
            for module in modules
            for file in module.files
        ),
        hashes[0] if hashes else None,
        tuple(
            ModuleHash(name=module.definition.module_name, hash=value)
            for module, value in list(zip(modules, hashes))[1:]
        ),
    )


def _module_hash(module: FoundModule, entries: Mapping[str, FileEntry]) -> str:
    name = module.definition.file_name
    files = [(file, entries[module.path_of(file)].file_digest.fingerprint) for file in module.files]
    if module.definition.is_file:
        return hash_module_file(name, files[0][1])
    return hash_module_directory(name, files, module.folders)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
