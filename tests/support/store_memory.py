"""A process of `test_contract.py`: by how many bytes its memory grows with a large blob."""

from __future__ import annotations

import hashlib
import json
import resource
import sys
import tempfile
from pathlib import Path

from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Content

SIZE = 96_000_000


def main() -> None:
    """Print the difference."""
    url, what = sys.argv[1:]
    store = opened(url, json.load(sys.stdin))
    with tempfile.TemporaryDirectory() as folder:
        path, key = Path(folder, "large"), "large"
        hasher = hashlib.sha256()
        with path.open("wb") as file:
            for _ in range(96):
                file.write(b"x" * 1_000_000)
                hasher.update(b"x" * 1_000_000)
        reference = Reference(hasher.hexdigest(), SIZE)
        store.size("repository.json")
        before = _peak()
        if what == "write":
            key = blob_key(reference.sha256)
            assert store.put_if_absent(key, Content(reference, path=path))
        assert sum(map(len, store.read(key, 0, SIZE))) == SIZE
        print(_peak() - before)


def _peak() -> int:
    size = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return size if sys.platform == "darwin" else size * 1024


if __name__ == "__main__":
    main()
