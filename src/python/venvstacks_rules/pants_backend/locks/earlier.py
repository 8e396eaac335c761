"""The lockfile before the present one, out of the history that git keeps.

It serves messages only: nothing that is built depends on the history. So the processes that read
it look outside of their sandboxes, and are run anew in every session.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.base.build_root import BuildRoot
from pants.core.util_rules.system_binaries import BinaryPathRequest, SearchPath
from pants.engine.env_vars import EnvironmentVarsRequest
from pants.engine.fs import PathGlobs
from pants.engine.process import Process, ProcessCacheScope
from pants.util.frozendict import FrozenDict
from pants.util.logging import LogLevel

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import (
    collect_rules,
    implicitly,
    rule,
    rule_of_environment,
)
from venvstacks_rules.pants_backend.processes.actions_lock import parsed_lockfile

# As Pants looks for git itself.
_SEARCH_PATH = SearchPath(("/usr/bin", "/bin", "/usr/local/bin", "/opt/homebrew/bin"))


@dataclass(frozen=True)
class EarlierLockfileRequest:
    """The lockfile before the present one. Ask in the environment of the machine of the build."""

    pylock: str
    """The path of the ``pylock`` file, relative to the build root."""


@dataclass(frozen=True)
class EarlierLockfile:
    """The lockfile before the present one."""

    lockfile: Lockfile | None
    """None without git, before the first commit of the lockfile, and if it cannot be read."""


@dataclass(frozen=True)
class GitRequest:
    """A command of git that only reads, run in the build root."""

    arguments: tuple[str, ...]


@dataclass(frozen=True)
class GitOutput:
    """What a command of git printed."""

    content: bytes | None
    """None if it failed, or if there is no git."""


@rule
async def git_output(request: GitRequest, build_root: BuildRoot) -> GitOutput:
    found = await engine.find_binary(BinaryPathRequest(binary_name="git", search_path=_SEARCH_PATH))
    if found.first_path is None:
        return GitOutput(None)
    # Its settings may say that this user may read a repository of another one.
    env = await engine.environment_vars_subset(EnvironmentVarsRequest(["HOME"]))
    done = await engine.execute_process(
        Process(
            argv=(found.first_path.path, "-C", str(build_root.path), *request.arguments),
            description="Read the lock before the present one from git",
            level=LogLevel.DEBUG,
            env=FrozenDict(env),
            cache_scope=ProcessCacheScope.PER_SESSION,
        )
    )
    return GitOutput(done.stdout if done.exit_code == 0 else None)


@rule_of_environment
async def earlier_lockfile(request: EarlierLockfileRequest) -> EarlierLockfile:
    digest = await engine.path_globs_to_digest(PathGlobs([request.pylock]))
    present = [file.content for file in await engine.get_digest_contents(digest)]
    # Relative to the build root, which may lie deep in the repository.
    path = f"./{request.pylock}"
    committed = await git_output(GitRequest(("show", f"HEAD:{path}")), **implicitly())
    content = committed.content
    if content is not None and content in present:
        last = await git_output(
            GitRequest(("rev-list", "--max-count=1", "HEAD", "--", path)), **implicitly()
        )
        commit = (last.content or b"").decode().strip()
        # In a shallow clone it may have no parent.
        before = await git_output(GitRequest(("show", f"{commit}^:{path}")), **implicitly())
        content = before.content
    if content is None:
        return EarlierLockfile(None)
    try:
        return EarlierLockfile(parsed_lockfile(content, request.pylock))
    except LockError:
        return EarlierLockfile(None)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
