from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from venvstacks_rules.repository.stores.parallel import in_parallel


def test_results_are_in_the_order_of_the_items() -> None:
    assert list(in_parallel(lambda n: n * n, range(50), 4)) == [n * n for n in range(50)]
    assert list(in_parallel(str, [], 4)) == []


def test_calls_run_at_the_same_time() -> None:
    barrier = threading.Barrier(3, timeout=30)
    assert list(in_parallel(lambda _: barrier.wait() >= 0, range(3), 3)) == [True] * 3


def test_few_items_are_taken_ahead() -> None:
    taken = []

    def items() -> Iterator[int]:
        for n in range(1000):
            taken.append(n)
            yield n

    results = in_parallel(str, items(), 2)
    assert next(results) == "0"
    assert len(taken) <= 5


def test_the_first_error_ends_it() -> None:
    def call(n: int) -> int:
        if n == 3:
            raise ValueError(n)
        return n

    results = in_parallel(call, range(10_000), 2)
    with pytest.raises(ValueError, match="3"):
        list(results)
