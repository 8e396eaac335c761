"""The documents about a layer: its SBOM and its provenance."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pants.engine.addresses import Address
from pants.engine.fs import CreateDigest, Digest, DigestEntries, FileContent, FileEntry, PathGlobs

from venvstacks_rules.model.contents.wheel_metadata import WheelRequirement
from venvstacks_rules.model.distributions import normalised_name
from venvstacks_rules.model.documents.described import (
    Builder,
    DescribedInterpreter,
    DescribedLayer,
    DescribedPackage,
    InputFile,
    LayerBelow,
    version_of,
)
from venvstacks_rules.model.documents.provenance import provenance_json
from venvstacks_rules.model.documents.sbom import sbom_json
from venvstacks_rules.model.documents.subjects import with_subjects
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.libraries.analyzed import AnalyzedWheel
from venvstacks_rules.model.locks.freshness import provided_packages
from venvstacks_rules.model.locks.pylock import LockedWheel, Lockfile
from venvstacks_rules.model.outputs.names import ArchiveNames
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.analysis import LayerAnalysisRequest, layer_analysis
from venvstacks_rules.pants_backend.build.archives import LayerArchive
from venvstacks_rules.pants_backend.build.contents import LayerContentsRequest, layer_contents
from venvstacks_rules.pants_backend.build.segments import layer_compression, wheel_groups
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest, find_layer
from venvstacks_rules.pants_backend.inputs.interpreters import (
    RuntimeInterpreterRequest,
    runtime_interpreter,
)
from venvstacks_rules.pants_backend.inputs.wheels import (
    FetchedWheelsRequest,
    LayerWheelsRequest,
    fetched_wheels,
    layer_wheels,
)
from venvstacks_rules.pants_backend.locks.freshness import (
    ChainLocks,
    ChainLocksRequest,
    chain_locks,
)
from venvstacks_rules.pants_backend.processes.actions_lock import ActionsLockRequest, actions_lock
from venvstacks_rules.pants_backend.processes.libraries import needed_distributions
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

# A folder that no segment and no module of the repository has.
_FOLDER = "__venvstacks_documents__"


@dataclass(frozen=True)
class LayerDocumentsRequest:
    """The documents about a layer on a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class LayerDocuments:
    """The documents about a layer."""

    digest: Digest
    sbom: str
    provenance: str
    """Paths in the digest. The provenance has no subjects yet: see `model/documents/subjects.py`.
    """


@dataclass(frozen=True)
class DescribedLayerRequest:
    """What a layer consists of on a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class DescribedInterpreterRequest:
    """The interpreter of a runtime, for its documents."""

    address: Address
    platform: str
    python_version: str


@dataclass(frozen=True)
class DocumentsBesideRequest:
    """The documents that lie beside an archive."""

    address: Address
    platform: str
    archive: LayerArchive


@dataclass(frozen=True)
class DocumentsBeside:
    """The documents that lie beside an archive."""

    digest: Digest


@rule
async def described_interpreter(
    request: DescribedInterpreterRequest, options: VenvstacksSubsystem
) -> DescribedInterpreter:
    archive = await runtime_interpreter(
        RuntimeInterpreterRequest(request.address, request.platform), **implicitly()
    )
    # The engine stores files by their SHA-256: no lockfile pins some of them.
    stored = _inputs(await engine.get_digest_entries(archive.digest))
    sha256 = next(file.sha256 for file in stored if file.name == archive.path)
    return DescribedInterpreter(
        request.python_version,
        options.python_provider.value,
        InputFile(archive.path.rpartition("/")[2], sha256, archive.url),
    )


@rule
async def described_layer(
    request: DescribedLayerRequest, options: VenvstacksSubsystem
) -> DescribedLayer:
    address, platform = request.address, request.platform
    found, locks, selected, analysis, contents, actions = await concurrently(
        find_layer(LayerRequest(address), **implicitly()),
        chain_locks(ChainLocksRequest(address), **implicitly()),
        layer_wheels(LayerWheelsRequest(address, platform), **implicitly()),
        layer_analysis(LayerAnalysisRequest(address, platform), **implicitly()),
        layer_contents(LayerContentsRequest(address, platform), **implicitly()),
        actions_lock(ActionsLockRequest(), **implicitly()),
    )
    layer, version = found.layer, selected.python_version
    # In the groups that the analysis has asked for.
    fetched = await concurrently(
        fetched_wheels(FetchedWheelsRequest(group, address), **implicitly())
        for group in wheel_groups(layer, selected.wheels)
    )
    whole = {wheel.file_name: wheel for group in fetched for wheel in group.wheels}
    wheels = [
        replace(w, sha256=whole[w.file_name].sha256, size=whole[w.file_name].size)
        for w in selected.wheels
    ]
    lockfile = await engine.path_globs_to_digest(PathGlobs([literal_glob(found.lockfile(layer))]))
    of_lock, code = await concurrently(
        engine.get_digest_entries(digest) for digest in (lockfile, contents.modules.digest)
    )
    interpreters = await concurrently(
        described_interpreter(
            DescribedInterpreterRequest(address, platform, version), **implicitly()
        )
        for _ in range(layer.kind is LayerKind.RUNTIME)
    )
    return DescribedLayer(
        layer=layer,
        metadata=contents.metadata,
        python_version=version,
        compression=layer_compression(found, platform, options),
        below=tuple(_below(one, locks) for one in found.lower),
        provided=_provided(found, locks, platform, version),
        packages=_packages(layer, locks.locks[layer.address], wheels, analysis.wheels),
        interpreter=interpreters[0] if interpreters else None,
        lockfile=_inputs(of_lock)[0],
        code=_inputs(code),
        builder=Builder(options.checked_builder_id, _tools(actions.lockfile)),
    )


@rule
async def layer_documents(request: LayerDocumentsRequest) -> LayerDocuments:
    described = await described_layer(
        DescribedLayerRequest(request.address, request.platform), **implicitly()
    )
    sbom, provenance = f"{_FOLDER}/sbom.cdx.json", f"{_FOLDER}/provenance.json"
    digest = await engine.create_digest(
        CreateDigest(
            [
                FileContent(sbom, sbom_json(described).encode("utf-8")),
                FileContent(provenance, provenance_json(described).encode("utf-8")),
            ]
        )
    )
    return LayerDocuments(digest, sbom, provenance)


@rule
async def documents_beside(request: DocumentsBesideRequest) -> DocumentsBeside:
    built = request.archive
    names = ArchiveNames(built.archive, built.metadata, built.segments)
    made = await layer_documents(
        LayerDocumentsRequest(request.address, request.platform), **implicitly()
    )
    texts = {file.path: file.content for file in await engine.get_digest_contents(made.digest)}
    statement = with_subjects(texts[made.provenance], [(built.archive, built.sha256)])
    digest = await engine.create_digest(
        CreateDigest(
            [
                FileContent(names.sbom, texts[made.sbom]),
                FileContent(names.provenance, statement.encode("utf-8")),
            ]
        )
    )
    return DocumentsBeside(digest)


def _below(layer: Layer, locks: ChainLocks) -> LayerBelow:
    version = version_of(
        layer,
        locks.files[layer.address].lock_version,
        locks.locks[layer.address].requirements_hash,
    )
    return LayerBelow(layer.layer_name, locks.install_target(layer), layer.kind, version)


def _packages(
    layer: Layer,
    lock: Lockfile,
    wheels: Iterable[LockedWheel],
    analyzed: Iterable[AnalyzedWheel],
) -> tuple[DescribedPackage, ...]:
    by_file = {wheel.file_name: package for package in lock.packages for wheel in package.wheels}
    built = {package.name: package for package in lock.built}
    metadata = {wheel.file_name: wheel.metadata for wheel in analyzed}
    required = {r.name for text in layer.requirements if (r := WheelRequirement.parsed(text))}
    found = []
    for wheel in wheels:
        name = normalised_name(wheel.file_name.split("-")[0])
        package = by_file.get(wheel.file_name) or built[name]
        direct = package.name in required or package.from_distribution
        found.append(DescribedPackage(package, wheel, metadata[wheel.file_name], direct))
    return tuple(found)


def _provided(
    found: LayerInGraph, locks: ChainLocks, platform: str, python_version: str
) -> tuple[tuple[str, str], ...]:
    """Of the packages in the layer's lock that layers below have: each with its layer."""
    below = [(locks.install_target(layer), locks.locks[layer.address]) for layer in found.lower]
    provided = provided_packages(below, PLATFORMS[platform], python_version)
    own = locks.locks[found.layer.address].packages
    names = {package.name for package in own if package.from_lower_layer}
    return tuple((name, provided[name].layer) for name in sorted(names & provided.keys()))


def _tools(lock: Lockfile) -> tuple[tuple[str, str], ...]:
    """The libraries that write archives, whatever machine they run on."""
    wanted = needed_distributions("wheel-segments") | needed_distributions("assemble-archive")
    found: dict[str, list[str]] = {}
    for package in lock.packages:
        if package.name in wanted:
            found.setdefault(package.name, []).append(package.version)
    return tuple((name, ", ".join(sorted(set(found[name])))) for name in sorted(found))


def _inputs(entries: DigestEntries) -> tuple[InputFile, ...]:
    """The files, by path; the engine knows their hashes."""
    found = [entry for entry in entries if isinstance(entry, FileEntry)]
    return tuple(
        InputFile(entry.path, entry.file_digest.fingerprint)
        for entry in sorted(found, key=lambda entry: entry.path)
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
