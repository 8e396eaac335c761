"""Where targets write to below ``dist``, and that no two write the same files."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.target import AllTargets, Target

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.outputs import Output, overwritten
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.manifest_target import (
    ManifestLayersField,
    ManifestOutputPathField,
)
from venvstacks_rules.pants_backend.source_fields import LayerSourcesField
from venvstacks_rules.pants_backend.target_types import LayerOutputPathField
from venvstacks_rules.pants_backend.util_rules.layer_graph import is_layer
from venvstacks_rules.pants_backend.util_rules.stacks import StackLayersRequest, stack_layers


@dataclass(frozen=True)
class OutputFolderRequest:
    """A folder that a target is about to write to, for a platform."""

    path: str
    platform: str


@dataclass(frozen=True)
class OutputFolder:
    """A folder below ``dist`` in which no target overwrites what another one writes."""

    path: str


def output_folder_request(
    address: Address, output_path: str | None, platform: str
) -> OutputFolderRequest:
    """The folder of a target's outputs for `platform`, with `output_path` as in its field."""
    folder = output_path or os.path.join(address.spec_path.replace("/", "."), platform)
    return OutputFolderRequest(os.path.normpath(folder), platform)


def _writes_to(target: Target, request: OutputFolderRequest) -> bool:
    for field in (LayerOutputPathField, ManifestOutputPathField):
        if target.has_field(field):
            value = target[field].value
            return output_folder_request(target.address, value, request.platform) == request
    return False


@rule
async def output_folder(request: OutputFolderRequest, targets: AllTargets) -> OutputFolder:
    writers = [target for target in targets if _writes_to(target, request)]
    outputs = [
        _archive(writer, writer.address.spec, _layer_name(writer))
        for writer in writers
        if is_layer(writer)
    ]
    manifests = [writer for writer in writers if writer.has_field(ManifestLayersField)]
    stacks = await concurrently(
        stack_layers(
            StackLayersRequest(manifest.address, manifest[ManifestLayersField].value),
            **implicitly(),
        )
        for manifest in manifests
    )
    for manifest, stack in zip(manifests, stacks):
        spec = manifest.address.spec
        outputs.append(Output(spec, spec, "the manifest of a stack"))
        outputs += [_archive(manifest, layer.address, layer.layer_name) for layer in stack.layers]
    problems = overwritten(request.path, outputs)
    if problems:
        raise DefinitionError("Outputs would overwrite each other:", problems)
    return OutputFolder(request.path)


def _layer_name(target: Target) -> str:
    return target.get(LayerSourcesField).layer_name


def _archive(writer: Target, source: str, name: str) -> Output:
    return Output(writer.address.spec, source, f"the archive of `{name}`")


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
