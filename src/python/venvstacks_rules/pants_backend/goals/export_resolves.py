"""Pants' ``export --resolve=ADDRESS``: the virtual environment of a layer, for editors."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from pants.base.build_root import BuildRoot
from pants.core.goals.export import (
    ExportRequest,
    ExportResult,
    ExportResults,
    ExportSubsystem,
    PostProcessingCommand,
)
from pants.core.util_rules.distdir import DistDir
from pants.engine.addresses import Address
from pants.engine.fs import AddPrefix, MergeDigests
from pants.engine.target import AllTargets
from pants.engine.unions import UnionRule

from venvstacks_rules.model.json_codec import to_json
from venvstacks_rules.model.requests.deploy import DeployLayersRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.chains import Chain, ChainRequest, application_chain
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.goals.resolve_names import layers_by_name, manifests_by_name
from venvstacks_rules.pants_backend.goals.run import InteractiveActionRequest, interactive_action
from venvstacks_rules.pants_backend.graph.layers import shared_locks
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest

_INPUTS = ".inputs"
"""The folder of an export with the archives and the action, until the layers are there."""


class LayerExportsRequest(ExportRequest):
    """The layers and stacks that ``--resolve`` names."""


@dataclass(frozen=True)
class ResolveExportRequest:
    """The layers of one resolve, to export."""

    name: str
    """A layer's or a stack's."""
    addresses: tuple[Address, ...]


@dataclass(frozen=True)
class ResolveExport:
    """The layers of one resolve, for Pants to export."""

    result: ExportResult


@rule
async def export_layers(
    _: LayerExportsRequest, options: ExportSubsystem, targets: AllTargets
) -> ExportResults:
    layers, manifests = layers_by_name(targets), manifests_by_name(targets)
    one_layer = shared_locks(layer for variants in layers.values() for layer in variants)
    asked = [name for name in options.resolve if name in layers or name in manifests]
    stacks = [(name, manifest) for name in asked for manifest in manifests.get(name, ())]
    members = await concurrently(
        stack_layers(StackLayersRequest.of(manifest), **implicitly()) for _, manifest in stacks
    )
    named = {name: [target.address for target in layers.get(name, ())] for name in asked}
    for (name, _manifest), of_stack in zip(stacks, members):
        named[name] += of_stack.addresses
    addresses = {
        name: tuple(dict.fromkeys(one_layer.get(address.spec, address) for address in found))
        for name, found in named.items()
    }
    # One message for the locks of all of them.
    needed = dict.fromkeys(address for found in addresses.values() for address in found)
    await required_locks(RequiredLocksRequest(tuple(needed)), **implicitly())
    exports = await concurrently(
        resolve_export(ResolveExportRequest(name, found), **implicitly())
        for name, found in addresses.items()
    )
    return ExportResults(export.result for export in exports)


@rule
async def resolve_export(
    request: ResolveExportRequest, build_root: BuildRoot, dist_dir: DistDir
) -> ResolveExport:
    chains = await concurrently(
        application_chain(ChainRequest(address, str(build_root.pathlib_path)), **implicitly())
        for address in request.addresses
    )
    folder = f"venvstacks-resolves/{request.name.replace('/', '.').replace(':', '.')}"
    place = build_root.pathlib_path / dist_dir.relpath / "export" / folder
    action = ActionProcessRequest(
        verb="deploy-layers",
        request=to_json(_deployment(chains, str(place))),
        input_digest=await engine.merge_digests(MergeDigests(chain.digest for chain in chains)),
        description=f"Export {request.name}",
    )
    started = await interactive_action(InteractiveActionRequest(action), **implicitly())
    # Pants writes one tree to the folder, and then starts the command.
    sources = await concurrently(
        engine.add_prefix(AddPrefix(digest, path))
        for path, digest in started.immutable_input_digests.items()
    )
    everything = await engine.merge_digests(MergeDigests([started.digest, *sources]))
    inputs = f"{{digest_root}}/{_INPUTS}"
    start = (
        *(argument.replace("{chroot}", inputs) for argument in started.args),
        *("--result", f"{inputs}/result.json"),
    )
    clean = "import shutil, sys; shutil.rmtree(sys.argv[1])"
    return ResolveExport(
        ExportResult(
            _called(request, chains),
            folder,
            digest=await engine.add_prefix(AddPrefix(everything, _INPUTS)),
            post_processing_cmds=(
                PostProcessingCommand(start),
                PostProcessingCommand((start[0], "-I", "-c", clean, inputs)),
            ),
            resolve=request.name,
        )
    )


def _called(request: ResolveExportRequest, chains: Iterable[Chain]) -> str:
    """What Pants says it wrote."""
    if len(request.addresses) != 1 or request.addresses[0].spec != request.name:
        return f"the layers of {request.name}"
    (chain,) = chains
    return f"the virtual environment `{chain.archives[-1].install_target}` of {request.name}"


def _deployment(chains: Iterable[Chain], place: str) -> DeployLayersRequest:
    """The deployment of all `chains` into one folder, lower layers first."""
    archives = dict.fromkeys(archive for chain in chains for archive in chain.archives)
    return DeployLayersRequest(
        tuple(replace(each, archive=f"{place}/{_INPUTS}/{each.archive}") for each in archives),
        place,
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return [*collect_rules(), UnionRule(ExportRequest, LayerExportsRequest)]
