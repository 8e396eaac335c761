"""Which environment a target is packaged and tested in, and what leaves it for this machine."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import pytest
from pants.backend.python.subsystems.repos import PythonRepos
from pants.core.goals.package import PackageFieldSet
from pants.core.goals.test import TestFieldSet
from pants.core.subsystems import python_bootstrap
from pants.core.util_rules import archive, system_binaries
from pants.engine.environment import ChosenLocalEnvironmentName, EnvironmentName
from pants.engine.internals.scheduler import ExecutionError
from pants.engine.platform import Platform
from pants.testutil.rule_runner import QueryRule, RuleRunner

from tests.pants_backend.process_rules import PROCESS_MODULES
from tests.pants_backend.stack_runner import (
    CLASSIFY,
    FILES,
    MANIFEST,
    MORE,
    RUNTIME,
    SKLEARN,
    generated,
    stack_runner,
)
from venvstacks_rules.model.errors import InterpreterError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.backend import target_types
from venvstacks_rules.pants_backend.goals.package_targets import TargetPackageFieldSet
from venvstacks_rules.pants_backend.goals.test import ApplicationTestFieldSet
from venvstacks_rules.pants_backend.graph import platforms
from venvstacks_rules.pants_backend.inputs import downloads, interpreters
from venvstacks_rules.pants_backend.inputs.interpreters import (
    CapturedInterpreterRequest,
    InterpreterArchive,
    LocalInterpreterRequest,
)
from venvstacks_rules.pants_backend.pants_versions import RUNNING
from venvstacks_rules.pants_backend.processes.python import ActionPython, ActionPythonRequest
from venvstacks_rules.pants_backend.subsystems.actions import ActionsSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem

if RUNNING >= (2, 28):
    from pants.core.environments.rules import (  # type: ignore[import-not-found,unused-ignore]
        EnvironmentNameRequest,
    )
    from pants.core.environments.target_types import (  # type: ignore[import-not-found,unused-ignore]
        EnvironmentTarget,
        LocalEnvironmentTarget,
        RemoteEnvironmentTarget,
    )
else:
    from pants.core.util_rules.environments import (
        EnvironmentNameRequest,
        EnvironmentTarget,
        LocalEnvironmentTarget,
        RemoteEnvironmentTarget,
    )

MODULES = (*PROCESS_MODULES, platforms, downloads, interpreters)

BUILD = """\
venvstacks_stack(
    name="stack",
    environment="workers",
    overrides={"framework-more": {"environment": "others"}},
)
"""


@dataclass(frozen=True)
class Question:
    """What an inner rule is asked."""


@dataclass(frozen=True)
class InnerQuestion:
    """What another rule is asked, with an environment."""


@dataclass(frozen=True)
class InnerAnswer:
    """The environment that the other rule runs in."""

    name: str | None
    platform: str


@dataclass(frozen=True)
class Answer:
    """The environments of a rule and of one that it asks."""

    outer: str | None
    inner: InnerAnswer


@engine.rule
async def answer(
    _: Question, outer: EnvironmentTarget, local: ChosenLocalEnvironmentName
) -> Answer:
    inner = await inner_answer(InnerQuestion(), **engine.implicitly({local.val: EnvironmentName}))
    return Answer(outer.name, inner)


@engine.rule_of_environment
async def inner_answer(
    _: InnerQuestion, environment: EnvironmentTarget, platform: Platform
) -> InnerAnswer:
    return InnerAnswer(environment.name, platform.value)


RULES = engine.collect_rules()


def chosen(field_set: PackageFieldSet | TestFieldSet) -> str:
    """The environment that the goal asks Pants for."""
    return str(EnvironmentNameRequest.from_field_set(field_set).raw_value)


def test_a_stack_gives_its_environment_to_its_layers_and_its_manifest() -> None:
    runner = stack_runner()
    runner.write_files({**FILES, "src/BUILD": BUILD})
    targets = generated(runner)
    packaged = {
        spec: chosen(TargetPackageFieldSet.create(target))
        for spec, target in targets.items()
        if spec != MANIFEST
    }
    assert packaged == {
        RUNTIME: "workers",
        SKLEARN: "workers",
        MORE: "others",
        CLASSIFY: "workers",
    }
    assert chosen(TargetPackageFieldSet.create(targets[MANIFEST])) == "workers"
    assert chosen(ApplicationTestFieldSet.create(targets[CLASSIFY])) == "workers"


def test_without_the_field_it_is_that_of_this_machine() -> None:
    runner = stack_runner()
    runner.write_files(FILES)
    targets = generated(runner)
    assert chosen(TargetPackageFieldSet.create(targets[MORE])) == "__local__"
    assert chosen(TargetPackageFieldSet.create(targets[MANIFEST])) == "__local__"


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *(rule for module in MODULES for rule in module.rules()),
            *ActionsSubsystem.rules(),
            *VenvstacksSubsystem.rules(),
            *python_bootstrap.rules(),  # type: ignore[no-untyped-call]
            *archive.rules(),  # type: ignore[no-untyped-call]
            *system_binaries.rules(),  # type: ignore[no-untyped-call]
            *PythonRepos.rules(),
            QueryRule(InterpreterArchive, [CapturedInterpreterRequest, EnvironmentName]),
            QueryRule(ActionPython, [ActionPythonRequest, EnvironmentName]),
            *RULES,
            QueryRule(Answer, [Question, EnvironmentName]),
        ],
        inherent_environment=None,
        target_types=[*target_types(), LocalEnvironmentTarget, RemoteEnvironmentTarget],
    )


def test_an_interpreter_of_this_machine_is_for_its_platform_only(runner: RuleRunner) -> None:
    request = CapturedInterpreterRequest(
        LocalInterpreterRequest("//:py", "3.11", "glibc@2.28"), "win_amd64"
    )
    with pytest.raises(ExecutionError) as caught:
        runner.request(InterpreterArchive, [request, EnvironmentName(None)])
    [error] = caught.value.wrapped_exceptions  # type: ignore[misc]
    assert isinstance(error, InterpreterError)
    [problem] = error.problems
    assert problem.startswith("//:py: `[venvstacks].python_provider` is 'local', which has an ")
    assert problem.endswith("the layer is built for win_amd64. Set it to 'pbs' or 'archive'.")


def test_a_rule_of_an_environment_runs_where_its_caller_says(runner: RuleRunner) -> None:
    runner.write_files(
        {
            "BUILD": 'local_environment(name="here")\n'
            'remote_environment(name="workers", platform="macos_arm64")\n'
        }
    )
    names = {"here": "//:here", "workers": "//:workers"}
    runner.set_options([f"--environments-preview-names={names}"], env_inherit={"PATH"})
    own = Platform.create_for_localhost().value
    for outer in ("here", "workers"):
        found = runner.request(Answer, [Question(), EnvironmentName(outer)])
        assert found == Answer(outer, InnerAnswer("here", own))


def test_an_interpreter_that_is_missing_in_an_environment(
    runner: RuleRunner, tmp_path: Path
) -> None:
    build = f'local_environment(name="here", python_bootstrap_search_path=["{tmp_path}"])\n'
    runner.write_files({"BUILD": build})
    runner.set_options(["--environments-preview-names={'here': '//:here'}"], env_inherit={"PATH"})
    with pytest.raises(ExecutionError) as caught:
        runner.request(ActionPython, [ActionPythonRequest(), EnvironmentName("here")])
    [error] = caught.value.wrapped_exceptions  # type: ignore[misc]
    assert isinstance(error, InterpreterError)
    setting = "`[python-bootstrap].search_path`, or `python_bootstrap_search_path` of //:here"
    assert str(error) == (
        "No interpreter was found in the environment `here` to run the actions of "
        "venvstacks_rules:\n"
        "  * wanted CPython>=3.9,<3.15 (`[venvstacks-actions].interpreter_constraints`)\n"
        f"  * searched {tmp_path} ({setting})\n"
        "  * found no Python at all\n"
        f"  * install such a CPython, add its folder to {setting}, or set "
        '`[venvstacks-actions].python = "pbs"`, which downloads one'
    )
