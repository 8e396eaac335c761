"""Threads that read files: they are hashed without the interpreter's lock."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Callable, TypeVar

WORKERS = min(8, os.cpu_count() or 1)
_GROUP = 32

_Item = TypeVar("_Item")
_Result = TypeVar("_Result")


def mapped(
    pool: ThreadPoolExecutor, function: Callable[[_Item], _Result], items: Sequence[_Item]
) -> Iterator[_Result]:
    """`function` of each item, in order.

    A thread takes many items at a time: to hand over one takes longer than to read a small file.
    """
    groups = [items[start : start + _GROUP] for start in range(0, len(items), _GROUP)]
    for results in pool.map(lambda group: [function(item) for item in group], groups):
        yield from results
