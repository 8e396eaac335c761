"""Runs the actions, each in a process of its own, with the libraries that it needs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import MergeDigests

from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    concurrently,
    implicitly,
    rule,
    rule_of_environment,
)
from venvstacks_rules.pants_backend.processes.bare import (
    ActionProcess,
    ActionProcessRequest,
    ActionResult,
    FinishedAction,
    finished_action,
    process_of,
    request_file,
)
from venvstacks_rules.pants_backend.processes.byte_code import (
    CompiledActionRequest,
    compiled_action,
)
from venvstacks_rules.pants_backend.processes.libraries import (
    ActionLibrariesRequest,
    action_libraries,
)
from venvstacks_rules.pants_backend.processes.python import ActionPythonRequest, action_python
from venvstacks_rules.pants_backend.processes.work import finished_work, logged_work


@dataclass(frozen=True)
class PlacedActionRequest:
    """An action to run in an environment that the caller chooses."""

    action: ActionProcessRequest


@rule
async def action_process(request: ActionProcessRequest) -> ActionProcess:
    python, sources, libraries, inputs = await concurrently(
        action_python(ActionPythonRequest(), **implicitly()),
        compiled_action(CompiledActionRequest(request.verb), **implicitly()),
        action_libraries(ActionLibrariesRequest(request.verb, request.without), **implicitly()),
        request_file(request, **implicitly()),
    )
    tree = await engine.merge_digests(MergeDigests([sources.digest, libraries.digest]))
    return ActionProcess(process_of(request, python, tree, inputs.digest))


@rule
async def run_action(request: ActionProcessRequest) -> ActionResult:
    prepared = await action_process(request, **implicitly())
    result = await engine.execute_process(prepared.process)
    work = finished_work(prepared.process, result, request.done, request.size, request.run)
    if work is not None:
        await logged_work(work, **implicitly())
    finished: ActionResult = await finished_action(
        FinishedAction(request.verb, result), **implicitly()
    )
    return finished


@rule_of_environment
async def placed_action(request: PlacedActionRequest) -> ActionResult:
    result: ActionResult = await run_action(request.action, **implicitly())
    return result


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
