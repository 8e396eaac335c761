"""Functions of a test in processes of their own."""

from __future__ import annotations

import multiprocessing
from collections.abc import Callable

FORKED = multiprocessing.get_context("fork")


def in_processes(*functions: Callable[[], object]) -> list[int | None]:
    """The exit codes of processes that run functions at the same time."""
    processes = [FORKED.Process(target=function) for function in functions]
    for process in processes:
        process.start()
    for process in processes:
        process.join()
    return [process.exitcode for process in processes]
