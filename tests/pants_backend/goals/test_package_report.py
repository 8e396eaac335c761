"""What the callback of a run collects and prints."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path
from typing import Any

import pytest
from pants.engine.fs import EMPTY_DIGEST

from venvstacks_rules.model.layers.names import LayerKind
from venvstacks_rules.model.outputs.report import ArchiveReport, PackagedLayer, PackagedStack
from venvstacks_rules.pants_backend.goals.package_report import PackagedOutputs, PackageReport

BEGUN = int(time.time()) - 60


def packaged(name: str) -> PackagedLayer:
    return PackagedLayer(
        address=f"s:{name}",
        kind=LayerKind.RUNTIME,
        layers_below=0,
        platform="linux_x86_64",
        folder="s",
        archive=name,
        report=ArchiveReport(size=3, segments=2, built=0),
    )


def unit(*layers: PackagedLayer, stacks: tuple[PackagedStack, ...] = ()) -> dict[str, Any]:
    """The work of a rule, as the engine describes it."""
    outputs = PackagedOutputs(EMPTY_DIGEST, layers, notes=(), stacks=stacks)
    return {
        "name": "packaged_layer",
        "start_secs": BEGUN,
        "start_nanos": 5 * 10**8,
        "metadata": outputs.metadata(),
    }


@pytest.fixture
def report(tmp_path: Path) -> PackageReport:
    (tmp_path / "s").mkdir()
    return PackageReport(tmp_path, "dist", "linux_x86_64", layers=[], stacks=[])


def test_the_layers_of_all_targets_are_printed_once_at_the_end(
    report: PackageReport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name in ("a", "b"):
        (report.dist / "s" / name).write_bytes(b"123")
        other = {"name": "other", "start_secs": BEGUN, "start_nanos": 0}
        report(completed_workunits=(other, unit(packaged(name))), finished=False)
    assert caplog.messages == []
    report(completed_workunits=(), finished=True, context=None, started_workunits=())
    (message,) = caplog.messages
    assert [line.split()[0] for line in message.splitlines()] == [
        *("Packaged", "dist/s/", "a", "b", "together", "Next:"),
    ]


def test_only_what_was_written_in_this_run_is_printed(
    report: PackageReport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    for name, content in (("old", b"123"), ("other", b"1234"), ("new", b"123")):
        (report.dist / "s" / name).write_bytes(content)
    # In the second in which the run began, and before it.
    os.utime(report.dist / "s" / "old", (BEGUN, BEGUN))
    names = ("old", "other", "new", "missing")
    report(completed_workunits=(unit(*map(packaged, names)),), finished=True)
    (message,) = caplog.messages
    assert message.startswith("Packaged 1 layer:\n  dist/s/\n    new ")


def test_a_run_that_wrote_nothing_prints_nothing(
    report: PackageReport, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    stack = PackagedStack("s/venvstacks.json", 1)
    report(completed_workunits=(unit(packaged("a"), stacks=(stack,)),), finished=True)
    report(completed_workunits=(), finished=True)
    assert caplog.messages == []
