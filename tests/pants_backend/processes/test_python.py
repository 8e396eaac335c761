"""Which interpreter runs the actions."""

from __future__ import annotations

import stat
import sys
from pathlib import Path

import pytest
from packaging.specifiers import SpecifierSet
from pants.core.subsystems import python_bootstrap
from pants.core.util_rules import archive, system_binaries
from pants.engine.internals.scheduler import ExecutionError
from pants.testutil.rule_runner import QueryRule, RuleRunner

from venvstacks_rules.model.errors import DefinitionError, InterpreterError
from venvstacks_rules.pants_backend.processes import actions_lock
from venvstacks_rules.pants_backend.processes import python as python_rules
from venvstacks_rules.pants_backend.processes.python import (
    ActionPython,
    ActionPythonRequest,
    candidate_names,
)
from venvstacks_rules.pants_backend.subsystems.actions import ActionsSubsystem
from venvstacks_rules.pants_backend.subsystems.venvstacks import VenvstacksSubsystem


@pytest.fixture
def runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *python_rules.rules(),
            *actions_lock.rules(),
            *python_bootstrap.rules(),  # type: ignore[no-untyped-call]
            *archive.rules(),  # type: ignore[no-untyped-call]
            *system_binaries.rules(),  # type: ignore[no-untyped-call]
            *ActionsSubsystem.rules(),
            *VenvstacksSubsystem.rules(),
            QueryRule(ActionPython, [ActionPythonRequest]),
        ]
    )


def find(
    runner: RuleRunner, *folders: Path, constraints: str = "CPython>=3.9,<3.15"
) -> ActionPython:
    runner.set_options(
        [
            f"--python-bootstrap-search-path={[str(folder) for folder in folders]}",
            f"--venvstacks-actions-interpreter-constraints={[constraints]}",
        ],
        env_inherit={"PATH"},
    )
    return runner.request(ActionPython, [ActionPythonRequest()])


def script(path: Path, text: str) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(f"#!/bin/sh\n{text}\n")
    path.chmod(path.stat().st_mode | stat.S_IXUSR)


OWN = ".".join(map(str, sys.version_info[:3]))


def test_names_are_looked_for_from_the_newest_version_down() -> None:
    assert list(candidate_names([SpecifierSet(">=3.9,<3.15")])) == [
        *(f"python3.{minor}" for minor in range(14, 8, -1)),
        "python3",
        "python",
    ]
    assert list(candidate_names([SpecifierSet("==3.11.*"), SpecifierSet(">=3.13.2,<3.14")])) == [
        "python3.13",
        "python3.11",
        "python3",
        "python",
    ]


def test_the_interpreter_behind_links_is_taken(runner: RuleRunner, tmp_path: Path) -> None:
    (tmp_path / "python3").symlink_to(sys.executable)
    found = find(runner, tmp_path)
    assert found.python_version == OWN
    assert Path(found.path) == Path(getattr(sys, "_base_executable", sys.executable)).resolve()
    assert found.linux_target.startswith("glibc@2.")


def test_shims_and_other_programs_are_passed_over(runner: RuleRunner, tmp_path: Path) -> None:
    script(tmp_path / "a" / "python3.13", "echo 'no such version' >&2; exit 127")
    script(tmp_path / "a" / "python3", "echo not json")
    (tmp_path / "b").mkdir()
    (tmp_path / "b" / "python3").symlink_to(sys.executable)
    assert find(runner, tmp_path / "a", tmp_path / "b").python_version == OWN


def test_nothing_that_fits_is_one_message(runner: RuleRunner, tmp_path: Path) -> None:
    script(tmp_path / "python3", "echo 'pyenv: no such version' >&2; exit 127")
    script(tmp_path / "other" / "python3", "echo '{}'")
    (tmp_path / "python").symlink_to(sys.executable)
    with pytest.raises(ExecutionError) as caught:
        find(runner, tmp_path, tmp_path / "other", constraints="CPython==3.12.99")
    [error] = caught.value.wrapped_exceptions  # type: ignore[misc]
    assert isinstance(error, InterpreterError)
    assert str(error) == (
        "No interpreter was found to run the actions of venvstacks_rules:\n"
        "  * wanted CPython==3.12.99 (`[venvstacks-actions].interpreter_constraints`)\n"
        f"  * searched {tmp_path}, {tmp_path}/other (`[python-bootstrap].search_path`)\n"
        f"  * found {tmp_path}/other/python3 (no CPython), {tmp_path}/python ({OWN}), "
        f"{tmp_path}/python3 (does not start: pyenv: no such version)\n"
        "  * install such a CPython, add its folder to `[python-bootstrap].search_path`, or set "
        '`[venvstacks-actions].python = "pbs"`, which downloads one'
    )


def test_a_constraint_that_cannot_be_read(runner: RuleRunner, tmp_path: Path) -> None:
    with pytest.raises(ExecutionError) as caught:
        find(runner, tmp_path, constraints="PyPy>=3")
    [error] = caught.value.wrapped_exceptions  # type: ignore[misc]
    assert isinstance(error, DefinitionError)
    assert error.problems == (
        "'PyPy>=3' is not a constraint. Write, for example, 'CPython>=3.9,<3.15'.",
    )
