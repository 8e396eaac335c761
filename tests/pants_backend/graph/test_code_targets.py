"""Which layers can have first-party code, or requirements of it."""

from __future__ import annotations

import pytest
from pants.backend.python.target_types import PythonRequirementTarget, PythonSourceTarget
from pants.engine.addresses import Address
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.graph import dependencies, layer_targets, layers, stack_files
from venvstacks_rules.pants_backend.graph.code_targets import (
    CodeTargets,
    CodeTargetsRequest,
    may_reach_requirements,
)
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

RUNTIME = 'venvstacks_runtime(name="rt", python_implementation="cpython@3.11.13")\n'


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *dependencies.rules(),
            *layer_targets.rules(),
            *layers.rules(),
            *module_rules(),
            *stack_files.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(CodeTargets, [CodeTargetsRequest]),
        ],
        target_types=[*target_types(), PythonRequirementTarget, PythonSourceTarget],
    )


@pytest.mark.parametrize(
    "definition",
    [
        'venvstacks_framework(name="x", runtime=":rt", requirements=["idna", "six==1.16.0"])',
        'venvstacks_framework(name="x", frameworks=[":fw"])',
        'venvstacks_runtime(name="x", python_implementation="cpython@3.11.13", '
        'python_archives={"linux_x86_64": ":rt"})',
    ],
)
def test_a_layer_that_names_only_layers_has_no_code_and_reaches_no_requirement(
    runner: RuleRunner, definition: str
) -> None:
    runner.write_files(
        {"src/BUILD": f'{RUNTIME}venvstacks_framework(name="fw", runtime=":rt")\n{definition}\n'}
    )
    address = Address("src", target_name="x")
    assert not may_reach_requirements(runner.get_target(address))
    # So nobody has to ask.
    assert runner.request(CodeTargets, [CodeTargetsRequest(address)]) == CodeTargets((), ())


@pytest.mark.parametrize(
    ("definition", "requirements"),
    [
        ('venvstacks_framework(name="x", runtime=":rt", dependencies=[":code"])', ["src:six"]),
        ('venvstacks_framework(name="x", runtime=":rt", requirements=[":six"])', ["src:six"]),
        ('venvstacks_application(name="x", runtime=":rt", launch_module="a.py")', ["src:six"]),
    ],
)
def test_other_layers_are_asked(
    runner: RuleRunner, definition: str, requirements: list[str]
) -> None:
    runner.write_files(
        {
            "src/BUILD": f"{RUNTIME}{definition}\n"
            'python_requirement(name="six", requirements=["six"])\n'
            'python_source(name="code", source="a.py", dependencies=[":six"])\n',
            "src/a.py": "",
        }
    )
    address = Address("src", target_name="x")
    assert may_reach_requirements(runner.get_target(address))
    found = runner.request(CodeTargets, [CodeTargetsRequest(address)])
    assert [target.address.spec for target in found.requirements] == requirements
