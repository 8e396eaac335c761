"""The goal ``venvstacks-show`` on definitions without locks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pants.core.util_rules import distdir
from pants.engine.addresses import Address
from pants.testutil.rule_runner import GoalRuleResult, RuleRunner

from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.goals import show, shown_layers
from venvstacks_rules.pants_backend.goals.show import Show
from venvstacks_rules.pants_backend.goals.shown_layers import _place
from venvstacks_rules.pants_backend.graph import (
    layer_modules,
    layer_targets,
    layers,
    module_files,
    platforms,
    stack_files,
)
from venvstacks_rules.pants_backend.locks import freshness, lockfiles, uv_config
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

LOWER = """
venvstacks_runtime(name="py", python_implementation="cpython@3.11.13", description="The base.")
venvstacks_framework(name="fw", runtime=":py", platforms=["linux_x86_64"], versioned=True)
venvstacks_framework(name="off", runtime=":py", platforms=[])
"""
UPPER = """
venvstacks_application(name="app", launch_module="app.py", frameworks=["low:fw"])
venvstacks_manifest(name="stack", layers=[":app"])
"""


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *distdir.rules(),  # type: ignore[no-untyped-call]
            *layers.rules(),
            *freshness.rules(),
            *lockfiles.rules(),
            *module_files.rules(),
            *layer_modules.rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *show.rules(),
            *shown_layers.rules(),
            *platforms.rules(),
            *uv_config.rules(),
            *VenvstacksSubsystem.rules(),
        ],
        target_types=[*target_types()],
    )


def run(runner: RuleRunner, *arguments: str) -> GoalRuleResult:
    runner.write_files({"low/BUILD": LOWER, "up/BUILD": UPPER, "up/app.py": ""})
    return runner.run_goal_rule(Show, args=["--json", "--platform=linux_x86_64", *arguments])


def shown(result: GoalRuleResult) -> dict[str, dict[str, Any]]:
    assert result.exit_code == 0
    data = json.loads(result.stdout)
    assert data["problems"] == []
    kinds = ("runtimes", "frameworks", "applications")
    return {x["address"]: x for stack in data["stacks"] for kind in kinds for x in stack[kind]}


@pytest.mark.parametrize("spec", ["up:app", "up:stack", "up::"])
def test_layers_come_with_all_below_them(runner: RuleRunner, spec: str) -> None:
    found = shown(run(runner, spec))
    assert list(found) == ["low:py", "low:fw", "up:app"]
    assert found["low:py"]["description"] == "The base."
    assert found["low:fw"]["target_platforms"] == ["linux_x86_64"]
    assert found["low:fw"]["install_target"] == "framework-fw@1"
    assert found["up:app"]["lower_layers"] == [
        {"layer_name": "framework-fw", "address": "low:fw"},
        {"layer_name": "py", "address": "low:py"},
    ]


def test_states_without_locks(runner: RuleRunner) -> None:
    found = shown(run(runner, "::"))
    states = {address: layer["lock"]["state"] for address, layer in found.items()}
    assert states == {
        "low:py": "missing",
        "low:fw": "missing",
        "low:off": "disabled",
        "up:app": "missing",
    }
    assert found["low:off"]["lock"]["remedy"] is None
    assert found["up:app"]["lock"]["path"] == "up/requirements/app-app/pylock.app-app.toml"


def test_broken_definitions_are_reported_beside_the_others(runner: RuleRunner) -> None:
    run(runner, "::")
    runner.write_files({"up/BUILD": f'{UPPER}\nvenvstacks_framework(name="x", runtime=":none")\n'})
    result = runner.run_goal_rule(Show, args=["--json", "::"])
    assert result.exit_code == 1
    data = json.loads(result.stdout)
    assert data["problems"] == [
        "up:x: `runtime` names ':none', but there is no such target. Name a `venvstacks_runtime` "
        "target."
    ]
    assert [x["address"] for x in data["stacks"][0]["applications"]] == ["up:app"]


def test_where_a_layer_is_defined() -> None:
    assert _place(Address("src/x", target_name="y")) == "src/x"
    assert _place(Address("", target_name="y")) == "//"
    generated = Address("src/x", target_name="stack", generated_name="framework-y")
    assert _place(generated) == "src/x:stack"
