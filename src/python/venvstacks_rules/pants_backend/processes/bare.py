"""Actions that need no library, and what all actions have in common as processes.

What crosses is the JSON of :mod:`venvstacks_rules.model.requests`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from pants.engine.fs import (
    EMPTY_DIGEST,
    CreateDigest,
    Digest,
    DigestSubset,
    FileContent,
    MergeDigests,
    PathGlobs,
)
from pants.engine.internals.session import RunId
from pants.engine.process import (
    FallibleProcessResult,
    Process,
    ProcessCacheScope,
    ProcessResultMetadata,
)
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.model.wording import printable_lines, size_text
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    concurrently,
    implicitly,
    rule,
    rule_of_environment,
)
from venvstacks_rules.pants_backend.processes.python import (
    ActionPython,
    ActionPythonRequest,
    action_python,
    mounted,
)
from venvstacks_rules.pants_backend.processes.sources import (
    START_FILE,
    ActionSourcesRequest,
    action_sources,
)

ACTIONS_DIR = "_actions"
"""Where a process sees the sources of its action, and the libraries."""

RESULT = "result.json"
_REQUEST = "request.json"
_ERROR = re.compile(r"^error: ", re.MULTILINE)

# Nothing of the machine but the interpreter and its standard library: no environment variables, no
# packages of the user or of the site, no locale.
_ISOLATED = ("-I", "-S", "-B", "-X", "utf8")
# The same for a process that has no other environment variables than the seed.
_SEEDED = ("-s", "-S", "-B", "-X", "utf8")
_SEED = {"PYTHONHASHSEED": "0"}


class ActionError(Exception):
    """An action ended in a way that it never should; a bug of ours."""


@dataclass(frozen=True)
class ActionProcessRequest:
    """An action to run, as a process."""

    verb: str
    request: str
    """The JSON text of the request."""
    description: str
    """What it does, for the display of what runs."""
    done: str | None = None
    """What it did, for a line of the log if it ran; None if that is not worth a line."""
    size: int | None = None
    """Of what it reads, in bytes: both say it."""
    input_digest: Digest = EMPTY_DIGEST
    mounts: FrozenDict[str, Digest] = FrozenDict()
    """Trees that many processes read, by their folder."""
    output_files: tuple[str, ...] = ()
    output_directories: tuple[str, ...] = ()
    env: FrozenDict[str, str] = FrozenDict()
    append_only_caches: FrozenDict[str, str] = FrozenDict()
    cache_scope: ProcessCacheScope = ProcessCacheScope.SUCCESSFUL
    run: RunId | None = None
    """The run of Pants, for a process that runs in each. To the engine, equal results of two runs
    are one, so that nothing would log the second."""
    timeout_seconds: int | None = None
    without: tuple[str, ...] = ()
    """What its sources import and this request does not need: names of libraries' modules."""
    compiles: bool = False
    """Whether it makes byte code: before Python 3.11, the order of sets in it depends on a seed."""


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
    """All its outputs."""
    metadata: ProcessResultMetadata = field(compare=False, hash=False)
    """Where it comes from: run now, or remembered."""


@dataclass(frozen=True)
class BareActionRequest:
    """An action that needs no library."""

    action: ActionProcessRequest


@dataclass(frozen=True)
class PlacedBareActionRequest:
    """An action that needs no library, for an environment that the caller chooses."""

    action: ActionProcessRequest


@dataclass(frozen=True)
class RequestFile:
    """The JSON of a request, and the other inputs of a process."""

    digest: Digest


@dataclass(frozen=True)
class FinishedAction:
    """A process of an action that has ended."""

    verb: str
    result: FallibleProcessResult


def process_of(
    request: ActionProcessRequest, python: ActionPython, tree: Digest, inputs: Digest
) -> Process:
    """The process that runs an action with the sources and libraries in `tree`."""
    flags = _SEEDED if request.compiles else _ISOLATED
    size = f" ({size_text(request.size)})" if request.size else ""
    start = (python.path, *flags, f"{ACTIONS_DIR}/{START_FILE}")
    return Process(
        argv=(*start, request.verb, "--request", _REQUEST, "--result", RESULT),
        description=f"{request.description}{size}",
        # Shown while it runs, but without Pants' lines in the log: `logged_work` has one.
        level=LogLevel.DEBUG,
        input_digest=inputs,
        immutable_input_digests={
            ACTIONS_DIR: tree,
            **mounted(python.digest),
            **request.mounts,
        },
        append_only_caches=request.append_only_caches,
        env=_SEED if request.compiles else request.env,
        output_files=(RESULT, *request.output_files),
        output_directories=request.output_directories,
        cache_scope=request.cache_scope,
        timeout_seconds=request.timeout_seconds,
    )


@rule
async def request_file(request: ActionProcessRequest) -> RequestFile:
    file = await engine.create_digest(
        CreateDigest([FileContent(_REQUEST, request.request.encode())])
    )
    return RequestFile(await engine.merge_digests(MergeDigests([file, request.input_digest])))


@rule
async def finished_action(request: FinishedAction) -> ActionResult:
    result = request.result
    if result.exit_code != 0:
        raise action_failure(request.verb, result.exit_code, result.stderr.decode(errors="replace"))
    # Its other outputs may have gigabytes.
    file = await engine.digest_subset_to_digest(
        DigestSubset(result.output_digest, PathGlobs([RESULT]))
    )
    (content,) = await engine.get_digest_contents(file)
    return ActionResult(content.content.decode(), result.output_digest, result.metadata)


@rule
async def run_bare_action(request: BareActionRequest) -> ActionResult:
    action = request.action
    python, sources, inputs = await concurrently(
        action_python(ActionPythonRequest(), **implicitly()),
        action_sources(ActionSourcesRequest(action.verb), **implicitly()),
        request_file(action, **implicitly()),
    )
    process = process_of(action, python, sources.digest, inputs.digest)
    result = await engine.execute_process(process)
    finished: ActionResult = await finished_action(
        FinishedAction(action.verb, result), **implicitly()
    )
    return finished


@rule_of_environment
async def placed_bare_action(request: PlacedBareActionRequest) -> ActionResult:
    result: ActionResult = await run_bare_action(BareActionRequest(request.action), **implicitly())
    return result


def action_failure(verb: str, exit_code: int, stderr: str) -> Exception:
    """The error to show for an action that failed: the user's mistake, or a bug of ours."""
    # At the start of a line: the last line of a stack trace can be `zlib.error: ...`.
    said = _ERROR.search(stderr)
    if exit_code == 1 and said is not None:
        return VenvstacksError(stderr[said.end() :].rstrip())
    return ActionError(
        f"The action `{verb}` ended with exit code {exit_code}. This is a bug of venvstacks_rules; "
        f"please report it with what the action printed:\n{printable_lines(stderr.rstrip())}"
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
