"""Reads stack files, and finds their problems."""

from __future__ import annotations

import logging
import posixpath
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Optional

from pants.engine.fs import PathGlobs
from pants.engine.internals.session import RunId

from venvstacks_rules.model.locks.uv_settings import index_names, uv_settings
from venvstacks_rules.model.stack_file.checks import stack_file_problems, toml_problem
from venvstacks_rules.model.stack_file.read import StackFile, parse_stack_file
from venvstacks_rules.model.wording import printable_lines
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, concurrently, implicitly, rule
from venvstacks_rules.pants_backend.graph.module_files import ModuleRequest, find_module
from venvstacks_rules.pants_backend.subsystems.venvstacks import PythonProvider, VenvstacksSubsystem

logger = logging.getLogger(__name__)

UV_CONFIG = "venvstacks.uv.toml"
"""The file with the settings for locking, if the stack file has none."""


@dataclass(frozen=True)
class StackFileRequest:
    """A stack file, by its path from the build root."""

    path: str


@dataclass(frozen=True)
class ReadStackFile:
    """A stack file as written, sound or not."""

    stack: StackFile
    uv_config: Optional[str]
    """The name of the file with the settings for locking: the stack file, or one beside it."""
    indexes: Optional[tuple[str, ...]]
    """The names of the indexes in `uv_config`; None if they are unknown."""
    problem: Optional[str] = None
    """Why the stack file cannot be read, if it cannot."""


@dataclass(frozen=True)
class StackFileProblemsRequest:
    """A stack file, by its path from the build root."""

    path: str


@dataclass(frozen=True)
class StackFileProblems:
    """All problems of a stack file."""

    messages: tuple[str, ...]


@dataclass(frozen=True)
class StackFileWarningsRequest:
    """A stack file, by its path from the build root."""

    path: str


@dataclass(frozen=True)
class StackFileWarnings:
    """The warnings about a stack file are in the log."""


@rule
async def read_stack_file(request: StackFileRequest, options: VenvstacksSubsystem) -> ReadStackFile:
    path = request.path
    beside = posixpath.join(posixpath.dirname(path), UV_CONFIG)
    digest = await engine.path_globs_to_digest(PathGlobs([path, beside]))
    files = {file.path: file.content for file in await engine.get_digest_contents(digest)}
    problem = None
    document: dict[str, object] = {}
    if path not in files:
        problem = f"{path}: there is no such file. Create it, or correct the field `source`."
    else:
        try:
            document = engine.toml_loads(files[path])
        except ValueError as e:
            problem = toml_problem(path, str(e))
    stack = parse_stack_file(document, path, default_macosx_target=options.checked_macosx_target)
    # A stack without settings of its own uses those of the option; locking reads them.
    uv_config: str | None = None
    indexes: tuple[str, ...] | None = None if options.uv_config else ()
    if stack.uv_config is not None:
        uv_config, indexes = posixpath.basename(path), index_names(stack.uv_config)
    elif beside in files:
        uv_config, indexes = UV_CONFIG, _indexes_beside(files[beside])
    return ReadStackFile(stack, uv_config, indexes, problem)


def _indexes_beside(content: bytes) -> tuple[str, ...] | None:
    """The names of the indexes in the settings; None if locking will refuse the settings."""
    try:
        return index_names(uv_settings(engine.toml_loads(content), UV_CONFIG))
    except ValueError:
        return None


# It runs in every run, because `RunId` changes, so that it warns every time. Its result is always
# the same, so that the engine remembers what depends on it.
@rule
async def logged_stack_file_warnings(
    request: StackFileWarningsRequest, _: RunId
) -> StackFileWarnings:
    read = await read_stack_file(StackFileRequest(request.path), **implicitly())
    for warning in read.stack.warnings:
        logger.warning("%s", printable_lines(warning))
    return StackFileWarnings()


@rule
async def find_stack_file_problems(
    request: StackFileProblemsRequest, options: VenvstacksSubsystem
) -> StackFileProblems:
    read, _ = await concurrently(
        read_stack_file(StackFileRequest(request.path), **implicitly()),
        logged_stack_file_warnings(StackFileWarningsRequest(request.path), **implicitly()),
    )
    if read.problem is not None:
        return StackFileProblems((read.problem,))
    folder = posixpath.dirname(request.path)
    paths = sorted({path for layer in read.stack.layers for path in layer.modules})
    modules = await concurrently(
        find_module(ModuleRequest(folder, path), **implicitly()) for path in paths
    )
    return StackFileProblems(
        stack_file_problems(
            read.stack,
            modules={path: module.definition for path, module in zip(paths, modules)},
            known_indexes=read.indexes,
            patch_release_needed=options.python_provider is PythonProvider.ARCHIVE,
        )
    )


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
