"""The goal ``check`` on the locks of layers."""

from __future__ import annotations

from pathlib import Path

import pytest
from pants.core.goals.check import CheckResults
from pants.engine.addresses import Address, Addresses
from pants.engine.rules import QueryRule
from pants.engine.target import Targets
from pants.testutil.rule_runner import RuleRunner

from tests.pants_backend.distribution_rules import DISTRIBUTION_RULES
from tests.pants_backend.module_rules import module_rules
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.build import judged
from venvstacks_rules.pants_backend.goals import check
from venvstacks_rules.pants_backend.goals.check import (
    ImportCheckFieldSet,
    LockCheckFieldSet,
    LockCheckRequest,
)
from venvstacks_rules.pants_backend.graph import (
    layer_targets,
    layers,
    releases,
    stack_files,
    stack_targets,
    stacks,
)
from venvstacks_rules.pants_backend.locks import freshness, lockfiles, uv_config
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

BUILD = """\
venvstacks_runtime(name="py", python_implementation="cpython@3.11.13")
venvstacks_framework(name="fw", runtime=":py")
venvstacks_framework(name="other", runtime=":py", requirements=["idna"])
venvstacks_manifest(name="stack", layers=[":other", ":fw"])
"""
LOCK = 'lock-version = "1.0"\nrequires-python = "==3.11.*"\ncreated-by = "uv"\n'


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[
            *check.rules(),
            *DISTRIBUTION_RULES,
            *freshness.rules(),
            *judged.rules(),
            *module_rules(),
            *layer_targets.rules(),
            *layers.rules(),
            *lockfiles.rules(),
            *releases.rules(),
            *stack_files.rules(),
            *stack_targets.rules(),
            *stacks.rules(),
            *uv_config.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(CheckResults, [LockCheckRequest]),
            QueryRule(Targets, [Addresses]),
        ],
        target_types=[*target_types()],
    )
    names = ("py", "framework-fw", "framework-other")
    locks = {f"src/requirements/{name}/pylock.{name}.toml": LOCK for name in names}
    runner.write_files({"src/BUILD": BUILD, **locks})
    runner.set_options([], env_inherit={"PATH", "PYENV_ROOT", "HOME"})
    return runner


def result(runner: RuleRunner, *names: str) -> tuple[int, list[str]]:
    """The exit code for targets of ``src``, and the addresses with problems."""
    addresses = Addresses(Address("src", target_name=name) for name in names)
    targets = runner.request(Targets, [addresses])
    assert all(LockCheckFieldSet.is_applicable(target) for target in targets)
    request = LockCheckRequest(LockCheckFieldSet.create(target) for target in targets)
    found = runner.request(CheckResults, [request])
    assert found.checker_name == "venvstacks-locks"
    (only,) = found.results
    lines = [line for line in only.stderr.splitlines() if line.startswith("  * ")]
    return only.exit_code, [line.split()[1] for line in lines]


def test_locks(runner: RuleRunner) -> None:
    assert result(runner, "fw", "py") == (0, [])
    # It is of another tool, and lacks a requirement of the layer.
    assert result(runner, "other") == (1, ["src:other:"])


def test_a_layer_that_is_skipped(runner: RuleRunner) -> None:
    build = BUILD.replace('requirements=["idna"]', 'requirements=["idna"], {}')
    build += 'venvstacks_framework(name="top", frameworks=[":other"])\n'
    lock = "src/requirements/framework-top/pylock.framework-top.toml"
    runner.write_files({"src/BUILD": build.format("skip_venvstacks_locks=False"), lock: LOCK})
    assert result(runner, "top", "stack") == (1, ["src:other:"])
    runner.write_files({"src/BUILD": build.format("skip_venvstacks_locks=True")})
    assert result(runner, "top", "stack") == (0, [])
    other = runner.get_target(Address("src", target_name="other"))
    assert not LockCheckFieldSet.is_applicable(other)
    assert ImportCheckFieldSet.is_applicable(other)


def test_a_stack_stands_for_its_layers(runner: RuleRunner) -> None:
    Path(runner.build_root, "src/requirements/py/pylock.py.toml").unlink()
    assert result(runner, "fw") == (1, ["src:py:"])
    assert result(runner, "stack") == (1, ["src:py:"])
    assert result(runner, "stack", "other", "py") == (1, ["src:py:"])


def test_all_broken_stacks_and_layers_are_told_at_once(runner: RuleRunner) -> None:
    broken = 'venvstacks_runtime(name="py", python_implementation="python3")\n'
    stack = 'venvstacks_manifest(name="stack", layers=["one:py", "two:py"])\n'
    runner.write_files({"one/BUILD": broken, "two/BUILD": broken, "other/BUILD": stack})
    other = runner.get_target(Address("other", target_name="stack"))
    found = runner.request(CheckResults, [LockCheckRequest([LockCheckFieldSet.create(other)])])
    (only,) = found.results
    assert (only.exit_code, only.stderr.splitlines()[0]) == (
        1,
        "2 layer definitions cannot be built as written:",
    )
    assert [line.split()[1] for line in only.stderr.splitlines()[1:]] == ["one:py:", "two:py:"]


def test_all_stacks_that_bring_together_what_does_not_fit(runner: RuleRunner) -> None:
    stack = 'venvstacks_manifest(name="{}", layers=[":other", "more:other"])\n'
    runner.write_files(
        {
            "src/BUILD": BUILD + stack.format("a") + stack.format("b"),
            "more/BUILD": 'venvstacks_framework(name="other", runtime="src:py")\n',
        }
    )
    assert result(runner, "a", "b", "other") == (1, ["src:a:", "src:b:", "src:other:"])


def test_a_release_stands_for_its_layers(runner: RuleRunner) -> None:
    release = 'venvstacks_release(name="{}", layers=[":other"], version="{}")\n'
    more = 'venvstacks_release(name="no", version="1")\n'
    build = BUILD + release.format("good", "1.0") + release.format("bad", "1/0") + more
    runner.write_files({"src/BUILD": build})
    assert result(runner, "good") == (1, ["src:other:"])
    assert result(runner, "good", "bad", "no") == (1, ["src:bad:", "src:no", "src:other:"])
