"""The goal ``venvstacks-show`` on definitions without locks."""

from __future__ import annotations

import json
from typing import Any

import pytest
from pants.core.util_rules import distdir
from pants.engine.addresses import Address
from pants.testutil.rule_runner import GoalRuleResult, RuleRunner

from tests.pants_backend.distribution_rules import DISTRIBUTION_RULES
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.goals import show, shown_layers
from venvstacks_rules.pants_backend.goals.show import Show
from venvstacks_rules.pants_backend.goals.shown_layers import _place
from venvstacks_rules.pants_backend.graph import (
    layer_targets,
    layers,
    platforms,
    stack_files,
    stack_targets,
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
            *DISTRIBUTION_RULES,
            *freshness.rules(),
            *lockfiles.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *stack_files.rules(),
            *stack_targets.rules(),
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


def test_a_manifest_of_something_else(runner: RuleRunner) -> None:
    run(runner, "::")
    runner.write_files({"odd/BUILD": 'venvstacks_manifest(name="m", layers=["up:stack"])\n'})
    result = runner.run_goal_rule(Show, args=["--json", "odd:m"])
    assert result.exit_code == 1
    assert json.loads(result.stdout)["problems"] == [
        "odd:m: `layers` names up:stack, which is not a layer. Remove it."
    ]


RUNTIME = (
    '[[runtimes]]\nname = "py"\npython_implementation = "cpython@3.11.13"\nrequirements = []\n'
)


@pytest.mark.parametrize(
    ("content", "problem"),
    [
        (
            RUNTIME.replace('name = "py"\n', ""),
            '`runtimes[0].name` is missing. Write, for example, `name = "sklearn"`.',
        ),
        (
            RUNTIME.replace("[[runtimes]]", "[[runtime]]"),
            "`runtime` is not part of a stack file. Did you mean `runtimes`?",
        ),
        (
            "",
            "it has no layers. Add some: `[[runtimes]]`, `[[frameworks]]` on these, "
            "`[[applications]]`.",
        ),
        ("x = [", "it is not TOML: Invalid value (at end of document). Correct it there."),
        (None, "there is no such file. Create it, or correct the field `source`."),
    ],
)
def test_a_broken_stack_file_is_in_the_tree_and_among_the_problems(
    runner: RuleRunner, content: str | None, problem: str
) -> None:
    files = {"src/BUILD": 'venvstacks_stack(name="stack")\n'}
    runner.write_files({**files, **({} if content is None else {"src/venvstacks.toml": content})})
    message = f"src/venvstacks.toml: {problem}"
    # The second time as well, when the engine remembers what it warned of.
    for spec in ("src:stack", "src:stack", "::"):
        result = runner.run_goal_rule(Show, args=["--platform=linux_x86_64", spec])
        assert (result.exit_code, result.stderr) == (1, "")
        assert result.stdout == (
            "src:stack on linux_x86_64: no valid layers\n"
            "src/venvstacks.toml cannot be used, see below\n\n"
            f"a problem with the definitions of layers\n  * {message}\n"
        )
        result = runner.run_goal_rule(Show, args=["--json", spec])
        assert result.exit_code == 1
        data = json.loads(result.stdout)
        assert data["problems"] == [message]
        (stack,) = data["stacks"]
        assert stack["broken_files"] == [{"path": "src/venvstacks.toml", "problems": [message]}]


def test_the_valid_layers_of_a_broken_stack_file(runner: RuleRunner) -> None:
    layers = f'{RUNTIME}[[frameworks]]\nname = "x"\nruntime = "oy"\nrequirements = []\n'
    runner.write_files(
        {"src/BUILD": 'venvstacks_stack(name="stack")\n', "src/venvstacks.toml": layers}
    )
    result = runner.run_goal_rule(Show, args=["--json", "src:stack"])
    assert result.exit_code == 1
    (stack,) = json.loads(result.stdout)["stacks"]
    assert stack["name"] == "src:stack"
    assert [layer["layer_name"] for layer in stack["runtimes"]] == ["py"]
    assert stack["frameworks"] == []
    assert [file["path"] for file in stack["broken_files"]] == ["src/venvstacks.toml"]


def test_where_a_layer_is_defined() -> None:
    assert _place(Address("src/x", target_name="y")) == "src/x"
    assert _place(Address("", target_name="y")) == "//"
    generated = Address("src/x", target_name="stack", generated_name="framework-y")
    assert _place(generated) == "src/x:stack"
