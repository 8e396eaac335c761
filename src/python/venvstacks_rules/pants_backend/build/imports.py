"""Compares what the first-party code of a layer imports with what the layers provide."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from typing import Any, Optional

from pants.backend.python.dependency_inference.default_module_mapping import DEFAULT_MODULE_MAPPING
from pants.backend.python.dependency_inference.subsystem import PythonInferSubsystem
from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, FileEntry

from venvstacks_rules.model.code.imports import (
    Provided,
    Unsatisfied,
    is_conditional,
    unsatisfied_imports,
)
from venvstacks_rules.model.code.missing import MissingImport, likely_distributions
from venvstacks_rules.model.code.modules import CodeModules
from venvstacks_rules.model.code.parsed import ParsedImport, parsed_imports
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.analysis import LayerAnalysisRequest, layer_analysis
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_code import LayerCodeRequest, layer_code
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModulesRequest, layer_modules
from venvstacks_rules.pants_backend.graph.layers import (
    LayerGraphRequest,
    LayerRequest,
    find_layer,
    layer_graph,
)
from venvstacks_rules.pants_backend.graph.repository_modules import (
    RepositoryModuleRequest,
    repository_module,
)
from venvstacks_rules.pants_backend.locks.freshness import (
    CheckedLocks,
    CheckedLocksRequest,
    checked_locks,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import (
    MissingImports,
    VenvstacksSubsystem,
)

_MODULES_OF: Mapping[str, Iterable[str]] = {
    **DEFAULT_MODULE_MAPPING,
    # It brings the module back where Python has it no more.
    "setuptools": (*DEFAULT_MODULE_MAPPING.get("setuptools", ()), "setuptools", "distutils"),
}


@dataclass(frozen=True)
class LayerImportsRequest:
    """The imports of the first-party code of a layer, on a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class LayerImports:
    """What the first-party code of a layer imports in vain."""

    layer: str
    """The address."""
    missing: tuple[MissingImport, ...]

    @property
    def messages(self) -> tuple[str, ...]:
        """What is wrong, and the remedies."""
        return tuple(each.message(self.layer) for each in self.missing)


@dataclass(frozen=True)
class ProvidedRequest:
    """What programs can import in a layer, on a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class FileImportsRequest:
    """The imports of one Python file."""

    entry: FileEntry
    path: str
    """Relative to site-packages."""


@dataclass(frozen=True)
class FileImports:
    """The imports of one Python file."""

    imports: tuple[ParsedImport, ...]


@dataclass(frozen=True)
class ExplainedImportRequest:
    """An import that nothing provides, to explain."""

    layer: Address
    entry: FileEntry
    """The file, with its path from the root of the repository."""
    unsatisfied: Unsatisfied
    first_party: bool
    """Whether first-party code has other modules in the same package."""


@dataclass(frozen=True)
class ExplainedImport:
    """An import that nothing provides; None if something does after all."""

    missing: Optional[MissingImport]


@dataclass(frozen=True)
class ImportPolicy:
    """What follows where code imports what no layer provides."""

    behavior: MissingImports
    option: str
    """The option that says so."""


@rule
async def import_policy(
    options: VenvstacksSubsystem, inference: PythonInferSubsystem
) -> ImportPolicy:
    own = "[venvstacks].missing_imports"
    if options.missing_imports is not None:
        return ImportPolicy(options.missing_imports, own)
    if inference.options.is_default("unowned_dependency_behavior"):
        # For Pants that is a warning: it does not know that a layer has to be complete.
        return ImportPolicy(MissingImports.ERROR, own)
    # The module of the enumeration is not the same in all versions.
    behavior = inference.unowned_dependency_behavior.value
    return ImportPolicy(MissingImports(behavior), "[python-infer].unowned_dependency_behavior")


@rule
async def file_imports(request: FileImportsRequest) -> FileImports:
    digest = await engine.create_digest(CreateDigest([request.entry]))
    (file,) = await engine.get_digest_contents(digest)
    try:
        source = file.content.decode("utf-8-sig")
    except UnicodeDecodeError:
        source = file.content.decode("latin-1")
    try:
        return FileImports(parsed_imports(source, request.path))
    except (SyntaxError, ValueError, RecursionError):
        if not source.isascii():
            return FileImports(())
    # The Python of Pants may be older than that of the layer. The engine's parser knows newer
    # syntax; but it sees one name only of `import a, b`, and fewer alternatives.
    placed = await engine.create_digest(CreateDigest([replace(request.entry, path=request.path)]))
    found: Any = await engine.python_imports(placed)
    return FileImports(
        tuple(
            ParsedImport(name, line, is_module=False)
            for name, (line, weak) in sorted(found.imports.items(), key=lambda each: each[1][0])
            if not weak and not is_conditional(source, line)
        )
    )


@rule
async def provided_imports(request: ProvidedRequest) -> Provided:
    found, modules = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        layer_modules(LayerModulesRequest(request.address), **implicitly()),
    )
    addresses = [found.targets[spec].address for spec in found.layer.lower]
    codes = await concurrently(
        layer_code(LayerCodeRequest(address), **implicitly()) for address in addresses
    )
    analyses = await concurrently(
        layer_analysis(LayerAnalysisRequest(address, request.platform), **implicitly())
        for address in (request.address, *addresses)
    )
    own = CodeModules.of(file.path for file in modules.files)
    return Provided(
        own.joined(code.modules for code in codes),
        frozenset(name for analysis in analyses for name in analysis.modules),
        analyses[0].target.python_version,
        found.layer.strip_interpreter,
    )


@rule
async def layer_imports(request: LayerImportsRequest) -> LayerImports:
    modules = await layer_modules(LayerModulesRequest(request.address), **implicitly())
    files = [file for file in modules.files if file.source and file.path in modules.python]
    if not files:
        return LayerImports(request.address.spec, ())
    listed = await engine.get_digest_entries(modules.digest)
    entries = {entry.path: entry for entry in listed if isinstance(entry, FileEntry)}
    sources = [entries[file.source] for file in files if file.source]
    provided, *parsed = await concurrently(
        [
            provided_imports(ProvidedRequest(request.address, request.platform), **implicitly()),
            *(
                file_imports(FileImportsRequest(entry, file.path), **implicitly())
                for entry, file in zip(sources, files)
            ),
        ]
    )
    explained = await concurrently(
        explained_import(
            ExplainedImportRequest(
                request.address,
                entry,
                found,
                first_party=found.wanted.name.split(".")[0] in provided.code.top_level,
            ),
            **implicitly(),
        )
        for entry, imports in zip(sources, parsed)
        for found in unsatisfied_imports(imports.imports, provided)
    )
    return LayerImports(
        request.address.spec,
        tuple(each.missing for each in explained if each.missing is not None),
    )


@rule
async def explained_import(request: ExplainedImportRequest) -> ExplainedImport:
    wanted, doubtful = request.unsatisfied.wanted, request.unsatisfied.doubtful
    top_level = wanted.name.split(".")[0]
    module, graph, own = await concurrently(
        repository_module(
            RepositoryModuleRequest(wanted.name, wanted.is_module or doubtful), **implicitly()
        ),
        layer_graph(LayerGraphRequest(request.layer.spec_path), **implicitly()),
        checked_locks(CheckedLocksRequest(request.layer, among_broken=True), **implicitly()),
    )
    # Without a module of that name, it is something that the package has.
    if doubtful and module.file is None:
        return ExplainedImport(None)
    # Some packages bring modules in ways of their own, and some are for other platforms.
    owned = _locked_in(own, own.locks)
    if owned.keys() & likely_distributions(top_level, _MODULES_OF, owned):
        return ExplainedImport(None)
    uppers = [layer.address for layer in graph.layers.values() if request.layer.spec in layer.lower]
    checked = await concurrently(
        checked_locks(
            CheckedLocksRequest(graph.targets[upper].address, among_broken=True), **implicitly()
        )
        for upper in uppers
    )
    locked: dict[str, str] = {}
    for upper, locks in zip(uppers, checked):
        locked = {**_locked_in(locks, [upper]), **locked}
    likely = likely_distributions(top_level, _MODULES_OF, locked)
    owner = module.owners[0].spec if module.owners else None
    layer = own.locks[request.layer.spec].layer
    return ExplainedImport(
        MissingImport(
            request.entry.path,
            wanted.line,
            wanted.name,
            owner=owner,
            unowned=None if owner else module.file,
            stripped_by=layer.runtime if top_level in layer.strip_interpreter else None,
            above=next((locked[name] for name in likely if name in locked), None),
            likely=() if request.first_party else likely,
        )
    )


def _locked_in(locks: CheckedLocks, layers: Iterable[str]) -> dict[str, str]:
    """The distributions in the locks of `layers`, each with the first layer that has it."""
    found: dict[str, str] = {}
    for layer in layers:
        lockfile = locks.locks[layer].files.lockfile
        for package in lockfile.packages if lockfile else ():
            found.setdefault(package.name, layer)
    return found


def refuse_missing(imports: Iterable[LayerImports], policy: ImportPolicy) -> tuple[str, ...]:
    """Raise DefinitionError for imports that nothing provides, or return them as warnings."""
    messages = tuple(message for each in imports for message in each.messages)
    if messages and policy.behavior is MissingImports.ERROR:
        raise DefinitionError("Code imports what no layer provides:", messages)
    return messages if policy.behavior is MissingImports.WARNING else ()


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), *PythonInferSubsystem.rules()]
