"""What ``tailor`` proposes."""

from __future__ import annotations

import pytest
from pants.core.goals.tailor import AllOwnedSources, PutativeTarget, PutativeTargets
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from venvstacks_rules.pants_backend.goals import tailor
from venvstacks_rules.pants_backend.goals.tailor import PutativeStacksRequest
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem
from venvstacks_rules.pants_backend.targets.stacks import VenvstacksStack


@pytest.fixture
def runner() -> RuleRunner:
    made = RuleRunner(
        rules=[
            *tailor.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(PutativeTargets, [PutativeStacksRequest, AllOwnedSources]),
        ],
        target_types=[VenvstacksStack],
    )
    made.write_files(
        {
            "owned/venvstacks.toml": "",
            "new/venvstacks.toml": "not TOML",
            "new/venvstacks.uv.toml": "",
            "elsewhere/venvstacks.toml": "",
        }
    )
    return made


def proposed(runner: RuleRunner) -> PutativeTargets:
    request = PutativeStacksRequest(("owned", "new"))
    found = runner.request(PutativeTargets, [request, AllOwnedSources(["owned/venvstacks.toml"])])
    assert isinstance(found, PutativeTargets)
    return found


def test_a_stack_for_each_file_without_an_owner(runner: RuleRunner) -> None:
    assert list(proposed(runner)) == [
        PutativeTarget.for_target_type(
            VenvstacksStack, path="new", name="stack", triggering_sources=["venvstacks.toml"]
        )
    ]
    stanza = next(iter(proposed(runner))).generate_build_file_stanza("    ")
    assert stanza == 'venvstacks_stack(\n    name="stack",\n)\n'


def test_tailor_can_be_switched_off(runner: RuleRunner) -> None:
    runner.set_options(["--no-venvstacks-tailor"])
    assert list(proposed(runner)) == []
