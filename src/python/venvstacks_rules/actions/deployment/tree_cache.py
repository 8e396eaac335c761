"""A cache of unpacked wheels and interpreters, and of their byte code, to link layers from.

    <cache>/lock                    held, shared, by the processes that use the cache
    <cache>/trees/<key>/            one tree: its files and their listing
    <cache>/staging/<process>/      what a process is working on

A tree appears and goes by one rename, so a process can be killed at any moment, and several can
work side by side: the same key always has the same content, whichever process is first. A process
that finds the cache unused removes what killed ones left, and trees that were not used for long.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

from venvstacks_rules.actions.deployment import swap
from venvstacks_rules.actions.deployment.folders import remove, staging_folder
from venvstacks_rules.actions.deployment.usage import mark_used, prune
from venvstacks_rules.actions.files.tree import LISTING, Tree, TreeWriter, read_tree, tree_in
from venvstacks_rules.local.files.locks import Lock

# Changes whenever trees made by an older version of the actions must not be used any more.
FORMAT = "2"


def key(*parts: str) -> str:
    """The name of a tree that depends on nothing but `parts`."""
    return hashlib.sha256("\0".join((FORMAT, *parts)).encode()).hexdigest()


class TreeCache:
    """The cache while this process uses it."""

    def __init__(self, root: Path, staging: Path, *, verify: bool) -> None:
        self._trees = root / "trees"
        self._verify = verify
        self.staging = staging
        """A folder on the cache's file system; it is removed when the process is done."""
        self._trees.mkdir(exist_ok=True)

    def find(self, name: str) -> Tree | None:
        """The tree of that key; None if it is missing or not as it was written."""
        place = self._trees / name
        tree = read_tree(place, verify=self._verify)
        if tree is not None:
            mark_used(place / LISTING)
        return tree

    def add(self, name: str, write: Callable[[TreeWriter], None]) -> Tree:
        """Make the tree of that key with `write`; it replaces a damaged one."""
        staged = self.staging / name
        staged.mkdir()
        writer = TreeWriter(staged)
        write(writer)
        files = writer.finish()
        place = self._trees / name
        if not swap.move(staged, place):
            # It is damaged, or another process was faster and may be linking from it right now.
            if read_tree(place, verify=self._verify) is None:
                swap.take_place(staged, place, self.staging / "old")
            remove(staged)
        return tree_in(place, files)


@contextmanager
def tree_cache(path: str, *, verify: bool = False) -> Iterator[TreeCache]:
    """The cache in the folder `path`, which is created if it is missing.

    With `verify`, it reads all files of a tree before it hands the tree out.
    """
    root = Path(os.path.realpath(path))
    with Lock(root / "lock") as lock:
        if lock.try_take():
            # This also removes what killed processes left in the staging folder.
            with staging_folder(root / "staging") as away:
                prune(root / "trees", LISTING, away)
        lock.share()
        with staging_folder(root / "staging", shared=True) as staging:
            yield TreeCache(root, staging, verify=verify)
