"""Which applications the goal ``test`` checks."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

import pytest
from pants.core.util_rules.partitions import Partitions
from pants.engine.addresses import Address, Addresses
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.rules import QueryRule
from pants.engine.target import Targets
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.distribution_rules import DISTRIBUTION_RULES
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.goals import test
from venvstacks_rules.pants_backend.goals.test import (
    ApplicationTestFieldSet,
    ApplicationTestRequest,
)
from venvstacks_rules.pants_backend.graph import (
    layer_targets,
    layers,
    platforms,
    stack_files,
    stack_targets,
    stacks,
)
from venvstacks_rules.pants_backend.locks import freshness, lockfiles, uv_config
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

STACK = """\
[[runtimes]]
name = "py"
python_implementation = "cpython@3.11.13"
requirements = []

[[applications]]
name = "one"
runtime = "py"
launch_module = "one.py"
requirements = []

[[applications]]
name = "two"
runtime = "py"
launch_module = "one.py"
requirements = []
"""
BUILD = """\
venvstacks_stack(name="stack")
venvstacks_manifest(name="both", layers=[":stack#app-two", ":stack#app-one"])
venvstacks_manifest(name="one", layers=[":stack#app-one"])
venvstacks_manifest(name="none", layers=[":stack#py"])
"""
LOCK = 'lock-version = "1.0"\nrequires-python = "==3.11.*"\ncreated-by = "uv"\n'
NAMES = ("py", "app-one", "app-two")
ONE, TWO = "src:stack#app-one", "src:stack#app-two"


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[
            *layer_targets.rules(),
            *DISTRIBUTION_RULES,
            *freshness.rules(),
            *module_rules(),
            *layers.rules(),
            *lockfiles.rules(),
            *platforms.rules(),
            *stack_files.rules(),
            *stack_targets.rules(),
            *stacks.rules(),
            *test.rules(),
            *uv_config.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(Partitions, [ApplicationTestRequest.PartitionRequest]),
            QueryRule(Targets, [Addresses]),
        ],
        target_types=[*target_types()],
    )
    runner.write_files(
        {
            "src/BUILD": BUILD,
            "src/venvstacks.toml": STACK,
            "src/one.py": "",
            **{f"src/requirements/{name}/pylock.{name}.toml": LOCK for name in NAMES},
        }
    )
    runner.set_options([], env_inherit={"PATH", "PYENV_ROOT", "HOME"})
    return runner


def checked(runner: RuleRunner, *targets: str) -> list[list[str]]:
    """The groups of applications that are checked if these targets of ``src`` are named."""
    named = [Address("src", target_name=target) for target in targets]
    field_sets = tuple(
        ApplicationTestFieldSet.create(target)
        for target in runner.request(Targets, [Addresses(named)])
        if ApplicationTestFieldSet.is_applicable(target)
    )
    request = ApplicationTestRequest.PartitionRequest(field_sets)
    found: Any = runner.request(Partitions, [request])
    return [[element.address.spec for element in group.elements] for group in found]


@pytest.mark.parametrize(
    ("targets", "expected"),
    [
        (["stack"], [[ONE], [TWO]]),
        (["both"], [[TWO], [ONE]]),
        (["one"], [[ONE]]),
        # No application is checked twice.
        (["both", "one", "none"], [[TWO], [ONE]]),
        (["stack", "both", "one"], [[ONE], [TWO]]),
    ],
)
def test_a_stack_stands_for_its_applications(
    runner: RuleRunner, targets: list[str], expected: list[list[str]]
) -> None:
    assert checked(runner, *targets) == expected


def test_an_application_that_is_skipped(runner: RuleRunner) -> None:
    skip = 'name="stack", overrides={"app-one": {"skip_tests": True}}'
    runner.write_files({"src/BUILD": BUILD.replace('name="stack"', skip)})
    # Its lock is of no interest either.
    Path(runner.build_root, "src/requirements/app-one/pylock.app-one.toml").unlink()
    for targets in (["stack"], ["both"], ["both", "one"]):
        assert checked(runner, *targets) == [[TWO]]
    assert checked(runner, "one") == []


def test_a_stack_without_applications(runner: RuleRunner, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    assert checked(runner, "none") == []
    assert [record.message for record in caplog.records] == [
        "src:none has no applications to test."
    ]


def test_one_message_has_all_missing_locks(runner: RuleRunner) -> None:
    for name in NAMES[1:]:
        Path(runner.build_root, f"src/requirements/{name}/pylock.{name}.toml").unlink()
    with pytest.raises(ExecutionError) as caught:
        checked(runner, "both")
    error = next(iter(caught.value.wrapped_exceptions))
    *lines, remedy = str(error).splitlines()
    assert [line.split()[1] for line in lines] == ["lockfiles", f"{TWO}:", f"{ONE}:"]
    # One command for all of them.
    assert remedy == (
        f"  * run `pants generate-lockfiles --resolve={TWO} --resolve={ONE}`, which locks all of "
        "them, and commit what it writes"
    )


def test_a_broken_stack_is_refused(runner: RuleRunner) -> None:
    runner.write_files({"src/venvstacks.toml": "x = ["})
    with pytest.raises(ExecutionError) as caught:
        checked(runner, "stack")
    assert [str(error) for error in caught.value.wrapped_exceptions] == [
        "A stack file cannot be built as written:\n"
        "  * src/venvstacks.toml: it is not TOML: Invalid value (at end of document). "
        "Correct it there."
    ]
