"""The lines of the log that say which pieces of work were done, and how long each took.

Pants' own lines are a pair for each process, and differ between its versions. So all processes are
at a level whose lines are not in the log; see decision 0045.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass, field

from pants.engine.internals.session import RunId
from pants.engine.process import FallibleProcessResult, Process, ProcessResultMetadata

from venvstacks_rules.model.wording import work_text
from venvstacks_rules.pants_backend.engine import collect_rules, rule

logger = logging.getLogger(__name__)


@dataclass(frozen=True)
class FinishedWork:
    """A process that ran and ended well, for the log.

    Two are the same if the process and its run are: layers that share a process share its line.
    """

    process: Process
    run: int
    """The id of the run of Pants in which it ran."""
    text: str = field(compare=False)


@dataclass(frozen=True)
class LoggedWork:
    """The log has the line."""


def finished_work(
    process: Process,
    result: FallibleProcessResult,
    done: str | None,
    size: int | None,
    run: RunId | None = None,
) -> FinishedWork | None:
    """The piece of work `done`, which read `size` bytes.

    `run` is that of a process that runs in each: where a second result equals the first, Pants 2.31
    gives the first, with its run. None if the process is worth no line, if it failed, or if a cache
    had its result.
    """
    metadata = result.metadata
    if done is None or result.exit_code != 0:
        return None
    if metadata.source(RunId(metadata.source_run_id)) is not ProcessResultMetadata.Source.RAN:
        return None
    text = work_text(done, size, metadata.total_elapsed_ms)
    return FinishedWork(process, metadata.source_run_id if run is None else run, text)


# It depends on nothing, so that the engine runs it once for a request: there is no second line in a
# later run of the same daemon, whose result still has the id of the run that made it.
@rule
async def logged_work(request: FinishedWork) -> LoggedWork:
    logger.info("%s", request.text)
    return LoggedWork()


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
