"""All rules and target types of the backend."""

from __future__ import annotations

from collections.abc import Iterable

from pants.engine.target import Target

from venvstacks_rules.pants_backend import (
    action_tool,
    dependency_inference,
    manifest_target,
    module_owners,
    stack_targets,
)
from venvstacks_rules.pants_backend.goals import export, lock, package, run, show, tailor, test
from venvstacks_rules.pants_backend.manifest_target import VenvstacksManifest
from venvstacks_rules.pants_backend.stack_target_types import VenvstacksStack
from venvstacks_rules.pants_backend.target_types import (
    VenvstacksApplication,
    VenvstacksFramework,
    VenvstacksRuntime,
)
from venvstacks_rules.pants_backend.util_rules import (
    analysis,
    archives,
    chains,
    downloads,
    exports,
    interfaces,
    interpreters,
    layer_contents,
    layer_graph,
    local_wheels,
    locking,
    locks,
    manifests,
    module_listings,
    modules,
    network,
    output_folders,
    segments,
    shown_layers,
    stack_files,
    stacks,
    target_platforms,
    uv_config,
    wheels,
)


def target_types() -> Iterable[type[Target]]:
    """The targets that a BUILD file can use."""
    return (
        VenvstacksRuntime,
        VenvstacksFramework,
        VenvstacksApplication,
        VenvstacksManifest,
        VenvstacksStack,
    )


def rules() -> Iterable[object]:
    """Everything that the engine has to know."""
    return (
        *action_tool.rules(),
        *analysis.rules(),
        *archives.rules(),
        *chains.rules(),
        *downloads.rules(),
        *dependency_inference.rules(),
        *exports.rules(),
        *interfaces.rules(),
        *interpreters.rules(),
        *layer_contents.rules(),
        *layer_graph.rules(),
        *local_wheels.rules(),
        *locking.rules(),
        *locks.rules(),
        *manifests.rules(),
        *output_folders.rules(),
        *manifest_target.rules(),
        *module_listings.rules(),
        *module_owners.rules(),
        *modules.rules(),
        *network.rules(),
        *segments.rules(),
        *shown_layers.rules(),
        *stack_files.rules(),
        *stack_targets.rules(),
        *stacks.rules(),
        *target_platforms.rules(),
        *uv_config.rules(),
        *wheels.rules(),
        *export.rules(),
        *lock.rules(),
        *package.rules(),
        *run.rules(),
        *show.rules(),
        *tailor.rules(),
        *test.rules(),
    )
