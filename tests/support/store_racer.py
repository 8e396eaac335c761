"""A process of `test_contract.py`: two threads that each add two lines to one file."""

from __future__ import annotations

import json
import sys
from concurrent.futures import ThreadPoolExecutor

from venvstacks_rules.repository.stores.opened import opened

KEY = "channels/demo/stable/linux_x86_64.json"


def main() -> None:
    """Print how many replacements succeeded."""
    url, name = sys.argv[1:]
    store = opened(url, json.load(sys.stdin))

    def add(line: str) -> int:
        while True:
            found = store.get(KEY, limit=10**6)
            lines = [] if found is None else json.loads(found.data)
            data = json.dumps([*lines, line]).encode()
            if store.replace(KEY, data, None if found is None else found.mark):
                return 1

    def work(thread: int) -> int:
        return sum(add(f"{name}{thread}.{i}") for i in range(2))

    with ThreadPoolExecutor(2) as pool:
        print(sum(pool.map(work, range(2))))


if __name__ == "__main__":
    main()
