"""The layer with the client: its modules come from the plugin."""

from __future__ import annotations

import pytest
from pants.engine.addresses import Address
from pants.engine.fs import Snapshot
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph import dependencies, layer_targets, layers, stack_files
from venvstacks_rules.pants_backend.graph.layer_modules import LayerModules, LayerModulesRequest
from venvstacks_rules.pants_backend.graph.layers import LayerInGraph, LayerRequest
from venvstacks_rules.pants_backend.processes.sources import client_sources
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

BUILD = """\
venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")
venvstacks_client(name="deploy", runtime=":rt", requirements=["obstore"]{})
"""
DEPLOY = Address("s", target_name="deploy")


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *dependencies.rules(),
            *layers.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(LayerInGraph, [LayerRequest]),
            QueryRule(LayerModules, [LayerModulesRequest]),
        ],
        target_types=[*target_types()],
    )


def test_the_layer_has_the_client_of_this_plugin(runner: RuleRunner) -> None:
    # A repository with sources of the same names, such as that of the plugin, changes nothing.
    own = {"s/venvstacks_rules/client/__main__.py": "", "venvstacks_rules/client/cli.py": ""}
    runner.write_files({"s/BUILD": BUILD.format(""), **own})
    found = runner.request(LayerModules, [LayerModulesRequest(DEPLOY)])
    assert isinstance(found, LayerModules)
    shipped = {module.path for module in client_sources()}
    assert {file.path for file in found.files} == shipped
    snapshot = runner.request(Snapshot, [found.digest])
    assert sorted(snapshot.files) == sorted(f"__venvstacks_client__/{path}" for path in shipped)
    # What only some repositories need is no mistake of the layer.
    assert found.python == frozenset()
    assert [module.name for module in found.support_hashes] == ["venvstacks_rules"]
    assert found.launch_hash is not None
    assert found.in_place("/here").files == found.files


def test_it_needs_what_the_client_needs_and_what_its_target_says(runner: RuleRunner) -> None:
    runner.write_files({"s/BUILD": BUILD.format("")})
    layer = runner.request(LayerInGraph, [LayerRequest(DEPLOY)]).layer
    assert layer.layer_name == "app-deploy"
    assert layer.requirements == ("obstore", "zstandard>=0.23; python_version < '3.14'")
    assert layer.launch_module is not None
    assert layer.launch_module.module_name == "venvstacks_rules.client"


def test_another_launch_module_is_refused(runner: RuleRunner) -> None:
    runner.write_files({"s/BUILD": BUILD.format(', launch_module="x.py"')})
    with pytest.raises(ExecutionError) as caught:
        runner.request(LayerInGraph, [LayerRequest(DEPLOY)])
    assert (
        "The `launch_module` field in target s:deploy cannot be set: the layer is started with "
        "`venvstacks_rules.client`. Remove the field, or define a `venvstacks_application`."
    ) in str(caught.value)
