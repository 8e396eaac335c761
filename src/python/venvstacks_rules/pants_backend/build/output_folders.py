"""Finds the folders of outputs below ``dist``, and refuses outputs that overwrite each other."""

from __future__ import annotations

import os.path
from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.addresses import Address
from pants.engine.target import AllTargets, Target

from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.layers.variants import archive_variant
from venvstacks_rules.model.outputs.clashes import Output, overwritten
from venvstacks_rules.model.paths import path_problem
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.layer_targets import (
    TargetsInFoldersRequest,
    targets_in_folders,
)
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.targets.layers import LayerOutputPathField
from venvstacks_rules.pants_backend.targets.manifests import (
    ManifestLayersField,
    ManifestOutputPathField,
)
from venvstacks_rules.pants_backend.targets.source_fields import LayerSourcesField, is_layer


@dataclass(frozen=True)
class OutputFolderRequest:
    """A folder that a target is about to write to, for a platform."""

    path: str
    platform: str
    only_from: str | None
    """The only folder of the repository whose targets can write there; None if others can."""


@dataclass(frozen=True)
class EveryTargetRequest:
    """All targets of the repository."""


@dataclass(frozen=True)
class EveryTarget:
    """All targets of the repository."""

    targets: tuple[Target, ...]


@dataclass(frozen=True)
class OutputFolder:
    """A folder below ``dist`` in which no target overwrites what another one writes."""

    path: str


def output_folder_request(
    address: Address, output_path: str | None, platform: str, *, of_stack: bool = False
) -> OutputFolderRequest:
    """The folder of a target's outputs for `platform`, with `output_path` as in its field.

    Variants whose outputs have the same names, which are those of all stacks and of layers in
    several archives, have a folder each in it.

    Only a target with an `output_path` can write to the default folder of another folder's targets,
    and packaging that target finds the clash. So most builds need not look at the whole repository.
    """
    variant = folder_of_variant(address, of_stack=of_stack)
    if output_path is not None:
        return OutputFolderRequest(
            os.path.normpath(os.path.join(output_path, variant)), platform, None
        )
    folder = address.spec_path
    # Both `a.b/c` and `a/b.c` become `a.b.c`.
    only_from = None if "." in folder else folder
    path = os.path.normpath(os.path.join(folder.replace("/", "."), platform, variant))
    return OutputFolderRequest(path, platform, only_from)


def folder_of_variant(address: Address, *, of_stack: bool) -> str:
    """The folder of a variant's outputs in that of all variants; empty if names tell them apart."""
    parameters = address.parameters
    if LayerOutputPathField.alias in parameters:
        return ""
    if of_stack:
        return "-".join(value for _, value in sorted(parameters.items()))
    return archive_variant(parameters)


def _writes_to(target: Target, request: OutputFolderRequest) -> bool:
    for field in (LayerOutputPathField, ManifestOutputPathField):
        if target.has_field(field):
            value = target[field].value
            own = output_folder_request(
                target.address,
                value,
                request.platform,
                of_stack=field is ManifestOutputPathField,
            )
            return own.path == request.path
    return False


@rule
async def every_target(_: EveryTargetRequest, targets: AllTargets) -> EveryTarget:
    return EveryTarget(tuple(targets))


@rule
async def output_folder(request: OutputFolderRequest) -> OutputFolder:
    if request.only_from is None:
        everything = await every_target(EveryTargetRequest(), **implicitly())
        targets = everything.targets
    else:
        nearby = await targets_in_folders(
            TargetsInFoldersRequest((request.only_from,)), **implicitly()
        )
        targets = nearby.targets
    writers = [target for target in targets if _writes_to(target, request)]
    problem = None if request.path == "." else path_problem(request.path)
    if problem is not None:
        raise DefinitionError(
            "Outputs cannot be written:",
            [
                f"{writer.address}: `output_path` is {request.path!r}, but {problem}. Name a "
                "folder below `dist`."
                for writer in writers
            ],
        )
    outputs = [
        _archive(writer, writer.address.spec, _layer_name(writer))
        for writer in writers
        if is_layer(writer)
    ]
    manifests = [writer for writer in writers if writer.has_field(ManifestLayersField)]
    stacks = await concurrently(
        stack_layers(StackLayersRequest.of(manifest), **implicitly()) for manifest in manifests
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
