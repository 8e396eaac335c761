"""Folders with layers and manifests, and an engine that finds what these write and where."""

from __future__ import annotations

import pytest
from pants.engine.internals.parametrize import Parametrize
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import InferredDependencies
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.build.output_folders import (
    OutputFolder,
    OutputFolderRequest,
)
from venvstacks_rules.pants_backend.build.output_folders import rules as output_folder_rules
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferManifestDependencies,
)
from venvstacks_rules.pants_backend.graph.dependencies import rules as inference_rules
from venvstacks_rules.pants_backend.graph.layer_targets import rules as layer_target_rules
from venvstacks_rules.pants_backend.graph.layers import rules as graph_rules
from venvstacks_rules.pants_backend.graph.releases import (
    InferReleaseDependencies,
    ReleasedLayers,
    ReleasedLayersRequest,
)
from venvstacks_rules.pants_backend.graph.releases import rules as release_rules
from venvstacks_rules.pants_backend.graph.stack_files import rules as stack_file_rules
from venvstacks_rules.pants_backend.graph.stacks import StackLayers, StackLayersRequest
from venvstacks_rules.pants_backend.graph.stacks import rules as stack_rules
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

BASE = """
venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")
venvstacks_framework(name="low", runtime=":py")
venvstacks_framework(name="high", frameworks=[":low"])
venvstacks_framework(name="other", runtime=":py")
"""
SAME_NAME = """
venvstacks_framework(name="low", runtime="base:py"{})
venvstacks_manifest(name="stack", layers=["base:low", ":low"])
"""


def manifest_runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *graph_rules(),
            *layer_target_rules(),
            *module_rules(),
            *stack_file_rules(),
            *inference_rules(),
            *output_folder_rules(),
            *stack_rules(),
            *release_rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(StackLayers, [StackLayersRequest]),
            QueryRule(OutputFolder, [OutputFolderRequest]),
            QueryRule(InferredDependencies, [InferManifestDependencies]),
            QueryRule(ReleasedLayers, [ReleasedLayersRequest]),
            QueryRule(InferredDependencies, [InferReleaseDependencies]),
        ],
        target_types=[*target_types()],
        objects={"parametrize": Parametrize},
    )


def refused(runner: RuleRunner, output: type[object], request: object) -> str:
    with pytest.raises(ExecutionError) as caught:
        runner.request(output, [request])
    (error,) = list(caught.value.wrapped_exceptions)
    return f"{type(error).__name__}: {error}"
