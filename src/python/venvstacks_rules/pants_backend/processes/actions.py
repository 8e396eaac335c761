"""Runs the actions, each in a process of its own.

What crosses is the JSON of :mod:`venvstacks_rules.model.requests`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pants.backend.python.util_rules.pex_environment import PexEnvironment
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, FileContent, MergeDigests
from pants.engine.process import Process, ProcessCacheScope, ProcessResultMetadata
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.processes.sources import ActionSourcesRequest, action_sources
from venvstacks_rules.pants_backend.subsystems.actions import ActionTool

_SOURCES_DIR = "_actions"
_REQUEST, _RESULT = "request.json", "result.json"
_ERROR = re.compile(r"^error: ", re.MULTILINE)


class ActionError(Exception):
    """An action ended in a way that it never should; a bug of ours."""


@dataclass(frozen=True)
class ActionProcessRequest:
    """An action to run, as a process."""

    verb: str
    request: str
    """The JSON text of the request."""
    description: str
    input_digest: Digest = EMPTY_DIGEST
    output_files: tuple[str, ...] = ()
    output_directories: tuple[str, ...] = ()
    env: FrozenDict[str, str] = FrozenDict()
    append_only_caches: FrozenDict[str, str] = FrozenDict()
    cache_scope: ProcessCacheScope = ProcessCacheScope.SUCCESSFUL
    level: LogLevel = LogLevel.INFO


@dataclass(frozen=True)
class ActionProcess:
    """The process that runs an action."""

    process: Process


@dataclass(frozen=True)
class ActionResult:
    """What an action gave back."""

    result: str
    """The JSON text of the result."""
    digest: Digest
    """Its other outputs."""
    metadata: ProcessResultMetadata = field(compare=False, hash=False)
    """Where it comes from: run now, or remembered."""


@rule
async def action_process(
    request: ActionProcessRequest, tool: ActionTool, pex_environment: PexEnvironment
) -> ActionProcess:
    pex, sources, request_file = await concurrently(
        engine.create_venv_pex(tool.to_pex_request()),
        action_sources(ActionSourcesRequest(request.verb), **implicitly()),
        engine.create_digest(CreateDigest([FileContent(_REQUEST, request.request.encode())])),
    )
    inputs = await engine.merge_digests(
        MergeDigests([pex.digest, request_file, request.input_digest])
    )
    return ActionProcess(
        Process(
            argv=(
                pex.python.argv0,
                _SOURCES_DIR,
                request.verb,
                "--request",
                _REQUEST,
                "--result",
                _RESULT,
            ),
            description=request.description,
            level=request.level,
            input_digest=inputs,
            immutable_input_digests={_SOURCES_DIR: sources.digest},
            # The virtual environment of the tool lies in one of them.
            append_only_caches={
                **pex_environment.in_sandbox(working_directory=None).append_only_caches,
                **request.append_only_caches,
            },
            env={"PYTHONDONTWRITEBYTECODE": "1", **request.env},
            output_files=(_RESULT, *request.output_files),
            output_directories=request.output_directories,
            cache_scope=request.cache_scope,
        )
    )


@rule
async def run_action(request: ActionProcessRequest) -> ActionResult:
    prepared = await action_process(request, **implicitly())
    result = await engine.execute_process(prepared.process)
    if result.exit_code != 0:
        raise action_failure(request.verb, result.exit_code, result.stderr.decode(errors="replace"))
    contents = await engine.get_digest_contents(result.output_digest)
    texts = [file.content.decode() for file in contents if file.path == _RESULT]
    return ActionResult(texts[0], result.output_digest, result.metadata)


def action_failure(verb: str, exit_code: int, stderr: str) -> Exception:
    """The error to show for an action that failed: the user's mistake, or a bug of ours."""
    # At the start of a line: the last line of a stack trace can be `zlib.error: ...`.
    said = _ERROR.search(stderr)
    if exit_code == 1 and said is not None:
        return VenvstacksError(stderr[said.end() :].rstrip())
    return ActionError(
        f"The action `{verb}` ended with exit code {exit_code}. This is a bug of venvstacks_rules; "
        f"please report it with what the action printed:\n{stderr.rstrip()}"
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
