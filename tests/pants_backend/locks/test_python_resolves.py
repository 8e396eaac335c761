"""The lockfile of a resolve is found by its name, and what is wrong is said with the layer."""

from __future__ import annotations

import pytest
from pants.engine.internals.scheduler import ExecutionError
from pants.testutil.rule_runner import QueryRule, RuleRunner

from venvstacks_rules.pants_backend.locks import python_resolves
from venvstacks_rules.pants_backend.locks.python_resolves import (
    PythonResolve,
    PythonResolveRequest,
)

UV = """\
version = 1
requires-python = ">=3.9"

[[package]]
name = "idna"
version = "3.10"
source = { registry = "https://example.org/simple" }
"""


@pytest.fixture
def runner() -> RuleRunner:
    runner = RuleRunner(
        rules=[*python_resolves.rules(), QueryRule(PythonResolve, [PythonResolveRequest])]
    )
    resolves = {"main": "3rdparty/main.lock", "app": "app/uv.lock", "odd": "odd[1].lock"}
    runner.set_options([f"--python-resolves={resolves}"])
    return runner


def constraints(runner: RuleRunner, resolve: str) -> tuple[str, ...]:
    found = runner.request(PythonResolve, [PythonResolveRequest("s:app", resolve)])
    assert isinstance(found, PythonResolve)
    return found.pins.constraints


def refused(runner: RuleRunner, resolve: str) -> list[str]:
    with pytest.raises(ExecutionError) as caught:
        constraints(runner, resolve)
    errors = list(caught.value.wrapped_exceptions)
    assert len(errors) == 1
    return str(errors[0]).splitlines()


def test_the_lockfile_of_a_resolve(runner: RuleRunner) -> None:
    runner.write_files({"app/uv.lock": UV, "odd[1].lock": "idna==3.9\n", "odd1.lock": "idna==1\n"})
    assert constraints(runner, "app") == ("idna==3.10",)
    assert constraints(runner, "odd") == ("idna==3.9",)


def test_a_resolve_that_there_is_not(runner: RuleRunner) -> None:
    assert refused(runner, "mian") == [
        "`python_resolve` cannot be used:",
        "  * s:app: there is no resolve 'mian' in `[python].resolves`. Did you mean 'main'?",
    ]
    assert refused(runner, "tools") == [
        "`python_resolve` cannot be used:",
        "  * s:app: there is no resolve 'tools' in `[python].resolves`. It has `app`, `main`, "
        "`odd`.",
    ]


def test_a_lockfile_that_there_is_not_or_that_is_none(runner: RuleRunner) -> None:
    runner.write_files({"app/uv.lock": "<html>"})
    assert refused(runner, "main") == [
        "`python_resolve` cannot be used:",
        "  * s:app: the resolve 'main' has no lockfile 3rdparty/main.lock. Run `pants "
        "generate-lockfiles --resolve=main`, or correct `[python].resolves`.",
    ]
    assert refused(runner, "app") == [
        "The lockfile of resolve 'app' cannot be read:",
        "  * app/uv.lock: it is no lockfile of pex or uv, and no list of `name==version`: `<html>` "
        "names no version. Generate it again.",
    ]
