"""Which processes have a line in the log, and how often."""

from __future__ import annotations

import logging
from dataclasses import replace

import pytest
from pants.engine.internals.session import RunId
from pants.engine.process import (
    FallibleProcessResult,
    Process,
    ProcessResultMetadata,
)
from pants.engine.rules import QueryRule
from pants.testutil.rule_runner import RuleRunner

from venvstacks_rules.pants_backend.processes import work
from venvstacks_rules.pants_backend.processes.work import (
    FinishedWork,
    LoggedWork,
    finished_work,
)


@pytest.fixture
def rule_runner() -> RuleRunner:
    return RuleRunner(
        rules=[
            *work.rules(),
            QueryRule(FallibleProcessResult, [Process]),
            QueryRule(LoggedWork, [FinishedWork]),
        ],
        # Caches of earlier tests would have the results.
        isolated_local_store=True,
    )


def process(text: str) -> Process:
    return Process(["/bin/sh", "-c", text], description="Say")


def log(runner: RuleRunner, run: Process, done: str | None = "Said", size: int | None = 7) -> None:
    """Run a process and log it, as an action is."""
    result = runner.request(FallibleProcessResult, [run])
    finished = finished_work(run, result, done, size)
    if finished is not None:
        runner.request(LoggedWork, [finished])


def next_run(runner: RuleRunner) -> None:
    """Begin another run of the same daemon."""
    runner.set_options([])


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    """What was logged since the last call, without times."""
    found = [r.getMessage() for r in caplog.records if r.name == work.__name__]
    caplog.clear()
    assert all(line.endswith(" s)") for line in found)
    return [line.rpartition(", ")[0] for line in found]


@pytest.fixture(autouse=True)
def at_info(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO, logger=work.__name__)


def test_a_process_that_ran_has_one_line(
    rule_runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    log(rule_runner, process("echo once"))
    assert lines(caplog) == ["Said (7 B"]
    # In the same run, for another layer.
    log(rule_runner, process("echo once"), "Said for another")
    assert lines(caplog) == []


def test_a_result_that_is_remembered_has_none(
    rule_runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    log(rule_runner, process("echo kept"))
    lines(caplog)
    next_run(rule_runner)
    log(rule_runner, process("echo kept"))
    assert lines(caplog) == []


def test_a_result_of_the_cache_has_none(
    rule_runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    run = process("echo cached")
    log(rule_runner, run)
    lines(caplog)
    # Without the memory of the daemon.
    rule_runner.scheduler.scheduler.invalidate_all()
    next_run(rule_runner)
    result = rule_runner.request(FallibleProcessResult, [run])
    source = result.metadata.source(RunId(result.metadata.source_run_id))
    assert source is ProcessResultMetadata.Source.HIT_LOCALLY
    log(rule_runner, run)
    assert lines(caplog) == []


def test_failures_and_small_work_have_none(
    rule_runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    log(rule_runner, process("exit 1"))
    log(rule_runner, process("true"), done=None)
    assert lines(caplog) == []


def test_without_a_time_the_line_has_the_size(rule_runner: RuleRunner) -> None:
    run = process("echo elsewhere")
    result = rule_runner.request(FallibleProcessResult, [run])
    # Workers need not say how long it took.
    untimed = replace(result, metadata=replace(result.metadata, total_elapsed_ms=None))
    finished = finished_work(run, untimed, "Said", 7)
    assert finished is not None
    assert finished.text == "Said (7 B)"


def test_a_process_that_runs_in_each_run_has_a_line_in_each(
    rule_runner: RuleRunner, caplog: pytest.LogCaptureFixture
) -> None:
    run = process("echo always")
    result = rule_runner.request(FallibleProcessResult, [run])
    # Also where the engine gives the result of the first run again.
    for current in (1, 2, 2):
        finished = finished_work(run, result, "Said", 7, RunId(current))
        assert finished is not None
        rule_runner.request(LoggedWork, [finished])
    assert lines(caplog) == ["Said (7 B", "Said (7 B"]
