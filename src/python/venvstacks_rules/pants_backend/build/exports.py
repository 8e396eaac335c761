"""Collects what ``venvstacks-export`` makes layers from: wheels and interpreters as fetched."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Optional

from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, Digest, MergeDigests

from venvstacks_rules.model.contents.inputs import InterpreterFile
from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.metadata import LayerMetadata
from venvstacks_rules.model.platforms.target_platforms import PLATFORMS
from venvstacks_rules.model.requests.export import LayerToExport
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.analysis import LayerAnalysisRequest, layer_analysis
from venvstacks_rules.pants_backend.build.contents import LayerContentsRequest, layer_contents
from venvstacks_rules.pants_backend.build.segments import wheel_groups
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
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


@dataclass(frozen=True)
class LayerExportRequest:
    """The inputs of a layer to export."""

    address: Address
    platform: str
    directory: str
    """The folder for the files in the digest."""
    build_root: Optional[str] = None
    """The path of the repository if the layer takes first-party code from there, for editors."""


@dataclass(frozen=True)
class LayerExport:
    """The inputs of a layer to export."""

    digest: Digest
    layer: LayerToExport
    """With paths in the digest."""
    kind: LayerKind
    metadata: LayerMetadata


@dataclass(frozen=True)
class ExportedInterpreterRequest:
    """The interpreter of a layer, if it is a runtime."""

    address: Address
    platform: str


@dataclass(frozen=True)
class ExportedInterpreter:
    """The interpreter of a runtime; empty for other layers."""

    digest: Digest
    interpreter: InterpreterFile | None


@rule
async def exported_interpreter(request: ExportedInterpreterRequest) -> ExportedInterpreter:
    found = await find_layer(LayerRequest(request.address), **implicitly())
    layer = found.layer
    if layer.kind is not LayerKind.RUNTIME:
        return ExportedInterpreter(await engine.merge_digests(MergeDigests([])), None)
    archive = await runtime_interpreter(
        RuntimeInterpreterRequest(request.address, request.platform), **implicitly()
    )
    return ExportedInterpreter(
        archive.digest,
        InterpreterFile(
            archive.path,
            archive.sha256,
            archive.size,
            layer.python_version,
            layer.strip_interpreter,
        ),
    )


@rule(desc="Collect the inputs of a layer")
async def layer_export(request: LayerExportRequest) -> LayerExport:
    contents, selected, interpreter = await concurrently(
        layer_contents(
            LayerContentsRequest(
                request.address, request.platform, request.build_root, exported=True
            ),
            **implicitly(),
        ),
        layer_wheels(LayerWheelsRequest(request.address, request.platform), **implicitly()),
        exported_interpreter(
            ExportedInterpreterRequest(request.address, request.platform), **implicitly()
        ),
    )
    layer = contents.layer
    if contents.modules.files:
        analysis = await layer_analysis(
            LayerAnalysisRequest(request.address, request.platform), **implicitly()
        )
        contents.refuse_shadowing(dict.fromkeys(analysis.modules, "the layer's own packages"))
    # The order in an archive: it decides which of two wheels with the same file wins.
    wheels = tuple(wheel for group in wheel_groups(layer, selected.wheels) for wheel in group)
    fetched = await fetched_wheels(FetchedWheelsRequest(wheels, request.address), **implicitly())
    prefixed = await concurrently(
        engine.add_prefix(AddPrefix(digest, f"{request.directory}/{name}"))
        for name, digest in (
            ("wheels", fetched.digest),
            ("interpreter", interpreter.digest),
            ("modules", contents.modules.digest),
        )
    )
    given = interpreter.interpreter
    install_target = contents.metadata.install_target
    return LayerExport(
        await engine.merge_digests(MergeDigests(prefixed)),
        LayerToExport(
            target=layer.address,
            install_target=install_target,
            runtime=contents.metadata.runtime_layer,
            python_version=contents.python_version,
            os_name=PLATFORMS[request.platform].os_name,
            case_sensitive=PLATFORMS[request.platform].case_sensitive,
            wheels=tuple(
                replace(wheel, path=f"{request.directory}/wheels/{wheel.path}")
                for wheel in fetched.wheels
            ),
            files=tuple(
                file
                if file.source is None
                else replace(file, source=f"{request.directory}/modules/{file.source}")
                for file in contents.files
            ),
            links=contents.links,
            interpreter=given
            and replace(given, archive=f"{request.directory}/interpreter/{given.archive}"),
        ),
        layer.kind,
        contents.metadata,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
