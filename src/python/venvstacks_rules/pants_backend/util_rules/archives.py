"""Layer archives: segments joined with the layer's own files."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import PurePosixPath

from pants.engine.addresses import Address
from pants.engine.fs import Digest, DigestSubset, MergeDigests, PathGlobs

from venvstacks_rules.model.action_io import (
    AssembleArchiveRequest,
    AssembledArchive,
    OwnLink,
    from_json,
    to_json,
)
from venvstacks_rules.model.compression import ARCHIVE_FORMATS
from venvstacks_rules.model.dynlibs import shared_library_links
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.imports import top_level_module
from venvstacks_rules.model.layer_files import LayerInterface, layer_config, layer_files
from venvstacks_rules.model.layers import Layer
from venvstacks_rules.model.layout import LayerLayout
from venvstacks_rules.model.manifest import LayerMetadata, archive_names, utc_time
from venvstacks_rules.model.platforms import PLATFORMS
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.action_tool import (
    ActionProcessRequest,
    postinstall_source,
    run_action,
)
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.subsystem import VenvstacksSubsystem
from venvstacks_rules.pants_backend.util_rules.interfaces import (
    LayerInterfaceRequest,
    layer_interface,
)
from venvstacks_rules.pants_backend.util_rules.layer_graph import LayerRequest, find_layer
from venvstacks_rules.pants_backend.util_rules.locks import (
    ChainLocks,
    ChainLocksRequest,
    chain_locks,
)
from venvstacks_rules.pants_backend.util_rules.modules import (
    LayerModules,
    LayerModulesRequest,
    layer_modules,
)
from venvstacks_rules.pants_backend.util_rules.segments import (
    LayerSegments,
    SegmentsRequest,
    layer_segments,
)


@dataclass(frozen=True)
class LayerArchiveRequest:
    """The archive of a layer for a platform."""

    address: Address
    platform: str


@dataclass(frozen=True)
class LayerArchive:
    """An archive and the two files beside it."""

    digest: Digest
    install_target: str
    archive: str
    metadata: str
    segments: str
    """Paths in the digest."""
    size: int
    """Of the archive, in bytes."""
    sha256: str


def _library_links(layer: Layer, segments: LayerSegments) -> tuple[OwnLink, ...]:
    layout = LayerLayout(segments.python_version)
    try:
        return shared_library_links(segments.files, layout, layer.dynlib_exclude)
    except DefinitionError as e:
        raise DefinitionError(f"{layer.address}: {e.summary}", e.problems) from None


def _refuse_shadowing(
    layer: Layer,
    segments: LayerSegments,
    modules: LayerModules,
    lower: Sequence[LayerInterface],
) -> None:
    """A module of the application must not take the place of one of a package."""
    if not modules.files:
        return  # Nothing to compare the thousands of files of a framework with.
    owners = {name: below.install_target for below in reversed(lower) for name in below.modules}
    site_packages = LayerLayout(segments.python_version).site_packages
    for group in segments.groups:
        for segment in group.segments:
            for file in segment.files:
                name = top_level_module(PurePosixPath(file.path), site_packages)
                if name is not None:
                    owners[name] = segment.source
    problems = [
        f"{layer.address}: {name!r} would be imported as `{stem}`, as a module of {owners[stem]} "
        "is. Rename it."
        for name in sorted({file.path.split("/")[0] for file in modules.files})
        for stem in [name.removesuffix(".py")]
        if stem in owners
    ]
    if problems:
        raise DefinitionError("A module of an application clashes with a package:", problems)


def _metadata(
    layer: Layer,
    *,
    platform: str,
    lower: Sequence[LayerInterface],
    chain: ChainLocks,
    modules: LayerModules,
    python_version: str,
) -> LayerMetadata:
    files = chain.files[layer.address]
    install_target = chain.install_target(layer)
    return LayerMetadata(
        layer_name=layer.layer_name,
        install_target=install_target,
        requirements_hash=chain.locks[layer.address].requirements_hash,
        # The versions of a layer that does not carry them are nobody's business.
        lock_version=files.lock_version if layer.versioned else 1,
        locked_at=utc_time(files.locked_at),
        target_platform=platform,
        runtime_layer=lower[-1].install_target if lower else install_target,
        python_implementation=f"cpython@{python_version}",
        # On Windows every layer carries a copy of the interpreter's launcher.
        bound_to_implementation=not lower or PLATFORMS[platform].system == "win",
        required_layers=tuple(below.install_target for below in lower[:-1]) if lower else None,
        app_launch_module=layer.launch_module.module_name if layer.launch_module else None,
        app_launch_module_hash=modules.launch_hash,
        app_support_modules=modules.support_hashes,
    )


@rule(desc="Build layer archive")
async def layer_archive(request: LayerArchiveRequest, options: VenvstacksSubsystem) -> LayerArchive:
    # First, and for the whole chain: what is wrong with any of its locks is reported together.
    locks = await chain_locks(ChainLocksRequest(request.address), **implicitly())
    found, segments, modules = await concurrently(
        find_layer(LayerRequest(request.address), **implicitly()),
        layer_segments(SegmentsRequest(request.address, request.platform), **implicitly()),
        layer_modules(LayerModulesRequest(request.address), **implicitly()),
    )
    layer = found.layer
    lower = await concurrently(
        layer_interface(
            LayerInterfaceRequest(found.targets[address].address, request.platform), **implicitly()
        )
        for address in layer.lower
    )
    _refuse_shadowing(layer, segments, modules, lower)
    version = segments.python_version
    files, links = layer_files(
        layer_config(layer, version, lower),
        lower,
        system=PLATFORMS[request.platform].system,
        postinstall=postinstall_source(),
        modules=modules.files,
    )
    install_target = locks.install_target(layer)
    names = archive_names(
        install_target,
        extension=ARCHIVE_FORMATS[segments.compression.archive_format].extension,
        platform=request.platform,
        tagged=options.tag_outputs,
    )
    assemble = AssembleArchiveRequest(
        target=layer.address,
        install_target=install_target,
        results=tuple(group.result for group in segments.groups),
        files=files,
        links=(*links, *_library_links(layer, segments)),
        compression=segments.compression,
        metadata=_metadata(
            layer,
            platform=request.platform,
            lower=lower,
            chain=locks,
            modules=modules,
            python_version=version,
        ).to_dict(),
        archive=names.archive,
        metadata_file=names.metadata,
        segments_file=names.segments,
    )
    inputs = await engine.merge_digests(
        MergeDigests([modules.digest, *(group.digest for group in segments.groups)])
    )
    outputs = (assemble.archive, assemble.metadata_file, assemble.segments_file)
    megabytes = sum(s.size for group in segments.groups for s in group.segments) / 1e6
    result = await run_action(
        ActionProcessRequest(
            verb="assemble-archive",
            request=to_json(assemble),
            input_digest=inputs,
            output_files=outputs,
            description=f"Assemble {assemble.archive} ({megabytes:.1f} MB)",
            cache_scope=engine.LOCAL_CACHE_SCOPE,
        ),
        **implicitly(),
    )
    digest = await engine.digest_subset_to_digest(DigestSubset(result.digest, PathGlobs(outputs)))
    made = from_json(AssembledArchive, result.result)
    return LayerArchive(digest, install_target, *outputs, made.size, made.sha256)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
