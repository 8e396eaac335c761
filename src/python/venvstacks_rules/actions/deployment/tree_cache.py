"""A cache of unpacked wheels and interpreters, and of their byte code, to link layers from.

    <cache>/lock                    held, shared, by whoever uses the cache
    <cache>/trees/<key>/            one tree: its files and their listing
    <cache>/staging/<run>/          what a run is working on

A tree appears by one rename when it is complete, so a process can be killed at any moment, and
several can work side by side: the same key always has the same content, whoever is first. Whoever
has the cache for itself removes what killed runs left, and trees that nobody used for 30 days.
"""

from __future__ import annotations

import errno
import fcntl
import hashlib
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from venvstacks_rules.actions.deployment import swap
from venvstacks_rules.actions.deployment.folders import new_staging, remove
from venvstacks_rules.actions.files.tree import (
    Tree,
    TreeWriter,
    last_used,
    mark_used,
    read_tree,
    tree_in,
)

_UNUSED_SECONDS = 30 * 24 * 3600

# Changes whenever trees made by an older version of the actions must not be used any more.
FORMAT = "1"


def key(*parts: str) -> str:
    """The name of a tree that depends on nothing but `parts`."""
    return hashlib.sha256("\0".join((FORMAT, *parts)).encode()).hexdigest()


class TreeCache:
    """The cache, while this process uses it."""

    def __init__(self, root: Path, staging: Path) -> None:
        self._trees = root / "trees"
        self.staging = staging
        """A folder on the cache's file system for this run; it goes when the run ends."""
        self._trees.mkdir(exist_ok=True)

    def find(self, name: str) -> Tree | None:
        """The tree of that key; None where it is missing or not as it was written."""
        place = self._trees / name
        tree = read_tree(place)
        if tree is not None:
            with suppress(PermissionError):  # Someone else's cache: it is theirs to tidy.
                mark_used(place)
        return tree

    def add(self, name: str, write: Callable[[TreeWriter], None]) -> Tree:
        """Make the tree of that key with `write`, in the place of whatever is there."""
        staged = self.staging / name
        staged.mkdir()
        writer = TreeWriter(staged)
        write(writer)
        files = writer.finish()
        place = self._trees / name
        try:
            os.rename(staged, place)
        except OSError as e:
            if e.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
            self._replace(staged, place)
        return tree_in(place, files)

    def _replace(self, staged: Path, place: Path) -> None:
        # Another run was faster, and may be linking from it at this moment, or it is damaged.
        if read_tree(place) is None and not swap.exchange(staged, place):
            os.rename(place, self.staging / f"{place.name}.old")
            os.rename(staged, place)
        remove(staged)


@contextmanager
def tree_cache(path: str) -> Iterator[TreeCache]:
    """The cache in the folder `path`, which is made if need be."""
    root = Path(os.path.realpath(path))
    root.mkdir(parents=True, exist_ok=True)
    descriptor = os.open(root / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o644)
    try:
        with suppress(BlockingIOError):
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            _tidy(root)
        fcntl.flock(descriptor, fcntl.LOCK_SH)
        staging = new_staging(root / "staging")
        try:
            yield TreeCache(root, staging)
        finally:
            remove(staging)
    finally:
        os.close(descriptor)


def _tidy(root: Path) -> None:
    """Remove what killed runs left and what nobody used for long; nobody else uses the cache."""
    remove(root / "staging")
    trees = root / "trees"
    oldest = time.time() - _UNUSED_SECONDS
    for place in sorted(trees.iterdir()) if trees.is_dir() else []:
        if last_used(place) < oldest:
            remove(place)
