"""Files are read by several threads, and come back in order."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor

import pytest

from venvstacks_rules.client.disk.threads import mapped


def test_results_come_in_the_order_of_the_items() -> None:
    both = threading.Barrier(2)

    def doubled(item: int) -> int:
        if item in (0, 64):
            # Only together: so two threads work at the same time.
            both.wait(timeout=60)
        return 2 * item

    with ThreadPoolExecutor(2) as pool:
        assert list(mapped(pool, doubled, range(100))) == list(range(0, 200, 2))
        assert list(mapped(pool, doubled, [])) == []


def test_an_error_of_one_item_is_raised() -> None:
    with ThreadPoolExecutor(2) as pool, pytest.raises(ZeroDivisionError):
        list(mapped(pool, lambda item: 1 // item, [2, 1, 0]))
