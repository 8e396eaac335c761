"""What a publish does with bytes alone, beside `rsync`: hash them, and have the disk keep them.

The part ``publish`` has a stack of 70 MB, of which the starts of processes take longer than the
bytes.
"""

from __future__ import annotations

import hashlib
import os
import shutil
import statistics
import sys
from dataclasses import dataclass, field
from pathlib import Path

from benchmarks.measure import Took, took

FILES, SIZE = 8, 64 * 1024 * 1024
_UPLOAD = """\
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from venvstacks_rules.model.repository.keys import blob_key
from venvstacks_rules.model.repository.references import Reference
from venvstacks_rules.repository.stores.opened import opened
from venvstacks_rules.repository.stores.store import Content

store = opened(sys.argv[1])
blobs = [Content(Reference(path.name, path.stat().st_size), path=path)
         for path in Path(sys.argv[2]).iterdir()]
with ThreadPoolExecutor(store.concurrency) as pool:
    list(pool.map(lambda blob: store.put_if_absent(blob_key(blob.reference.sha256), blob), blobs))
"""


@dataclass(frozen=True)
class Uploads:
    """Runs of both, alternating."""

    ours: list[Took] = field(default_factory=list)
    copies: list[Took] = field(default_factory=list)


def measure(root: Path, folder: Path, runs: int) -> Uploads:
    """Store blobs in a folder, and copy them."""
    shutil.rmtree(folder, ignore_errors=True)
    blobs = folder / "blobs"
    blobs.mkdir(parents=True)
    for _ in range(FILES):
        data = os.urandom(SIZE)
        (blobs / hashlib.sha256(data).hexdigest()).write_bytes(data)
    environment = {"PYTHONPATH": str(root / "src/python")}
    found = Uploads()
    for _ in range(runs):
        to = folder / "to"
        upload = [sys.executable, "-c", _UPLOAD, to.as_uri(), str(blobs)]
        found.ours.append(took(upload, env=environment))
        shutil.rmtree(to)
        # Both wait until the disk has it.
        copy = ["rsync", "--archive", "--fsync", "--mkpath", f"{blobs}/", f"{to}/"]
        found.copies.append(took(copy))
        shutil.rmtree(to)
    shutil.rmtree(folder)
    return found


def table(found: Uploads) -> str:
    """The table, as Markdown."""
    head = f"| {FILES * SIZE / 1e6:.0f} MB into a folder | ours | rsync | ratio | goal |"
    lines = [head, "|---|---|---|---|---|"]
    for name in ("wall", "processor"):
        ours, copies = (
            statistics.median(getattr(one, name) for one in each)
            for each in (found.ours, found.copies)
        )
        lines.append(f"| {name} | {ours:.2f} s | {copies:.2f} s | {ours / copies:.2f} | <= 1.3 |")
    return "\n".join(lines)
