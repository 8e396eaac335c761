"""Files that lockfiles pin, from the repository."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from pants.engine.fs import FileEntry, PathGlobs

from venvstacks_rules.model.paths import literal_glob
from venvstacks_rules.pants_backend import engine
from venvstacks_rules.pants_backend.engine import collect_rules, rule
from venvstacks_rules.pants_backend.inputs.downloads import not_as_pinned, renewal


@dataclass(frozen=True)
class RepositoryFile:
    """A file of the repository that a lockfile pins."""

    path: str | None
    """Relative to the build root; None if it leads out of the repository."""
    written: str
    """The path as in the lockfile."""
    sha256: str | None
    """None if the lockfile has none."""
    size: int | None
    """In bytes; None if the lockfile has none."""


@dataclass(frozen=True)
class RepositoryFilesRequest:
    """Files of the repository that a layer's lockfile pins."""

    target: str
    """The address of the layer, for messages."""
    files: tuple[RepositoryFile, ...]


@dataclass(frozen=True)
class RepositoryFiles:
    """Files that have the pinned hashes and sizes, in the order of the request."""

    entries: tuple[FileEntry, ...]


def _repository_problem(file: RepositoryFile, entry: FileEntry | None, target: str) -> str | None:
    """The problem of a file, with the remedy; `entry` is the file in the repository."""
    if file.path is None:
        return f"`{file.written}` is outside of the repository. Move it into it, and lock again."
    size = entry.file_digest.serialized_bytes_length if entry else None
    sha256 = entry.file_digest.fingerprint if entry else None
    if entry is None:
        what = (
            f"there is no file {file.path}, or Pants ignores it: see `[GLOBAL].pants_ignore` and "
            "`.gitignore`"
        )
    elif file.size not in (None, size):
        what = f"{file.path} has {size} bytes, but the lockfile pins {file.size}"
    elif file.sha256 not in (None, sha256):
        what = f"{file.path} has SHA-256 {sha256}, but the lockfile pins {file.sha256}"
    else:
        return None
    return f"{what}. Restore it, or {renewal(target)}"


@rule
async def repository_files(request: RepositoryFilesRequest) -> RepositoryFiles:
    paths = [file.path for file in request.files if file.path is not None]
    digest = await engine.path_globs_to_digest(PathGlobs(map(literal_glob, paths)))
    entries = {
        entry.path: entry
        for entry in await engine.get_digest_entries(digest)
        if isinstance(entry, FileEntry)
    }
    found = (
        _repository_problem(file, entries.get(file.path or ""), request.target)
        for file in request.files
    )
    problems = [f"{request.target}: {problem}" for problem in found if problem is not None]
    if problems:
        raise not_as_pinned(problems)
    return RepositoryFiles(tuple(entries[path] for path in paths))


def rules() -> Iterable[object]:
    """The rules of this module."""
    return collect_rules()
