"""The lockfile of the actions' libraries: the one that the plugin ships, or the user's."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from importlib import resources

from pants.engine.fs import PathGlobs

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.subsystems.actions import ActionsSubsystem

_RESOURCE = "pylock.actions.toml"


@dataclass(frozen=True)
class ActionsLockRequest:
    """The lockfile of the actions' libraries."""


@dataclass(frozen=True)
class ActionsLock:
    """The lockfile of the actions' libraries."""

    lockfile: Lockfile
    origin: str
    """The file, for messages."""


@rule
async def actions_lock(_: ActionsLockRequest, options: ActionsSubsystem) -> ActionsLock:
    path = options.lockfile
    if path is None:
        return ActionsLock(shipped_lock(), f"{_RESOURCE} of venvstacks_rules")
    digest = await engine.path_globs_to_digest(PathGlobs([literal_glob(path)]))
    contents = await engine.get_digest_contents(digest)
    if not contents:
        raise LockError(
            "`[venvstacks-actions].lockfile` cannot be used:",
            [f"there is no file {path!r}. Create it, or correct the option."],
        )
    return ActionsLock(parsed_lockfile(contents[0].content, path), path)


def shipped_lock() -> Lockfile:
    """The lockfile that the plugin ships."""
    content = (resources.files("venvstacks_rules.actions") / _RESOURCE).read_bytes()
    return parsed_lockfile(content, _RESOURCE)


def parsed_lockfile(content: bytes, origin: str) -> Lockfile:
    """The lockfile in `content`; raises LockError with `origin` if it is none."""
    try:
        data = engine.toml_loads(content)
    except ValueError as e:
        raise LockError(f"{origin}: not a TOML file", [str(e)]) from None
    return Lockfile.from_dict(data, origin)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
