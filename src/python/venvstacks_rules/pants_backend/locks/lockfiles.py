"""Reads the committed files of a layer's lock."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import PathGlobs

from venvstacks_rules.model.errors import LockError
from venvstacks_rules.model.locks.metadata import LockMetadata
from venvstacks_rules.model.locks.pylock import Lockfile
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.processes.actions_lock import parsed_lockfile


@dataclass(frozen=True)
class LockFilesRequest:
    """The committed files of one layer's lock."""

    pylock: str
    """The path of the ``pylock`` file, relative to the build root."""


@dataclass(frozen=True)
class LockFiles:
    """The files of a layer's lock, as found."""

    lockfile: Lockfile | None
    """None if the file is missing or cannot be read."""
    metadata: LockMetadata | None
    """None if the ``.meta.json`` is missing or cannot be read."""
    problems: tuple[str, ...] = ()
    """Why the files cannot be read."""

    @property
    def lock_version(self) -> int:
        """The version of the lock, 1 without metadata."""
        return self.metadata.lock_version if self.metadata else 1

    @property
    def locked_at(self) -> str:
        """An ISO 8601 time; empty without metadata."""
        return self.metadata.locked_at if self.metadata else ""


def lock_metadata_path(pylock: str) -> str:
    """The path of the ``.meta.json`` beside a ``pylock`` file."""
    return f"{pylock[: -len('.toml')]}.meta.json"


@rule
async def lock_files(request: LockFilesRequest) -> LockFiles:
    metadata_path = lock_metadata_path(request.pylock)
    digest = await engine.path_globs_to_digest(PathGlobs([request.pylock, metadata_path]))
    files = {file.path: file.content for file in await engine.get_digest_contents(digest)}
    problems: tuple[str, ...] = ()
    metadata = lockfile = None
    try:
        if metadata_path in files:
            metadata = LockMetadata.from_json(files[metadata_path], metadata_path)
        if request.pylock in files:
            lockfile = parsed_lockfile(files[request.pylock], request.pylock)
    except LockError as e:
        problems = tuple(f"{e.summary}: {problem}" for problem in e.problems)
    return LockFiles(None if problems else lockfile, metadata, problems)


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
