"""Checks and unpacks the archives of layers that go into one folder."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path

from venvstacks_rules.model.errors import ArchiveError, DeploymentError
from venvstacks_rules.model.hashes import is_sha256_hex
from venvstacks_rules.model.paths import install_target_problem
from venvstacks_rules.model.requests.deploy import DeployedArchive


def check_archives(archives: Sequence[DeployedArchive]) -> None:
    """Raise DeploymentError unless `archives` can be the layers of one folder."""
    problems = []
    if not archives:
        problems.append("no archives are given; the first must be the runtime's")
    seen: set[str] = set()
    for archive in archives:
        problem = install_target_problem(archive.install_target)
        if problem is not None:
            problems.append(problem)
        elif archive.install_target.casefold() in seen:
            problems.append(f"`{archive.install_target}` is given twice")
        if not is_sha256_hex(archive.sha256):
            problems.append(f"`{archive.install_target}`: `{archive.sha256}` is not a SHA-256")
        seen.add(archive.install_target.casefold())
    if problems:
        raise DeploymentError("invalid deployment request", problems)


def unpack_all(archives: Sequence[DeployedArchive], folders: Sequence[Path]) -> None:
    """Unpack each archive into its new folder, in parallel.

    Raises ArchiveError with the problems of all archives.
    """
    # Imported here because starting an application that is deployed already must not wait for it.
    from venvstacks_rules.actions.unpacking.unpack import unpack

    for folder in folders:
        folder.mkdir(parents=True)
    if len(archives) == 1:
        # No threads, whose import takes longer than many an application.
        unpack(archives[0], folders[0])
        return
    from concurrent.futures import ThreadPoolExecutor

    with ThreadPoolExecutor(max_workers=min(8, os.cpu_count() or 1)) as pool:
        futures = [pool.submit(unpack, *pair) for pair in zip(archives, folders)]
    errors = [error for error in (future.exception() for future in futures) if error is not None]
    for error in errors:
        if not isinstance(error, ArchiveError):
            raise error
    if len(errors) == 1:
        raise errors[0]
    if errors:
        raise ArchiveError("several archives cannot be deployed", [str(e) for e in errors])
