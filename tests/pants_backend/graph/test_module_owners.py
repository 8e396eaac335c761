"""The targets that own launch modules: of variants for several resolves, that of the layer."""

from __future__ import annotations

import pytest
from pants.backend.python.target_types import PexBinary, PythonSourceTarget
from pants.engine.addresses import Address
from pants.engine.internals.parametrize import Parametrize
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph import layer_targets, layers, stack_files
from venvstacks_rules.pants_backend.graph.module_owners import ModuleOwners, ModuleOwnersRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

BUILD = """\
python_source(name="lib", source="main.py", resolve=parametrize("a", "b"))
pex_binary(name="pex", entry_point="main.py", resolve="a")
venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")
venvstacks_application(name="named", runtime=":py", launch_module="acme.main"{more})
venvstacks_application(name="path", runtime=":py", launch_module="main.py"{more})
"""


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *layers.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(ModuleOwners, [ModuleOwnersRequest]),
        ],
        target_types=[*target_types(), PexBinary, PythonSourceTarget],
        objects={"parametrize": Parametrize},
    )


@pytest.mark.parametrize(
    ("options", "more", "expected"),
    [
        ([], "", "b"),
        ([], ', python_resolve="a"', "a"),
        (["--venvstacks-python-resolve=a"], "", "a"),
        (["--venvstacks-python-resolve=a"], ', python_resolve=""', "b"),
    ],
)
def test_the_variant_of_the_resolve(
    runner: RuleRunner, options: list[str], more: str, expected: str
) -> None:
    runner.write_files({"src/acme/BUILD": BUILD.format(more=more), "src/acme/main.py": ""})
    resolves = '{"a": "a.lock", "b": "b.lock"}'
    runner.set_options(
        [
            "--source-root-patterns=['src']",
            "--python-enable-resolves",
            f"--python-resolves={resolves}",
            "--python-default-resolve=b",
            *options,
        ]
    )
    owner = Address("src/acme", target_name="lib", parameters={"resolve": expected})
    named = ModuleOwnersRequest(Address("src/acme", target_name="named"))
    assert runner.request(ModuleOwners, [named]) == ModuleOwners((), (owner,))
    path = ModuleOwnersRequest(Address("src/acme", target_name="path"))
    assert runner.request(ModuleOwners, [path]) == ModuleOwners((owner,), ())
