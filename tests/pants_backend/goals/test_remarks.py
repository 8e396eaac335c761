from __future__ import annotations

import logging

import pytest

from venvstacks_rules.pants_backend.goals.remarks import Remark, RemarksInRun


def test_a_run_tells_each_remark_once(caplog: pytest.LogCaptureFixture) -> None:
    warning, note = Remark("s:app: \x1b[1mwrong"), Remark("s:base: maybe", is_warning=False)
    in_run = RemarksInRun()
    with caplog.at_level(logging.INFO):
        in_run.tell([warning, note, warning])
        in_run.tell([note, Remark("s:base: maybe")])
    assert [(record.levelno, record.getMessage()) for record in caplog.records] == [
        (logging.WARNING, "s:app: \\x1b[1mwrong"),
        (logging.INFO, "s:base: maybe"),
        (logging.WARNING, "s:base: maybe"),
    ]


def test_another_run_tells_them_again(caplog: pytest.LogCaptureFixture) -> None:
    for in_run in (RemarksInRun(), RemarksInRun()):
        in_run.tell([Remark("s:app: wrong")])
    assert len(caplog.records) == 2
