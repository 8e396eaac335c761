"""A stack file, and an engine that makes targets and layers of it."""

from __future__ import annotations

import pytest
from pants.core.target_types import FilesGeneratorTarget
from pants.engine.addresses import Address, Addresses
from pants.engine.internals.graph import Owners, OwnersRequest
from pants.engine.internals.parametrize import Parametrize
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import AllTargets, InferredDependencies, Target, Targets
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph import (
    dependencies,
    layer_targets,
    layers,
    stack_files,
    stack_targets,
)
from venvstacks_rules.pants_backend.graph.dependencies import (
    InferLayerDependencies,
    InferManifestDependencies,
)
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest
from venvstacks_rules.pants_backend.graph.module_owners import InferModuleOwners
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

STACK = """\
[[runtimes]]
name = "cpython-3.11"
python_implementation = "cpython@3.11.13"
requirements = ["numpy"]
platforms = ["linux_x86_64", "macosx_arm64"]
package_indexes = { torch = "cpu" }

[[frameworks]]
name = "sklearn@2"
runtime = "cpython-3.11"
requirements = ["scikit-learn"]
versioned = true
dynlib_exclude = ["lib*.so"]
priority_indexes = ["cpu"]

[[frameworks]]
name = "more"
frameworks = ["sklearn@2"]
requirements = []
linux_target = "glibc@2.34"
macosx_target = "14.0"

[[applications]]
name = "classify"
frameworks = ["more", "sklearn@2"]
launch_module = "classify/"
support_modules = ["../shared/words.py", "support/figures.py"]
requirements = ["scikit-learn"]

[[tool.uv.index]]
name = "cpu"
url = "https://example.org/simple"
"""
FILES = {
    "src/BUILD": 'venvstacks_stack(name="stack")\n',
    "src/venvstacks.toml": STACK,
    "src/classify/__main__.py": "",
    "src/classify/.gitignore": "*.tmp\n",
    "src/support/figures.py": "",
    "shared/words.py": "",
}
RUNTIME, SKLEARN = "src:stack#cpython-3.11", "src:stack#framework-sklearn%402"
MORE, CLASSIFY = "src:stack#framework-more", "src:stack#app-classify"
MANIFEST = "src:stack#__venvstacks__"
PLAIN = 'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")\n'


def stack_runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *dependencies.rules(),
            *layer_targets.rules(),
            *layers.rules(),
            *module_rules(),
            *stack_files.rules(),
            *stack_targets.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(AllTargets, []),
            QueryRule(InferredDependencies, [InferLayerDependencies]),
            QueryRule(InferredDependencies, [InferModuleOwners]),
            QueryRule(InferredDependencies, [InferManifestDependencies]),
            QueryRule(LayerInGraph, [LayerRequest]),
            QueryRule(Owners, [OwnersRequest]),
            QueryRule(Targets, [Addresses]),
        ],
        target_types=[*target_types(), FilesGeneratorTarget],
        objects={"parametrize": Parametrize},
    )


def generated(runner: RuleRunner, folder: str = "src") -> dict[str, Target]:
    found = runner.request(Targets, [Addresses([Address(folder, target_name="stack")])])
    return {target.address.spec: target for target in found}


def fields(target: Target) -> dict[str, object]:
    """The fields that have a value of their own."""
    return {
        field.alias: field.value
        for field in target.field_values.values()
        if field.value != field.default
    }


def find(runner: RuleRunner, address: Address) -> LayerInGraph:
    found = runner.request(LayerInGraph, [LayerRequest(address)])
    assert isinstance(found, LayerInGraph)
    return found


def layer_address(layer: str) -> Address:
    return Address("src", target_name="stack", generated_name=layer)


def refused(runner: RuleRunner, address: Address) -> str:
    with pytest.raises(ExecutionError) as caught:
        find(runner, address)
    errors = list(caught.value.wrapped_exceptions)
    assert len(errors) == 1
    return str(errors[0])
