"""What a test needs beside the layers that it runs in, and the code of these layers."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from pathlib import PurePosixPath

from pants.backend.python.target_types import PythonSourceField
from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, FileEntry
from pants.engine.target import HydrateSourcesRequest, SourcesField, WrappedTargetRequest

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.code_targets import ReachedCodeRequest, reached_code
from venvstacks_rules.pants_backend.graph.distributions import (
    DistributedCodeRequest,
    distributed_code,
)
from venvstacks_rules.pants_backend.graph.layer_code import (
    CodeFile,
    CodeOfTargetsRequest,
    LayerCodeRequest,
    code_of_targets,
    layer_code,
)
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModulesRequest, layer_modules
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.module_owners import ModuleOwnersRequest, module_owners
from venvstacks_rules.pants_backend.targets.layer_tests import LayerTestDependenciesField

_EMPTY = hashlib.sha256().hexdigest()


@dataclass(frozen=True)
class StagedTestRequest:
    """The files that a test needs and that the layers it runs in do not have."""

    test: Address
    layer: Address


@dataclass(frozen=True)
class StagedTest:
    """The files that a test needs and that the layers it runs in do not have."""

    digest: Digest
    """At their paths in the repository."""
    tests: tuple[str, ...]
    """The test's own files."""
    roots: tuple[str, ...]
    """The source roots of the modules; ``.`` for the root of the repository."""
    code: tuple[tuple[str, str], ...]
    """Modules with any code: each the path below the source root, and that in the repository."""


@dataclass(frozen=True)
class ReportedCodeRequest:
    """The modules of a layer whose coverage Pants can report: those that a target owns."""

    layer: Address


@dataclass(frozen=True)
class ReportedCode:
    """Modules of a layer whose coverage Pants can report."""

    files: tuple[tuple[str, str], ...]
    """Each the path relative to site-packages, and that in the repository."""


@rule
async def staged_test(request: StagedTestRequest) -> StagedTest:
    wrapped, in_graph = await concurrently(
        [
            engine.resolve_target(
                WrappedTargetRequest(request.test, description_of_origin="the tests")
            ),
            find_layer(LayerRequest(request.layer), **implicitly()),
        ]
    )
    target = wrapped.target
    excluded, own, *modules = await concurrently(
        [
            engine.resolve_unparsed_address_inputs(
                target[LayerTestDependenciesField].unevaluated_transitive_excludes
            ),
            engine.hydrate_sources(HydrateSourcesRequest(target.get(SourcesField))),
            *(
                layer_modules(LayerModulesRequest(each.address), **implicitly())
                for each in in_graph.targets.values()
            ),
        ]
    )
    distributed = await concurrently(
        distributed_code(DistributedCodeRequest(each), **implicitly())
        for each in in_graph.targets.values()
    )
    reached = await reached_code(
        ReachedCodeRequest((request.test,), excluded=frozenset(excluded), tests=True),
        **implicitly(),
    )
    code = await code_of_targets(
        CodeOfTargetsRequest(request.test, reached.sources), **implicitly()
    )
    in_layers = {
        *(name for each in modules for file in each.files for name in (file.path, file.source)),
        *(file for each in distributed for file in each.files),
    }
    kept = _beside(code.files, in_layers, own.snapshot.files)
    sources = {file.source for file in kept}
    entries = await engine.get_digest_entries(code.digest)
    python = [file for file in kept if file.path.endswith(".py")]
    return StagedTest(
        await engine.create_digest(
            CreateDigest(
                entry for entry in entries if isinstance(entry, FileEntry) and entry.path in sources
            )
        ),
        own.snapshot.files,
        tuple(sorted({_root(file) for file in python})),
        tuple(
            (file.path, file.source)
            for file in python
            if _has_code(file) and file.path not in in_layers
        ),
    )


def _beside(
    files: Iterable[CodeFile], in_layers: Collection[object], tests: Collection[str]
) -> list[CodeFile]:
    """Those of `files` that no layer has, the tests, and what makes packages of their folders."""
    kept = [
        file
        for file in files
        if file.source in tests or (file.path not in in_layers and file.source not in in_layers)
    ]
    # pytest looks there for the names of the modules; an import finds that of a layer.
    folders = {str(folder) for file in kept for folder in PurePosixPath(file.source).parents}
    packages = [
        file
        for file in files
        if file not in kept
        and PurePosixPath(file.source).name == "__init__.py"
        and str(PurePosixPath(file.source).parent) in folders
    ]
    return [*kept, *packages]


def _root(file: CodeFile) -> str:
    return file.source[: -len(file.path)].rstrip("/") or "."


def _has_code(file: CodeFile) -> bool:
    # Pants does not take an empty module for a dependency, and cannot report it.
    return file.sha256 != _EMPTY


@rule
async def reported_code(request: ReportedCodeRequest) -> ReportedCode:
    modules, code, owners = await concurrently(
        [
            layer_modules(LayerModulesRequest(request.layer), **implicitly()),
            layer_code(LayerCodeRequest(request.layer), **implicitly()),
            module_owners(ModuleOwnersRequest(request.layer), **implicitly()),
        ]
    )
    targets = await concurrently(
        engine.resolve_target(
            WrappedTargetRequest(address, description_of_origin="the owners of modules")
        )
        for address in owners.of_paths
    )
    owned = await concurrently(
        engine.hydrate_sources(HydrateSourcesRequest(each.target.get(SourcesField)))
        for each in targets
        if each.target.has_field(PythonSourceField)
    )
    reported = {file.source for file in code.files if _has_code(file)}
    reported.update(file for sources in owned for file in sources.snapshot.files)
    return ReportedCode(
        tuple(
            (file.path, file.source)
            for file in modules.files
            if file.source in reported and file.path.endswith(".py")
        )
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
