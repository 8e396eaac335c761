"""``venvstacks-export``: deployed layers, ready to run, in a folder; no archives."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Optional

from pants.base.build_root import BuildRoot
from pants.core.util_rules.distdir import DistDir
from pants.engine.addresses import Address
from pants.engine.console import Console
from pants.engine.fs import MergeDigests
from pants.engine.goal import Goal, GoalSubsystem
from pants.engine.process import InteractiveProcess
from pants.engine.target import Target, Targets
from pants.option.option_types import BoolOption, StrOption
from pants.util.frozendict import FrozenDict
from pants.util.strutil import softwrap

from venvstacks_rules.model.contents.files import OwnFile
from venvstacks_rules.model.errors import DefinitionError
from venvstacks_rules.model.json_codec import published_json, to_json
from venvstacks_rules.model.layers.layer import Layer
from venvstacks_rules.model.outputs.manifest import stack_manifest
from venvstacks_rules.model.outputs.names import env_metadata_path, manifest_path
from venvstacks_rules.model.requests.export import ExportLayersRequest
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.build.exports import (
    LayerExport,
    LayerExportRequest,
    layer_export,
)
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    concurrently,
    goal_rule,
    implicitly,
    rule,
)
from venvstacks_rules.pants_backend.graph.layers import LayerRequest, find_layer
from venvstacks_rules.pants_backend.graph.platforms import NativePlatform
from venvstacks_rules.pants_backend.graph.stacks import StackLayersRequest, stack_layers
from venvstacks_rules.pants_backend.locks.freshness import RequiredLocksRequest, required_locks
from venvstacks_rules.pants_backend.processes.actions import action_process
from venvstacks_rules.pants_backend.processes.bare import ActionProcessRequest
from venvstacks_rules.pants_backend.targets.manifests import ManifestLayersField
from venvstacks_rules.pants_backend.targets.source_fields import is_layer

logger = logging.getLogger(__name__)

CACHE_NAME, CACHE_DIR = "venvstacks_trees", "__trees"
"""The named cache of unpacked wheels and interpreters, and its path in the sandbox."""


class ExportSubsystem(GoalSubsystem):
    """Options of the goal."""

    name = "venvstacks-export"
    help = softwrap(
        """
        Write layers, and all layers below them, into a folder, ready to run on this machine. The
        files are hard links into a cache; the goal packs no archives.
        """
    )

    output_dir = StrOption(
        default=None,
        metavar="<path>",
        help=softwrap(
            """
            The folder for the layers' folders, absolute or relative to the build root. The default
            is `export/venvstacks` below `[GLOBAL].pants_distdir`. If it holds layers from an
            earlier export, the goal writes only those that changed.
            """
        ),
    )
    editable = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether the layers take first-party code from the repository, so that an edit counts
            without another export. Launch and support modules that a layer names by their paths,
            and generated files, are copies all the same.
            """
        ),
    )
    verify = BoolOption(
        default=False,
        help=softwrap(
            """
            Whether to read every file of the cache and of layers from an earlier export, and
            compare its hash. Without it, the goal compares sizes, times and modes. Either way, it
            makes a damaged layer again, and names the files.
            """
        ),
    )


class Export(Goal):
    """The goal itself."""

    subsystem_cls = ExportSubsystem
    environment_behavior = Goal.EnvironmentBehavior.LOCAL_ONLY


@dataclass(frozen=True)
class ExportedLayersRequest:
    """The layers of some targets, and all layers below them, to export."""

    targets: tuple[Target, ...]
    build_root: Optional[str]
    """The path of the repository if the layers take first-party code from there."""


@dataclass(frozen=True)
class LayersToExport:
    """The inputs of layers, each after those of the layers below it."""

    exports: tuple[LayerExport, ...]
    platform: str
    named: tuple[Address, ...]
    """The layers that the user named, also those that are not for the platform."""


@rule
async def layers_to_export(
    request: ExportedLayersRequest, native: NativePlatform
) -> LayersToExport:
    platform = native.name
    stacks = await concurrently(
        stack_layers(StackLayersRequest.of(target), **implicitly())
        for target in request.targets
        if target.has_field(ManifestLayersField)
    )
    named = dict.fromkeys(
        [
            *(address for stack in stacks for address in stack.addresses),
            *(target.address for target in request.targets if is_layer(target)),
        ]
    )
    found = await concurrently(
        find_layer(LayerRequest(address), **implicitly()) for address in named
    )
    # By lockfile, because variants with one lock differ only in archives, which are not exported.
    layers: dict[str, tuple[Address, Layer]] = {}
    for in_graph in found:
        layer = in_graph.layer
        if all(offered.name != platform for offered in layer.platforms):
            logger.info(
                "%s is not exported: its platforms do not include %s.",
                layer.address,
                platform,
            )
            continue
        for member in (*reversed(in_graph.lower), layer):
            address = in_graph.targets[member.address].address
            layers.setdefault(in_graph.lockfile(member), (address, member))
    addresses = tuple(address for address, _ in layers.values())
    # One message for the locks of all of them.
    await required_locks(RequiredLocksRequest(addresses), **implicitly())
    exports = await concurrently(
        layer_export(
            LayerExportRequest(
                address,
                platform,
                directory=f"layers/{number}",
                build_root=request.build_root,
            ),
            **implicitly(),
        )
        for number, address in enumerate(addresses)
    )
    _refuse_clashes(exports)
    return LayersToExport(tuple(exports), platform, tuple(named))


def _refuse_clashes(exports: Sequence[LayerExport]) -> None:
    """Raise DefinitionError if layers of several stacks have the same name."""
    problems = []
    first: dict[str, LayerExport] = {}
    for export in exports:
        name = export.layer.install_target
        other = first.setdefault(name.casefold(), export)
        if other is not export:
            problems.append(
                f"{other.layer.target} and {export.layer.target} would both be exported to "
                f"`{name}`. Export them to different folders, or rename one of them."
            )
    if problems:
        raise DefinitionError("Layers cannot be exported together:", problems)


@goal_rule
async def export(
    # Pants 2.17 lets a rule have effects only if it takes a type that has them.
    console: Console,
    targets: Targets,
    options: ExportSubsystem,
    dist_dir: DistDir,
    build_root: BuildRoot,
) -> Export:
    found = await layers_to_export(
        ExportedLayersRequest(
            tuple(targets), str(build_root.pathlib_path) if options.editable else None
        ),
        **implicitly(),
    )
    if not found.exports:
        if found.named:
            console.print_stderr(
                f"Nothing is exported: no layer that was named is for {found.platform}."
            )
            return Export(exit_code=0)
        console.print_stderr(
            "No layers to export were named. Name targets of layers, or `::` for all."
        )
        return Export(exit_code=0)
    default = dist_dir.relpath / "export" / "venvstacks"
    folder = build_root.pathlib_path / Path(options.output_dir or default).expanduser()
    digest = await engine.merge_digests(MergeDigests(export.digest for export in found.exports))
    prepared = await action_process(
        ActionProcessRequest(
            verb="export-layers",
            request=to_json(
                ExportLayersRequest(
                    layers=tuple(export.layer for export in found.exports),
                    documents=_documents(found.exports, found.platform),
                    destination=str(folder),
                    cache=CACHE_DIR,
                    verify=options.verify,
                )
            ),
            input_digest=digest,
            append_only_caches=FrozenDict({CACHE_NAME: CACHE_DIR}),
            description="Export layers",
        ),
        **implicitly(),
    )
    result = await engine.run_interactive_process(InteractiveProcess.from_process(prepared.process))
    return Export(exit_code=result.exit_code)


def _documents(exports: Sequence[LayerExport], platform: str) -> tuple[OwnFile, ...]:
    """The manifest, and the metadata of each layer."""
    metadata = [(export, export.metadata.to_export_dict()) for export in exports]
    manifest = stack_manifest((export.kind, data) for export, data in metadata)
    return (
        OwnFile(manifest_path(platform=platform, tagged=False), text=published_json(manifest)),
        *(
            OwnFile(
                env_metadata_path(export.metadata.layer_name, platform=platform, tagged=False),
                text=published_json(data),
            )
            for export, data in metadata
        ),
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
